"""Read and decode frames ahead in a thread, while the network works."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator
from queue import SimpleQueue
from threading import Semaphore, Thread
from typing import Any, NamedTuple, TypeVar

import numpy as np

from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.evaluation.bag.files.reader import Recorded

DEPTH = 8  # frames that may be ready: 50 MB of full HD
T = TypeVar("T")
Seconds = defaultdict[str, float]
Entry = tuple[Any, BaseException | None]  # an item, or the exception in its place


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


def prefetch(source: Iterable[T], seconds: Seconds, depth: int = DEPTH) -> Generator[T, None, None]:
    """Pass on items that a thread takes from the source before they are asked for.

    The items and their order stay the same; an exception of the source is raised behind the items before it. The
    generator is to be closed, which waits for the item that is being made.

    Args:
        source: source of the items.
        seconds: receives the time for which no item was ready, added to "wait_for_frames", and the time for which the
            thread had no room for more, added to "wait_for_room".
        depth: the largest number of items that are ready.
    """
    ready: SimpleQueue[Entry] = SimpleQueue()
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
        yield from take(ready, room, end, seconds)
    finally:
        stopped[0] = True
        room.release()
        if thread.is_alive():
            thread.join()


def take(ready: SimpleQueue[Entry], room: Semaphore, end: object, seconds: Seconds) -> Iterator[Any]:
    """Take the items out of the queue; see prefetch.

    Args:
        ready: the queue.
        room: is released for each item.
        end: the item behind the last one.
        seconds: receives the time of waiting, added to "wait_for_frames".
    """
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
