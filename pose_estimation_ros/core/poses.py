"""The one value that travels from the estimator to the message."""

from typing import NamedTuple

import numpy as np

UNTRACKED = -1
# What the tracker knows of a person: nothing, seen too seldom to be believed, believed, believed and now out of sight.
NO_STATE, TENTATIVE, CONFIRMED, LOST = range(4)


class Poses(NamedTuple):
    """N people with K keypoints each, in pixels of the original image (origin: centre of the top left pixel).

    xy: (N, K, 2) float32 px. score: (N, K) float32 in 0..1, 0 = keypoint not found. box_xyxy: (N, 4) float32 px.
    person_score: (N,) float32 in 0..1. track_id: (N,) int32, -1 = untracked. state: (N,) uint8, see above.
    velocity: (N, K, 2) float32 px/s, 0 where it is not known.
    """

    xy: np.ndarray
    score: np.ndarray
    box_xyxy: np.ndarray
    person_score: np.ndarray
    track_id: np.ndarray
    state: np.ndarray
    velocity: np.ndarray

    @property
    def count(self) -> int:  # type: ignore[override]
        """Number of people N (``len`` would be the number of fields)."""
        return len(self.xy)

    def select(self, index: np.ndarray) -> "Poses":
        """The people of a boolean mask (N,) or an index array, in its order."""
        return Poses(*(field[index] for field in self))


def empty_poses(num_keypoints: int) -> Poses:
    """Nobody: N = 0."""
    return make_poses(np.zeros((0, num_keypoints, 2)), np.zeros((0, num_keypoints)), np.zeros((0, 4)), np.zeros(0))


def make_poses(
    xy: np.ndarray, score: np.ndarray, box_xyxy: np.ndarray, person_score: np.ndarray, track_id: np.ndarray = None
) -> Poses:
    """Poses with the documented dtypes; untracked unless ids are given; state and velocity unknown.

    Raises ValueError where the shapes do not belong together.
    """
    count, keypoints = np.shape(score)
    if track_id is None:
        track_id = np.full(count, UNTRACKED)
    given = [np.shape(a) for a in (xy, box_xyxy, person_score, track_id)]
    expected = [(count, keypoints, 2), (count, 4), (count,), (count,)]
    if given != expected:
        raise ValueError("expected xy, box_xyxy, person_score, track_id of shapes %s, got %s" % (expected, given))
    floats = [np.asarray(a, np.float32) for a in (xy, score, box_xyxy, person_score)]
    unknown = np.zeros(count, np.uint8), np.zeros((count, keypoints, 2), np.float32)
    return Poses(*floats, np.asarray(track_id, np.int32), *unknown)  # type: ignore[call-arg]


def joined(first: Poses, second: Poses) -> Poses:
    """The people of both, in this order."""
    return Poses(*(np.concatenate(pair) for pair in zip(first, second)))
