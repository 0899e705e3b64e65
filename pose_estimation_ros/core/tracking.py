"""Gives people the same id from frame to frame: greedy matching by OKS, then by box overlap for what moved fast."""

from typing import Sequence

import numpy as np

from pose_estimation_ros.core.geometry import iou
from pose_estimation_ros.core.oks import box_area, oks
from pose_estimation_ros.core.poses import Poses, empty_poses
from pose_estimation_ros.core.stamps import StampClock


class Tracker:
    """Track ids count from 1 and are never used twice by one tracker, not even after a reset.

    Args: sigmas (K,) of the skeleton; min_oks and min_iou: what a match must reach, 0..1; max_age_s: how long a person
    may be missing and still come back under the old id.
    """

    def __init__(self, sigmas, min_oks=0.3, min_iou=0.3, max_age_s=1.0):
        # type: (Sequence[float], float, float, float) -> None
        self._sigmas = tuple(sigmas)
        self._min_oks, self._min_iou, self._max_age_s = min_oks, min_iou, max_age_s
        self._next_id = 1
        self._clock = StampClock()
        self.reset()

    def reset(self):
        # type: () -> None
        """Forgets everybody."""
        self._tracks = empty_poses(len(self._sigmas))  # each person as last seen, with track_id
        self._age_s = np.zeros(0)  # type: np.ndarray  # time since then

    def update(self, poses, stamp_s):
        # type: (Poses, float) -> Poses
        """The same people in the same order with track_id filled. stamp_s: time of the image in seconds."""
        step_s = self._clock.advance(stamp_s)
        if step_s is None:
            self.reset()
        else:
            self._forget_old(step_s)
        match = self._match(poses)
        new = match < 0
        track_id = np.zeros(poses.count, np.int32)
        track_id[~new] = self._tracks.track_id[match[~new]]
        track_id[new] = self._next_id + np.arange(new.sum())
        self._next_id += int(new.sum())
        tracked = poses._replace(track_id=track_id)
        self._remember(tracked, match)
        return tracked

    def _forget_old(self, step_s):
        # type: (float) -> None
        age_s = self._age_s + step_s
        young = age_s <= self._max_age_s
        self._tracks, self._age_s = self._tracks.select(young), age_s[young]

    def _match(self, poses):
        # type: (Poses) -> np.ndarray
        """For each person the index of its track, or -1: (N,) int."""
        tracks = self._tracks
        alike = oks(tracks.xy, tracks.score, box_area(tracks.box_xyxy), poses.xy, self._sigmas)
        match = match_greedily(alike, self._min_oks, np.full(poses.count, -1))
        return match_greedily(iou(tracks.box_xyxy, poses.box_xyxy), self._min_iou, match)

    def _remember(self, tracked, match):
        # type: (Poses, np.ndarray) -> None
        missing = np.ones(self._tracks.count, bool)
        missing[match[match >= 0]] = False
        kept = self._tracks.select(missing)
        self._tracks = Poses(*(np.concatenate(pair) for pair in zip(tracked, kept)))
        self._age_s = np.concatenate([np.zeros(tracked.count), self._age_s[missing]])


def match_greedily(similarity, threshold, match):
    # type: (np.ndarray, float, np.ndarray) -> np.ndarray
    """Pairs rows with columns, the most similar first, each at most once.

    Args: similarity (T, N); pairs below the threshold do not count; match (N,) int: row of each column paired
    before, or -1.
    Returns match with the new pairs filled in.
    """
    match = match.copy()
    left = np.where(similarity >= threshold, similarity, -np.inf)
    left[match[match >= 0]] = -np.inf
    left[:, match >= 0] = -np.inf
    for _ in range(min(left.shape)):
        row, column = np.unravel_index(left.argmax(), left.shape)
        if left[row, column] == -np.inf:
            break
        match[column] = row
        left[row], left[:, column] = -np.inf, -np.inf
    return match
