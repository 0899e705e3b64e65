"""Measure the time between frames by their stamps, which cameras, bags and simulators do not always set well."""

import math
from collections import deque
from statistics import median
from typing import Deque, Optional

JUMP_BACK_S = 1.0  # larger than any delay of a late frame: the bag was restarted or the clock was set
JUMP_AHEAD_S = 3600.0  # no pause in a stream: stamps began to be set after the first images, or the clock was set
STUCK_BELOW_S = 1e-3
STUCK_STEP_S = 1 / 30.0
STEPS = 9  # frames over which the usual time between frames is taken


class StampClock:
    """Turn stamps into positive time steps.

    A stamp that stands still (all zero, or repeated), goes back a little or is not finite counts as one frame at 30 Hz,
    so that nothing divides by zero and lost people still age. A clear jump back, or one far ahead, tells the caller to
    forget its state.

    Attributes:
        interval_s: usual time between frames: the median of the last steps, 0 before the second frame. A single gap in
            a stream does not change it; a stream that becomes slower does within five frames.
    """

    def __init__(self) -> None:
        self._newest_s: Optional[float] = None
        self._steps_s: Deque[float] = deque(maxlen=STEPS)
        self.interval_s = 0.0

    def advance(self, stamp_s: float) -> Optional[float]:
        """Return the seconds > 0 since the last stamp; None at the first one, and after a jump of the clock."""
        step_s = self._step(stamp_s)
        if step_s is None:
            self._steps_s.clear()
        else:
            self._steps_s.append(step_s)
        self.interval_s = median(self._steps_s) if self._steps_s else 0.0
        return step_s

    def _step(self, stamp_s: float) -> Optional[float]:
        newest_s = self._newest_s
        if not math.isfinite(stamp_s):
            return None if newest_s is None else STUCK_STEP_S
        if newest_s is None or not -JUMP_BACK_S <= stamp_s - newest_s <= JUMP_AHEAD_S:
            self._newest_s = stamp_s
            return None
        self._newest_s = max(newest_s, stamp_s)
        step_s = stamp_s - newest_s
        return step_s if step_s >= STUCK_BELOW_S else STUCK_STEP_S
