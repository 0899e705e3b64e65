"""Give people the same id from frame to frame.

Each person is expected where a constant velocity takes them. The expected places are matched with the people of the
new frame by the assignment with the greatest sum of similarities, confirmed people first. The similarity is a mean of
OKS and box overlap (IoU): OKS separates people who stand close together, and the overlap still works when keypoints are
inaccurate or people move fast. docs/tracking.md measures what each part contributes, on scenes with exact ground truth.
"""

from typing import NamedTuple, Sequence

import numpy as np

from pose_estimation_ros.core.geometry import iou
from pose_estimation_ros.core.hungarian import assign
from pose_estimation_ros.core.oks import box_area, oks
from pose_estimation_ros.core.poses import CONFIRMED, LOST, TENTATIVE, Poses, empty_poses, joined
from pose_estimation_ros.core.stamp_clock import StampClock

FRAMES_TO_CONFIRM = 1.5  # usual times between frames for which a tentative person is kept at least
SAME_TIME_S = 1e-3  # stamps are not more exact


class _Tracks(NamedTuple):
    """Hold T people as they were last seen.

    Attributes:
        poses: people of the last sighting.
        velocity: (T, 2) px/s of the whole person.
        age_s: (T,) time since the last sighting.
        seen: (T,) int, number of sightings.
        known_s: (T,) time from the first sighting to the last one, or to now.
    """

    poses: Poses
    velocity: np.ndarray
    age_s: np.ndarray
    seen: np.ndarray
    known_s: np.ndarray

    def select(self, index: np.ndarray) -> "_Tracks":
        numbers = (self.velocity, self.age_s, self.seen, self.known_s)
        return _Tracks(self.poses.select(index), *(array[index] for array in numbers))


class Tracker:
    """Track people by their ids, which count from 1.

    A tracker never uses an id twice, not even after a reset. max_age_s and confirm_after_s may be changed at any time.
    """

    def __init__(
        self,
        sigmas: Sequence[float],
        max_age_s: float = 1.0,
        confirm_after_s: float = 0.06,
        tentative_age_s: float = 0.25,
        velocity_s: float = 0.3,
        min_similarity: float = 0.1,
        oks_share: float = 0.7,
        growth_per_s: float = 2.0,
    ) -> None:
        """Make a tracker without people.

        Args:
            sigmas: (K,) of the skeleton.
            max_age_s: how long a confirmed person may be out of sight and still keep the id.
            confirm_after_s: seconds from the first sighting of a person to the one that confirms, at least the second.
            tentative_age_s: max_age_s of people who are not confirmed.
            velocity_s: time over which the velocity is averaged.
            min_similarity: smallest similarity of a match, 0..1.
            oks_share: weight of OKS in the similarity, 0..1; the rest is the overlap of boxes.
            growth_per_s: growth of the OKS scale per second since a person was last seen, because the expected position
                becomes less certain.
        """
        self._sigmas = tuple(sigmas)
        self.max_age_s, self.confirm_after_s, self._tentative_age_s = max_age_s, confirm_after_s, tentative_age_s
        self._velocity_s, self._min_similarity = velocity_s, min_similarity
        self._oks_share, self._growth_per_s = oks_share, growth_per_s
        self._next_id = 1
        self.reset()

    def reset(self) -> None:
        """Remove all people and forget the time; ids go on counting."""
        self._clock = StampClock()
        self._forget()

    def _forget(self) -> None:
        self._tracks = _Tracks(
            empty_poses(len(self._sigmas)), np.zeros((0, 2)), np.zeros(0), np.zeros(0, int), np.zeros(0)
        )

    def update(self, poses: Poses, stamp_s: float) -> Poses:
        """Match the people of an image with those of earlier images.

        Args:
            poses: N people.
            stamp_s: time of the image in seconds.

        Returns:
            The same people in the same order, with track_id and state, in arrays that the tracker does not keep.
        """
        step_s = self._clock.advance(stamp_s)
        if step_s is None:
            self._forget()
        else:
            self._grow_old(step_s)
        expected = self._expected()
        match = self._match(expected, poses)
        self._tracks = self._continued(expected, poses, match)
        return self._tracks.poses.select(np.arange(poses.count))

    @property
    def lost(self) -> Poses:
        """Return the confirmed people who are out of sight: expected box, keypoints with score 0."""
        poses = self._expected()
        away = (self._tracks.age_s > 0) & (poses.state == CONFIRMED)
        lost = poses.select(away)
        return lost.replace(score=np.zeros_like(lost.score), state=np.full_like(lost.state, LOST))

    def _grow_old(self, step_s: float) -> None:
        tracks = self._tracks._replace(age_s=self._tracks.age_s + step_s, known_s=self._tracks.known_s + step_s)
        tentative_s = max(self._tentative_age_s, FRAMES_TO_CONFIRM * self._clock.interval_s)
        limit_s = np.where(tracks.poses.state == CONFIRMED, self.max_age_s, tentative_s)
        self._tracks = tracks.select(tracks.age_s <= limit_s)

    def _expected(self) -> Poses:
        """Return all tracked people where they are expected at the time of the last update."""
        poses, offset = self._tracks.poses, (self._tracks.velocity * self._tracks.age_s[:, None]).astype(np.float32)
        return poses.replace(xy=poses.xy + offset[:, None], box_xyxy=poses.box_xyxy + np.tile(offset, 2))

    def _match(self, expected: Poses, poses: Poses) -> np.ndarray:
        """Return the index of each person's track (N,) int, -1 for somebody new."""
        area = box_area(expected.box_xyxy) * (1 + self._growth_per_s * self._tracks.age_s) ** 2
        similarity = self._oks_share * oks(expected.xy, expected.score, area, poses.xy, self._sigmas)
        similarity = similarity + (1 - self._oks_share) * iou(expected.box_xyxy, poses.box_xyxy)
        match = np.full(poses.count, -1)
        for state in (CONFIRMED, TENTATIVE):
            tracks, free = np.flatnonzero(expected.state == state), np.flatnonzero(match < 0)
            row_of = best_pairs(similarity[np.ix_(tracks, free)], self._min_similarity)
            match[free[row_of >= 0]] = tracks[row_of[row_of >= 0]]
        return match

    def _continued(self, expected: Poses, poses: Poses, match: np.ndarray) -> _Tracks:
        """Return the people of the new image, in their order, then the tracks that were not matched."""
        old, new = match >= 0, match < 0
        tracks, before = self._tracks.select(match[old]), expected.select(match[old])
        track_id, seen = np.zeros(poses.count, np.int32), np.ones(poses.count, int)
        track_id[old], seen[old] = before.track_id, tracks.seen + 1
        track_id[new] = self._next_id + np.arange(new.sum())
        self._next_id += int(new.sum())
        velocity, known_s = np.zeros((poses.count, 2)), np.zeros(poses.count)
        known_s[old] = tracks.known_s
        velocity[old] = tracks.velocity + self._velocity_change(before, poses.select(old), tracks)
        confirmed = (seen > 1) & (known_s >= self.confirm_after_s - SAME_TIME_S)
        state = np.where(confirmed, CONFIRMED, TENTATIVE).astype(np.uint8)
        current = poses.replace(track_id=track_id, state=state)
        missing = np.ones(expected.count, bool)
        missing[match[old]] = False
        rest = self._tracks.select(missing)
        return _Tracks(
            joined(current, rest.poses),
            np.concatenate([velocity, rest.velocity]),
            np.concatenate([np.zeros(poses.count), rest.age_s]),
            np.concatenate([seen, rest.seen]),
            np.concatenate([known_s, rest.known_s]),
        )

    def _velocity_change(self, before: Poses, now: Poses, tracks: _Tracks) -> np.ndarray:
        """Return the changes of velocity (n, 2) px/s, by the median distance of keypoints from their expected places.

        The first sightings of a person count fully, later ones by the time over which the velocity is averaged.
        """
        both = (before.score > 0) & (now.score > 0)
        missed = middle(now.xy - before.xy, both)
        gain = np.maximum(1 - np.exp(-tracks.age_s / self._velocity_s), 1.0 / tracks.seen)
        change: np.ndarray = (gain / tracks.age_s)[:, None] * missed
        return change


def middle(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Compute the medians of the known values; np.nanmedian would take ten times as long.

    Args:
        values: (n, K, 2).
        known: (n, K) bool.

    Returns:
        (n, 2), 0 where no value is known.
    """
    ordered = np.sort(np.where(known[..., None], values, np.inf), 1)
    rows, count = np.arange(len(values)), known.sum(1)
    both = ordered[rows, np.maximum(count - 1, 0) // 2] + ordered[rows, count // 2]
    medians: np.ndarray = np.where(count[:, None] > 0, both / 2, 0)
    return medians


def best_pairs(similarity: np.ndarray, least: float) -> np.ndarray:
    """Pair rows with columns for the greatest sum of similarities.

    Args:
        similarity: (T, N).
        least: smallest similarity of a pair.

    Returns:
        Row of each column (N,) int, -1 for a column without a partner.
    """
    allowed = similarity >= least
    row_of = assign(-np.where(allowed, similarity, 0).T)
    columns = np.flatnonzero(row_of >= 0)
    bad = columns[~allowed[row_of[columns], columns]]
    row_of[bad] = -1
    return row_of
