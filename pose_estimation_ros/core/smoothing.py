"""One-Euro filter (Casiez, Roussel, Vogel, CHI 2012): smooths slow movement strongly, follows quick ones closely."""

from typing import Any, Dict, NamedTuple, Optional

import numpy as np

from pose_estimation_ros.core.poses import UNTRACKED, Poses
from pose_estimation_ros.core.stamps import StampClock


class _State(NamedTuple):
    """Of one track: xy (K, 2) px, speed (K, 2) px/s, both smoothed; score (K,) as it usually is."""

    xy: np.ndarray
    speed: np.ndarray
    score: np.ndarray


class OneEuro:
    """Smooths the keypoints of each track on their own.

    Args: min_cutoff_hz: cut-off at rest, lower = smoother; beta: Hz of cut-off added per unit of speed, higher = less
    lag; speed_cutoff_hz: of the speed's own filter. The unit of speed is the person's height (box) per second, so that
    the same settings serve near and far people and any camera resolution.
    """

    def __init__(self, min_cutoff_hz=1.5, beta=6.0, speed_cutoff_hz=1.0):
        # type: (float, float, float) -> None
        self._min_cutoff_hz, self._beta, self._speed_cutoff_hz = min_cutoff_hz, beta, speed_cutoff_hz
        self._clock = StampClock()
        self.reset()

    def reset(self):
        # type: () -> None
        """Forgets all tracks."""
        self._states = {}  # type: Dict[int, _State]

    def update(self, poses, stamp_s):
        # type: (Poses, float) -> Poses
        """The same people with smoothed xy. Untracked people, and keypoints with score 0, pass as they are.

        A track or keypoint that was missing in the last update starts afresh, and so does everything after a clear jump
        back in time.
        """
        step_s = self._clock.advance(stamp_s)
        if step_s is None:
            self.reset()
        states, xy = {}, poses.xy.copy()
        for person, track_id in enumerate(poses.track_id.tolist()):
            if track_id != UNTRACKED:
                height = max(float(poses.box_xyxy[person, 3] - poses.box_xyxy[person, 1]), 1.0)
                before = self._states.get(track_id)
                states[track_id] = self._filter(before, poses.xy[person], poses.score[person], height, step_s)
                xy[person] = states[track_id].xy
        self._states = states
        return poses._replace(xy=xy)

    def _filter(self, before, xy, score, height, step_s):
        # type: (Optional[_State], np.ndarray, np.ndarray, float, Any) -> _State
        if before is None:
            return _State(xy, np.zeros_like(xy), score)
        known = ((before.score > 0) & (score > 0))[:, None]
        change = (xy - before.xy) / step_s - before.speed
        speed = before.speed + smoothing_factor(self._speed_cutoff_hz, step_s) * change
        cutoff_hz = self._min_cutoff_hz + self._beta * np.linalg.norm(speed, axis=-1, keepdims=True) / height
        # A sighting less sure than the keypoint's usual ones moves the estimate less.
        trust = np.minimum(1, score / np.maximum(before.score, 1e-9))[:, None]
        smooth = before.xy + trust * smoothing_factor(cutoff_hz, step_s) * (xy - before.xy)
        usual = np.where(known[:, 0], 0.8 * before.score + 0.2 * score, score)
        return _State(np.where(known, smooth, xy).astype(np.float32), np.where(known, speed, 0), usual)


def smoothing_factor(cutoff_hz, step_s):
    # type: (Any, float) -> np.ndarray
    """Weight of the new value in a first-order low-pass filter: 0..1."""
    return 1 / (1 + 1 / (2 * np.pi * np.asarray(cutoff_hz) * step_s))
