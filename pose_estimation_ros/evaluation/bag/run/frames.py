"""Read and decode the frames of a topic, to be done ahead by evaluation.bag.run.prefetch."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.evaluation.bag.files.reader import Recorded
from pose_estimation_ros.evaluation.bag.run.prefetch import Seconds


class Loaded(NamedTuple):
    """Hold a frame and, where it was decoded ahead, its image (H, W, 3) uint8 BGR or why there is none."""

    frame: Recorded
    decoded: np.ndarray | FrameError | None = None

    @property
    def stamp_ns(self) -> int:
        """Return the frame's stamp."""
        return self.frame.stamp_ns

    def image(self) -> np.ndarray:
        """Return the image (H, W, 3) uint8 BGR. Raises FrameError."""
        if isinstance(self.decoded, FrameError):
            raise self.decoded
        return self.frame.image() if self.decoded is None else self.decoded


def load_frames(frames: Iterable[Recorded], decode: bool, seconds: Seconds) -> Iterator[Loaded]:
    """Pass frames on, decoded where that is requested.

    Args:
        frames: as read.
        decode: whether to decode them.
        seconds: receives the time, added to "read" and "decode".
    """
    began = time.perf_counter()
    for frame in frames:
        read = time.perf_counter()
        seconds["read"] += read - began
        ready = Loaded(frame, decoded(frame) if decode else None)
        if decode:
            seconds["decode"] += time.perf_counter() - read
        yield ready
        began = time.perf_counter()


def decoded(frame: Recorded) -> np.ndarray | FrameError:
    """Decode the image of a frame, or return the error."""
    try:
        return frame.image()
    except FrameError as error:
        return error
