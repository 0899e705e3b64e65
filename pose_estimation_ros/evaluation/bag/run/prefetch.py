"""Frames made ready by a thread of its own, so that reading and decoding go on while the network works."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator
from queue import SimpleQueue
from threading import Semaphore, Thread
from typing import NamedTuple, TypeVar

import numpy as np

from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.evaluation.bag.files.reader import Recorded

DEPTH = 8  # frames that may be ready: 50 MB of full HD
T = TypeVar("T")
Seconds = defaultdict[str, float]


class Loaded(NamedTuple):
    """A frame and, where it was decoded ahead, its image (H, W, 3) uint8 BGR or why there is none."""

    frame: Recorded
    decoded: np.ndarray | FrameError | None = None

    @property
    def stamp_ns(self) -> int:
        return self.frame.stamp_ns

    def image(self) -> np.ndarray:
        """(H, W, 3) uint8 BGR. Raises FrameError."""
        if isinstance(self.decoded, FrameError):
            raise self.decoded
        return self.frame.image() if self.decoded is None else self.decoded


def loaded(frames: Iterable[Recorded], decode: bool, seconds: Seconds) -> Iterator[Loaded]:
    """Frames, decoded where asked for; adds to the seconds of "read" and "decode"."""
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
    try:
        return frame.image()
    except FrameError as error:
        return error


def ahead(source: Iterable[T], seconds: Seconds, depth: int = DEPTH) -> Generator[T, None, None]:
    """The same items in the same order, and the same exception behind them, up to ``depth`` of them made before they
    are asked for. To be closed, which waits for the item that is being made.

    Adds to the seconds of "wait_for_frames", how long whoever takes the items had to wait, and of "wait_for_room", how
    long there was no room for more.
    """
    ready: SimpleQueue = SimpleQueue()
    room, stopped, end = Semaphore(depth), [False], object()

    def wait_for_room() -> bool:
        began = time.perf_counter()
        room.acquire()
        seconds["wait_for_room"] += time.perf_counter() - began
        return not stopped[0]

    def work() -> None:
        items = iter(source)
        try:
            while wait_for_room() and (item := next(items, end)) is not end:
                ready.put((item, None))
            ready.put((end, None))
        except BaseException as error:  # raised where the items are taken
            ready.put((end, error))

    thread = Thread(target=work, name="reading ahead", daemon=True)
    try:
        thread.start()  # which Ctrl-C may interrupt
        yield from taken(ready, room, end, seconds)
    finally:
        stopped[0] = True
        room.release()
        if thread.is_alive():
            thread.join()


def taken(ready: SimpleQueue, room: Semaphore, end: object, seconds: Seconds) -> Iterator:
    while True:
        began = time.perf_counter()
        item, error = ready.get()
        seconds["wait_for_frames"] += time.perf_counter() - began
        if error is not None:
            raise error
        if item is end:
            return
        room.release()
        yield item
