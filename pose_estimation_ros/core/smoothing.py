"""Smooth keypoints with Kalman filters of constant velocity, which take noise away and do not trail behind a walk.

A person's joints share one motion, so there are two steps. The median of what all joints have moved beyond their
expected places corrects the motion of the whole person. What is left of each joint's own surprise corrects that joint.
The share of a surprise that is believed follows from the uncertainties of prediction and sighting, as in R. E. Kalman,
"A New Approach to Linear Filtering and Prediction Problems", 1960, doi:10.1115/1.3662552. Three things are added:

* A sighting is the less certain, the lower its score.
* A joint that moves may change its velocity more than one that rests.
* A surprise beyond what noise explains counts as if it were that large (P. J. Huber, "Robust Estimation of a Location
  Parameter", 1964, doi:10.1214/aoms/1177703732). So a joint that jumps to another limb for a moment hardly moves, and
  one that stays there is followed.

All numbers below are in seconds and heights of the person's box, so that the same ones serve near and far people and
any rate. docs/measurements/tracking.md has the measurements by which they were chosen.
"""

from typing import NamedTuple, Optional, Tuple, Union

import numpy as np

from pose_estimation_ros.core.poses import UNTRACKED, Poses, shifted
from pose_estimation_ros.core.stamp_clock import StampClock
from pose_estimation_ros.core.tracking import middle

NOISE = 0.016  # standard deviation of a keypoint of score 1
LEAST_SCORE = 0.05  # lower ones count as this
SHARED = 10.0  # variance of the median of n joints, times n: above pi / 2, since errors are not independent
FIRST_SPREAD = (0.0, 0.0, 1.0**2)  # spread of a person whose velocity is not known yet, see _Tracks
FIRST_OWN_SPREAD = (0.0, 0.0, 0.1**2)  # likewise of a joint's own velocity, relative to the person
REST = 0.0005  # per s^3, density of the accelerations of a joint at rest
MOTION = 10.0  # per s, growth of that density with the square of the joint's own speed
STILL = 0.1  # per s, up to which a speed is taken for noise
PERSON = 0.15  # per s^3, density of the accelerations of a person
SURPRISE = 2.5  # standard deviations up to which a surprise is believed
REACH = 0.5  # per s, what is believed beyond that
JUMP, JUMP_SPEED = 0.25, 2.0  # and per s: a person who is further away from the expected place was somebody else
MAX_GAP_S = 1.2
MOST_AHEAD_S = 0.3  # limit of a prediction: nobody goes straight on for longer
STRONGER = 3.0  # factor of the noise at the strength 1, and its inverse at the strength 0


class _Tracks(NamedTuple):
    """Hold T people at the time of the last image.

    The three numbers of a spread are the variance of the place, its covariance with the velocity, and the variance of
    the velocity, in heights and seconds.

    Attributes:
        xy: (T, K, 2) px, expected.
        velocity: (T, K, 2) px/s of each joint, relative to the person.
        spread: (T, K, 3) of each joint.
        age_s: (T, K) time since the last sighting, inf where a keypoint was never seen.
        person_velocity: (T, 2) px/s.
        person_spread: (T, 3) of the whole person.
        height: (T,) px.
    """

    xy: np.ndarray
    velocity: np.ndarray
    spread: np.ndarray
    age_s: np.ndarray
    person_velocity: np.ndarray
    person_spread: np.ndarray
    height: np.ndarray

    def select(self, index: np.ndarray) -> "_Tracks":
        return _Tracks(*(values[index] for values in self))


class Smoother:
    """Smooth the keypoints of each track.

    Attributes:
        strength: 0..1, from hardly to strongly; it may be changed at any time.
    """

    def __init__(self, strength: float = 0.5) -> None:
        """Make a filter without tracks.

        Args:
            strength: 0..1; higher is smoother and follows sudden movements later.
        """
        self.strength = strength
        self.reset()

    def reset(self) -> None:
        """Forget all tracks and the time."""
        self._clock = StampClock()
        self._forget()

    def _forget(self) -> None:
        self._ids = np.zeros(0, np.int32)
        self._tracks: Optional[_Tracks] = None

    def update(self, poses: Poses, stamp_s: float) -> Poses:
        """Smooth the keypoints of an image.

        Args:
            poses: people with track ids; untracked people and keypoints with score 0 stay as they are.
            stamp_s: time of the image in seconds. After a clear jump back in time everything starts afresh.

        Returns:
            The same people with smoothed xy and with velocity.
        """
        step_s = self._clock.advance(stamp_s)
        if step_s is None:
            self._forget()
        elif self._tracks is not None:
            self._tracks = _moved(self._tracks, step_s)
            self._keep(self._tracks.age_s.min(1) <= MAX_GAP_S)
        tracked = np.flatnonzero(poses.track_id != UNTRACKED)
        people, ids = poses.select(tracked), poses.track_id[tracked]
        if not len(ids):
            return poses
        noise = NOISE * STRONGER ** (2 * self.strength - 1)
        tracks = _corrected(self._expected(ids, people), people, noise, step_s or 0.0)
        self._remember(ids, tracks)
        seen = (people.score > 0)[..., None]
        xy, velocity = poses.xy.copy(), poses.velocity.copy()
        xy[tracked] = np.where(seen, tracks.xy, people.xy)
        velocity[tracked] = np.where(seen, tracks.velocity + tracks.person_velocity[:, None], 0)
        return poses.replace(xy=xy, velocity=velocity)

    def _keep(self, kept: np.ndarray) -> None:
        if self._tracks is not None and not kept.all():
            self._ids, self._tracks = self._ids[kept], self._tracks.select(kept)

    def _expected(self, ids: np.ndarray, people: Poses) -> _Tracks:
        """Return the tracks of these people, with the height of today; keypoints of new ones were never seen."""
        if self._tracks is not None and ids.tolist() == self._ids.tolist():
            return self._tracks._replace(height=_heights(people))
        tracks = _unknown(people)
        if self._tracks is not None:
            new, old = np.nonzero(ids[:, None] == self._ids)
            for values, known in zip(tracks[:-1], self._tracks):
                values[new] = known[old]
        return tracks

    def _remember(self, ids: np.ndarray, tracks: _Tracks) -> None:
        self._keep(~(self._ids[:, None] == ids).any(1))
        if len(self._ids) and self._tracks is not None:
            ids = np.concatenate([self._ids, ids])
            tracks = _Tracks(*(np.concatenate(pair) for pair in zip(self._tracks, tracks)))
        self._ids, self._tracks = ids, tracks


def _heights(people: Poses) -> np.ndarray:
    """Return the heights (N,) px of boxes, at least a pixel."""
    heights: np.ndarray = np.maximum(people.box_xyxy[:, 3] - people.box_xyxy[:, 1], 1.0).astype(float)
    return heights


def _unknown(people: Poses) -> _Tracks:
    """Return tracks of people who were never seen before."""
    count, keypoints = people.score.shape
    return _Tracks(
        people.xy.astype(float),
        np.zeros((count, keypoints, 2)),
        np.tile(FIRST_OWN_SPREAD, (count, keypoints, 1)),
        np.full((count, keypoints), np.inf),
        np.zeros((count, 2)),
        np.tile(FIRST_SPREAD, (count, 1)),
        _heights(people),
    )


def _moved(tracks: _Tracks, step_s: float) -> _Tracks:
    """Return the tracks where they are expected after a time."""
    speed = np.hypot(tracks.velocity[..., 0], tracks.velocity[..., 1]) / tracks.height[:, None]
    density = REST + MOTION * np.maximum(speed - STILL, 0) ** 2
    return tracks._replace(
        xy=tracks.xy + step_s * (tracks.velocity + tracks.person_velocity[:, None]),
        spread=_grown(tracks.spread, density, step_s),
        age_s=tracks.age_s + step_s,
        person_spread=_grown(tracks.person_spread, PERSON, step_s),
    )


def _grown(spread: np.ndarray, density: Union[float, np.ndarray], step_s: float) -> np.ndarray:
    """Return spreads (..., 3) after a time with white accelerations of a density (...)."""
    constant_velocity = np.array([[1, 0, 0], [2 * step_s, 1, 0], [step_s**2, step_s, 1]])
    grown: np.ndarray = spread @ constant_velocity
    grown += np.multiply.outer(density, np.array([step_s**3 / 3, step_s**2 / 2, step_s]))
    return grown


def _corrected(tracks: _Tracks, people: Poses, noise: float, step_s: float) -> _Tracks:
    """Return the tracks as the sightings of people correct them.

    Args:
        tracks: the same people where they are expected.
        people: N people.
        noise: standard deviation of a keypoint of score 1, in heights.
        step_s: time since the last image.
    """
    seen, variance = people.score > 0, (noise / np.maximum(people.score, LEAST_SCORE)) ** 2
    tracks, known = _with_person(tracks, people, variance, seen & (tracks.age_s <= MAX_GAP_S), step_s)
    surprise = np.where(known[..., None], people.xy - tracks.xy, 0)
    total = tracks.spread[..., 0] + variance
    believed = SURPRISE * np.sqrt(total) + REACH * step_s
    length = np.hypot(surprise[..., 0], surprise[..., 1]) / tracks.height[:, None]
    gain, spread = _gain(tracks.spread, total, known / np.maximum(1, length / believed))
    xy, velocity = tracks.xy + gain[..., :1] * surprise, tracks.velocity + gain[..., 1:] * surprise
    fresh = seen & ~known
    if fresh.any():
        xy[fresh], velocity[fresh], spread[fresh] = people.xy[fresh], 0, FIRST_OWN_SPREAD
        spread[fresh, 0] = variance[fresh]
    return tracks._replace(xy=xy, velocity=velocity, spread=spread, age_s=np.where(seen, 0, tracks.age_s))


def _with_person(
    tracks: _Tracks, people: Poses, variance: np.ndarray, known: np.ndarray, step_s: float
) -> Tuple[_Tracks, np.ndarray]:
    """Correct the motion of whole people; who is far from the expected place starts afresh.

    Args:
        tracks: the same people where they are expected.
        people: N people.
        variance: (N, K) of the sightings, in heights squared.
        known: (N, K) keypoints that are seen now and were seen before.
        step_s: time since the last image.

    Returns:
        The tracks with all joints moved by the same correction, and the keypoints that go on being known.
    """
    surprise, count = middle(people.xy - tracks.xy, known), known.sum(1)
    far = np.hypot(surprise[:, 0], surprise[:, 1]) / tracks.height > JUMP + JUMP_SPEED * step_s
    total = tracks.person_spread[:, 0] + SHARED * (variance * known).sum(1) / np.maximum(count, 1) ** 2
    gain, spread = _gain(tracks.person_spread, np.maximum(total, 1e-12), (count > 0) & ~far)
    velocity = tracks.person_velocity + gain[:, 1:] * surprise
    if far.any():
        velocity[far], spread[far], known = 0, FIRST_SPREAD, known & ~far[:, None]
    xy = tracks.xy + (gain[:, :1] * surprise)[:, None]
    return tracks._replace(xy=xy, person_velocity=velocity, person_spread=spread), known


def _gain(spread: np.ndarray, total: np.ndarray, share: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Return how much of a surprise goes to place and velocity, and the spread after that.

    Args:
        spread: (..., 3) of the prediction.
        total: (...) variance of the surprise.
        share: (...) 0..1, part of the surprise that is believed.

    Returns:
        Gains (..., 2), the second per s, and spreads (..., 3).
    """
    gain = spread[..., :2] * (share / total)[..., None]
    return gain, spread - gain[..., [0, 0, 1]] * spread[..., [0, 1, 1]]


def predicted(poses: Poses, ahead_s: float) -> Poses:
    """Return people where they will be after a time, moved as a whole by the median velocity of their joints.

    What a joint does beyond that is left out: limbs swing back so soon that going on with it makes the error greater.

    Args:
        poses: people with velocities; those without stay.
        ahead_s: time in seconds, 0 to MOST_AHEAD_S.

    Returns:
        The same people with other xy and boxes.
    """
    return shifted(poses, ahead_s * middle(poses.velocity, poses.score > 0))
