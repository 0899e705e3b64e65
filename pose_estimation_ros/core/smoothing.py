"""One-Euro filter (Casiez, Roussel, Vogel, CHI 2012): smooths slow movement strongly, follows quick ones closely."""

from typing import Any, Dict, NamedTuple, Optional

import numpy as np

from pose_estimation_ros.core.poses import UNTRACKED, Poses
from pose_estimation_ros.core.stamps import StampClock


class _State(NamedTuple):
    """Of one track: xy (K, 2) px and the paper's speed (K, 2) px/s, smoothed; velocity (K, 2) px/s of xy, smoothed too;
    all of the last sighting. age_s (K,): time since then, inf = none. score (K,) as it usually is."""

    xy: np.ndarray
    speed: np.ndarray
    velocity: np.ndarray
    age_s: np.ndarray
    score: np.ndarray


class OneEuro:
    """Smooths the keypoints of each track on their own. min_cutoff_hz and beta may be changed at any time.

    Args: min_cutoff_hz: cut-off at rest, lower = smoother; beta: Hz of cut-off added per unit of speed, higher = less
    lag; speed_cutoff_hz: of the filters of speed and velocity; max_gap_s: a keypoint or track that was missing for
    longer starts afresh. The unit of speed is the person's height (box) per second, so that the same settings serve
    near and far people and any camera resolution. docs/tracking.md has the table that the defaults are chosen from.
    """

    def __init__(self, min_cutoff_hz=0.7, beta=4.0, speed_cutoff_hz=0.5, max_gap_s=0.25):
        # type: (float, float, float, float) -> None
        self.min_cutoff_hz, self.beta, self._speed_cutoff_hz = min_cutoff_hz, beta, speed_cutoff_hz
        self._max_gap_s = max_gap_s
        self._clock = StampClock()
        self.reset()

    def reset(self):
        # type: () -> None
        """Forgets all tracks."""
        self._states = {}  # type: Dict[int, _State]

    def update(self, poses, stamp_s):
        # type: (Poses, float) -> Poses
        """The same people with smoothed xy, and velocity.

        Untracked people, and keypoints with score 0, pass as they are. After a clear jump back in time everything
        starts afresh.
        """
        self._grow_old(self._clock.advance(stamp_s))
        xy, velocity = poses.xy.copy(), poses.velocity.copy()
        for person, track_id in enumerate(poses.track_id.tolist()):
            if track_id != UNTRACKED:
                height = max(float(poses.box_xyxy[person, 3] - poses.box_xyxy[person, 1]), 1.0)
                state = self._filter(self._states.get(track_id), poses.xy[person], poses.score[person], height)
                found = state.age_s == 0
                xy[person, found], velocity[person, found] = state.xy[found], state.velocity[found]
                self._states[track_id] = state
        return poses._replace(xy=xy, velocity=velocity)

    def _grow_old(self, step_s):
        # type: (Optional[float]) -> None
        if step_s is None:
            self.reset()
        aged = [(track_id, state._replace(age_s=state.age_s + step_s)) for track_id, state in self._states.items()]
        self._states = {track_id: state for track_id, state in aged if state.age_s.min() <= self._max_gap_s}

    def _filter(self, before, xy, score, height):
        # type: (Optional[_State], np.ndarray, np.ndarray, float) -> _State
        found, still = score > 0, np.zeros_like(xy)
        fresh = _State(xy, still, still, np.where(found, 0.0, np.inf), score)
        if before is None:
            return fresh
        step_s = before.age_s[:, None]
        known = before.age_s <= self._max_gap_s
        speed_factor = smoothing_factor(self._speed_cutoff_hz, step_s)
        speed = before.speed + speed_factor * ((xy - before.xy) / step_s - before.speed)
        cutoff_hz = self.min_cutoff_hz + self.beta * np.linalg.norm(speed, axis=-1, keepdims=True) / height
        # A sighting less sure than the keypoint's usual ones moves the estimate less.
        trust = np.minimum(1, score / np.maximum(before.score, 1e-9))[:, None]
        move = trust * smoothing_factor(cutoff_hz, step_s) * (xy - before.xy)
        # The paper's speed leads from the last estimate to the new sighting, too high by the lag: not to be published.
        velocity = before.velocity + speed_factor * (move / step_s - before.velocity)
        usual = 0.8 * before.score + 0.2 * score
        filtered = _State((before.xy + move).astype(np.float32), speed, velocity, np.zeros_like(before.age_s), usual)
        return _chosen(found & known, filtered, _chosen(found | ~known, fresh, before))


def _chosen(mask, yes, no):
    # type: (np.ndarray, _State, _State) -> _State
    """Of each keypoint the one state or the other."""
    return _State(*(np.where(mask.reshape((-1,) + (1,) * (a.ndim - 1)), a, b) for a, b in zip(yes, no)))


def smoothing_factor(cutoff_hz, step_s):
    # type: (Any, Any) -> np.ndarray
    """Weight of the new value in a first-order low-pass filter: 0..1."""
    return 1 - 1 / (1 + 2 * np.pi * np.asarray(cutoff_hz) * step_s)
