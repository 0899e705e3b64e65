"""Measure the time of each part of a frame, by one watch for pipeline, detector and estimator."""

import collections
import time
from typing import Dict, NamedTuple

PARTS = ("detect", "warp", "network", "decode", "track")  # parts of the work on a frame, in their order


class Timing(NamedTuple):
    """Hold the milliseconds of each stage of one frame."""

    preprocess_ms: float
    inference_ms: float
    postprocess_ms: float


class Stopwatch:
    """Add up the time between laps, so that no moment is lost.

    Attributes:
        timing: sums since ``restart()``, as the messages have them.
        parts_ms: sums since ``restart()`` by PARTS, as the benchmark shows them.
    """

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Begin a new frame: set all sums to 0."""
        self._ms = dict.fromkeys(Timing._fields, 0.0)
        self.parts_ms: Dict[str, float] = collections.OrderedDict.fromkeys(PARTS, 0.0)
        self._last_s = time.perf_counter()

    def lap(self, stage: str, part: str) -> None:
        """Add the time since the last lap.

        Args:
            stage: "preprocess", "inference" or "postprocess".
            part: one of PARTS.
        """
        now_s = time.perf_counter()
        self._ms[stage + "_ms"] += 1e3 * (now_s - self._last_s)
        self.parts_ms[part] += 1e3 * (now_s - self._last_s)
        self._last_s = now_s

    @property
    def timing(self) -> Timing:
        """Return the sums by stage."""
        return Timing(**self._ms)
