"""Where the time of one frame goes: one watch for pipeline, detector and estimator, so that no moment is lost."""

import collections
import time
from typing import Dict, NamedTuple

PARTS = ("detect", "warp", "network", "decode", "track")  # of the way of a frame, in its order


class Timing(NamedTuple):
    preprocess_ms: float
    inference_ms: float
    postprocess_ms: float


class Stopwatch:
    """``lap()`` adds the time since the last lap to a stage of Timing and to one of PARTS.

    ``timing`` and ``parts_ms`` have the sums since ``restart()``: the message's, and the finer ones of the benchmark.
    """

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self._ms = dict.fromkeys(Timing._fields, 0.0)
        self.parts_ms: Dict[str, float] = collections.OrderedDict.fromkeys(PARTS, 0.0)
        self._last_s = time.perf_counter()

    def lap(self, stage: str, part: str) -> None:
        """stage: "preprocess", "inference" or "postprocess"; part: one of PARTS."""
        now_s = time.perf_counter()
        self._ms[stage + "_ms"] += 1e3 * (now_s - self._last_s)
        self.parts_ms[part] += 1e3 * (now_s - self._last_s)
        self._last_s = now_s

    @property
    def timing(self) -> Timing:
        return Timing(**self._ms)
