"""Smooth keypoints with the One-Euro filter, which smooths slow movements strongly and follows quick ones closely.

Source: G. Casiez, N. Roussel and D. Vogel, "1 Euro Filter: A Simple Speed-based Low-pass Filter for Noisy Input in
Interactive Systems", CHI 2012, doi:10.1145/2207676.2208639.
"""

from typing import NamedTuple, Optional, Union

import numpy as np

from pose_estimation_ros.core.poses import UNTRACKED, Poses
from pose_estimation_ros.core.stamp_clock import StampClock


class _States(NamedTuple):
    """Hold the filters of T tracks at their last sighting.

    Attributes:
        xy: (T, K, 2) px, smoothed.
        speed: (T, K, 2) px/s, smoothed, as the paper defines it.
        velocity: (T, K, 2) px/s, smoothed change of xy.
        age_s: (T, K) time since the last sighting, inf where a keypoint was never seen.
        score: (T, K) usual score of the keypoint.
    """

    xy: np.ndarray
    speed: np.ndarray
    velocity: np.ndarray
    age_s: np.ndarray
    score: np.ndarray


class OneEuro:
    """Smooth the keypoints of each track by themselves.

    min_cutoff_hz and beta may be changed at any time. The unit of speed is the height of the person's box per second,
    so that the same settings serve near and far people and any camera resolution. docs/tracking.md has the table from
    which the defaults were chosen.
    """

    def __init__(
        self, min_cutoff_hz: float = 0.7, beta: float = 4.0, speed_cutoff_hz: float = 0.5, max_gap_s: float = 0.25
    ) -> None:
        """Make a filter without tracks.

        Args:
            min_cutoff_hz: cut-off frequency at rest; lower is smoother.
            beta: hz of cut-off added per unit of speed; higher means less lag.
            speed_cutoff_hz: cut-off frequency of the filters of speed and velocity.
            max_gap_s: a keypoint or track that was missing for longer starts afresh.
        """
        self.min_cutoff_hz, self.beta, self._speed_cutoff_hz = min_cutoff_hz, beta, speed_cutoff_hz
        self._max_gap_s = max_gap_s
        self.reset()

    def reset(self) -> None:
        """Forget all tracks and the time."""
        self._clock = StampClock()
        self._forget()

    def _forget(self) -> None:
        self._ids = np.zeros(0, np.int32)
        self._states: Optional[_States] = None

    def update(self, poses: Poses, stamp_s: float) -> Poses:
        """Smooth the keypoints of an image.

        Args:
            poses: people with track ids; untracked people and keypoints with score 0 stay as they are.
            stamp_s: time of the image in seconds. After a clear jump back in time everything starts afresh.

        Returns:
            The same people with smoothed xy and with velocity.
        """
        self._grow_old(self._clock.advance(stamp_s))
        tracked = np.flatnonzero(poses.track_id != UNTRACKED)
        people, ids = poses.select(tracked), poses.track_id[tracked]
        if not len(ids):
            return poses
        height = np.maximum(people.box_xyxy[:, 3] - people.box_xyxy[:, 1], 1.0)[:, None, None]
        states = self._filter(self._before(ids, people), people.xy, people.score, height)
        self._remember(ids, states)
        xy, velocity, seen = poses.xy.copy(), poses.velocity.copy(), (states.age_s == 0)[..., None]
        xy[tracked] = np.where(seen, states.xy, people.xy)
        velocity[tracked] = np.where(seen, states.velocity, people.velocity)
        return poses.replace(xy=xy, velocity=velocity)

    def _grow_old(self, step_s: Optional[float]) -> None:
        if step_s is None:
            self._forget()
        if self._states is not None:
            aged = self._states._replace(age_s=self._states.age_s + step_s)
            self._keep(aged, aged.age_s.min(1) <= self._max_gap_s)

    def _keep(self, states: _States, kept: np.ndarray) -> None:
        self._ids, self._states = self._ids[kept], _States(*(values[kept] for values in states))

    def _before(self, ids: np.ndarray, poses: Poses) -> _States:
        """Return the states of these tracks; keypoints of new tracks were never seen."""
        still, never = np.zeros_like(poses.xy), np.full_like(poses.score, np.inf)
        states = _States(poses.xy.copy(), still, still.copy(), never, poses.score.copy())
        if self._states is not None:
            new, old = np.nonzero(ids[:, None] == self._ids)
            for values, known in zip(states, self._states):
                values[new] = known[old]
        return states

    def _remember(self, ids: np.ndarray, states: _States) -> None:
        if self._states is not None:
            self._keep(self._states, ~(self._ids[:, None] == ids).any(1))
            states = _States(*(np.concatenate(pair) for pair in zip(self._states, states)))
        self._ids, self._states = np.concatenate([self._ids, ids]), states

    def _filter(self, before: _States, xy: np.ndarray, score: np.ndarray, height: np.ndarray) -> _States:
        visible, known, still = score > 0, before.age_s <= self._max_gap_s, np.zeros_like(xy)
        fresh = _States(xy, still, still, np.where(visible, 0, np.inf).astype(np.float32), score)
        step_s = before.age_s[..., None]
        speed_factor = smoothing_factor(self._speed_cutoff_hz, step_s)
        speed = before.speed + speed_factor * ((xy - before.xy) / step_s - before.speed)
        cutoff_hz = self.min_cutoff_hz + self.beta * np.linalg.norm(speed, axis=-1, keepdims=True) / height
        # A sighting with a lower score than usual moves the estimate less.
        trust = np.minimum(1, score / np.maximum(before.score, 1e-9))[..., None]
        move = trust * smoothing_factor(cutoff_hz, step_s) * (xy - before.xy)
        # The paper's speed leads from the last estimate to the new sighting, which is too high by the lag. The velocity
        # is the one to publish.
        velocity = before.velocity + speed_factor * (move / step_s - before.velocity)
        usual = 0.8 * before.score + 0.2 * score
        filtered = _States((before.xy + move).astype(np.float32), speed, velocity, np.zeros_like(before.age_s), usual)
        return _choose(visible & known, filtered, _choose(visible | ~known, fresh, before))


def _choose(mask: np.ndarray, yes: _States, no: _States) -> _States:
    """Choose for each keypoint between two states by a mask (T, K)."""
    return _States(*(np.where(mask[..., None] if a.ndim == 3 else mask, a, b) for a, b in zip(yes, no)))


def smoothing_factor(cutoff_hz: Union[float, np.ndarray], step_s: Union[float, np.ndarray]) -> np.ndarray:
    """Compute the weight, 0..1, of the new value in a first-order low-pass filter.

    Args:
        cutoff_hz: cut-off frequency.
        step_s: time since the last value.
    """
    factor: np.ndarray = 1 - 1 / (1 + 2 * np.pi * np.asarray(cutoff_hz) * step_s)
    return factor
