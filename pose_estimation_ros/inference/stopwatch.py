"""Where the time of one frame goes: one watch for pipeline, detector and estimator, so that no moment is lost."""

import time
from typing import NamedTuple


class Timing(NamedTuple):
    preprocess_ms: float
    inference_ms: float
    postprocess_ms: float


class Stopwatch:
    """``lap(stage)`` adds the time since the last lap to that stage; ``timing`` has the sums since ``restart()``."""

    def __init__(self):
        # type: () -> None
        self.restart()

    def restart(self):
        # type: () -> None
        self._ms = dict.fromkeys(Timing._fields, 0.0)
        self._last_s = time.perf_counter()

    def lap(self, stage):
        # type: (str) -> None
        """stage: "preprocess", "inference" or "postprocess"."""
        now_s = time.perf_counter()
        self._ms[stage + "_ms"] += 1e3 * (now_s - self._last_s)
        self._last_s = now_s

    @property
    def timing(self):
        # type: () -> Timing
        return Timing(**self._ms)
