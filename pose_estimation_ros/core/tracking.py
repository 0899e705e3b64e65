"""Gives people the same id from frame to frame: where each should be by now is matched with who is found.

A person is expected where they would be at the velocity they had (constant velocity). OKS tells neighbours apart; the
overlap of boxes bears a poor model's keypoints and quick movements. The assignment with the greatest sum of likeness
wins, confirmed people first. docs/tracking.md says what each part brings, on scenes with exact truth.
"""

from typing import NamedTuple, Sequence

import numpy as np

from pose_estimation_ros.core.geometry import iou
from pose_estimation_ros.core.hungarian import assign
from pose_estimation_ros.core.oks import box_area, oks
from pose_estimation_ros.core.poses import CONFIRMED, LOST, TENTATIVE, Poses, empty_poses, joined
from pose_estimation_ros.core.stamp_clock import StampClock


class _Tracks(NamedTuple):
    """T people: poses as last seen, velocity (T, 2) px/s of the whole, age_s (T,) since then, seen (T,): how often."""

    poses: Poses
    velocity: np.ndarray
    age_s: np.ndarray
    seen: np.ndarray

    def select(self, index: np.ndarray) -> "_Tracks":
        return _Tracks(self.poses.select(index), self.velocity[index], self.age_s[index], self.seen[index])


class Tracker:
    """Track ids count from 1 and are never used twice by one tracker, not even after a reset.

    max_age_s and confirm_after may be changed at any time.

    Args: sigmas (K,) of the skeleton; max_age_s: how long a confirmed person may be missing and still come back by the
    old id; confirm_after: sightings that confirm a person; tentative_age_s: max_age_s of those who are not confirmed;
    velocity_s: time over which the velocity is averaged; min_likeness: what a match must reach, 0..1; oks_share: of OKS
    in the likeness, the rest is the boxes' overlap; doubt_per_s: how much larger a person counts for OKS after a second
    out of sight, for who knows where they went.
    """

    def __init__(
        self,
        sigmas: Sequence[float],
        max_age_s: float = 1.0,
        confirm_after: int = 3,
        tentative_age_s: float = 0.25,
        velocity_s: float = 0.3,
        min_likeness: float = 0.1,
        oks_share: float = 0.7,
        doubt_per_s: float = 2.0,
    ) -> None:
        self._sigmas = tuple(sigmas)
        self.max_age_s, self.confirm_after, self._tentative_age_s = max_age_s, confirm_after, tentative_age_s
        self._velocity_s, self._min_likeness = velocity_s, min_likeness
        self._oks_share, self._doubt_per_s = oks_share, doubt_per_s
        self._next_id = 1
        self._clock = StampClock()
        self.reset()

    def reset(self) -> None:
        """Forgets everybody."""
        self._tracks = _Tracks(empty_poses(len(self._sigmas)), np.zeros((0, 2)), np.zeros(0), np.zeros(0, int))

    def update(self, poses: Poses, stamp_s: float) -> Poses:
        """The same people in the same order with track_id and state filled. stamp_s: time of the image in seconds."""
        step_s = self._clock.advance(stamp_s)
        if step_s is None:
            self.reset()
        else:
            self._grow_old(step_s)
        expected = self._expected()
        match = self._match(expected, poses)
        self._tracks = self._continued(expected, poses, match)
        return self._tracks.poses.select(np.arange(poses.count))._replace(xy=poses.xy)

    @property
    def lost(self) -> Poses:
        """Confirmed people whom the last update did not find: box where they should be, keypoints with score 0."""
        poses = self._expected()
        away = (self._tracks.age_s > 0) & (poses.state == CONFIRMED)
        lost = poses.select(away)
        return lost._replace(score=np.zeros_like(lost.score), state=np.full_like(lost.state, LOST))

    def _grow_old(self, step_s: float) -> None:
        tracks = self._tracks._replace(age_s=self._tracks.age_s + step_s)
        limit_s = np.where(tracks.poses.state == CONFIRMED, self.max_age_s, self._tentative_age_s)
        self._tracks = tracks.select(tracks.age_s <= limit_s)

    def _expected(self) -> Poses:
        """Everybody where they should be now."""
        poses, way = self._tracks.poses, (self._tracks.velocity * self._tracks.age_s[:, None]).astype(np.float32)
        return poses._replace(xy=poses.xy + way[:, None], box_xyxy=poses.box_xyxy + np.tile(way, 2))

    def _match(self, expected: Poses, poses: Poses) -> np.ndarray:
        """For each person the index of its track, or -1: (N,) int."""
        area = box_area(expected.box_xyxy) * (1 + self._doubt_per_s * self._tracks.age_s) ** 2
        alike = self._oks_share * oks(expected.xy, expected.score, area, poses.xy, self._sigmas)
        alike = alike + (1 - self._oks_share) * iou(expected.box_xyxy, poses.box_xyxy)
        match = np.full(poses.count, -1)
        for state in (CONFIRMED, TENTATIVE):
            tracks, free = np.flatnonzero(expected.state == state), np.flatnonzero(match < 0)
            row_of = best_pairs(alike[np.ix_(tracks, free)], self._min_likeness)
            match[free[row_of >= 0]] = tracks[row_of[row_of >= 0]]
        return match

    def _continued(self, expected: Poses, poses: Poses, match: np.ndarray) -> _Tracks:
        """The people found, in their order, then the tracks that found nobody."""
        old, new = match >= 0, match < 0
        tracks, before = self._tracks.select(match[old]), expected.select(match[old])
        track_id, seen = np.zeros(poses.count, np.int32), np.ones(poses.count, int)
        track_id[old], seen[old] = before.track_id, tracks.seen + 1
        track_id[new] = self._next_id + np.arange(new.sum())
        self._next_id += int(new.sum())
        velocity = np.zeros((poses.count, 2))
        velocity[old] = tracks.velocity + self._velocity_change(before, poses.select(old), tracks)
        state = np.where(seen >= self.confirm_after, CONFIRMED, TENTATIVE).astype(np.uint8)
        found = poses._replace(track_id=track_id, state=state)
        missing = np.ones(expected.count, bool)
        missing[match[old]] = False
        rest = self._tracks.select(missing)
        return _Tracks(
            joined(found, rest.poses),
            np.concatenate([velocity, rest.velocity]),
            np.concatenate([np.zeros(poses.count), rest.age_s]),
            np.concatenate([seen, rest.seen]),
        )

    def _velocity_change(self, before: Poses, now: Poses, tracks: _Tracks) -> np.ndarray:
        """(n, 2) px/s: by how far the middle keypoint (median) missed its place; the first times count fully."""
        both = (before.score > 0) & (now.score > 0)
        missed = middle(now.xy - before.xy, both)
        gain = np.maximum(1 - np.exp(-tracks.age_s / self._velocity_s), 1.0 / tracks.seen)
        return (gain / tracks.age_s)[:, None] * missed


def middle(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Medians (n, 2) of the known ones, (n, K), among values (n, K, 2); 0 where none is.

    np.nanmedian takes ten times as long.
    """
    ordered = np.sort(np.where(known[..., None], values, np.inf), 1)
    rows, count = np.arange(len(values)), known.sum(1)
    both = ordered[rows, np.maximum(count - 1, 0) // 2] + ordered[rows, count // 2]
    return np.where(count[:, None] > 0, both / 2, 0)


def best_pairs(likeness: np.ndarray, least: float) -> np.ndarray:
    """Pairs rows with columns for the greatest sum, no pair below ``least``: (T, N) -> row of each column or -1."""
    allowed = likeness >= least
    row_of = assign(-np.where(allowed, likeness, 0).T)
    columns = np.flatnonzero(row_of >= 0)
    bad = columns[~allowed[row_of[columns], columns]]
    row_of[bad] = -1
    return row_of
