"""Make items ahead in a thread, such as images, while the network works on those before."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator
from queue import SimpleQueue
from threading import Semaphore, Thread
from typing import Any, TypeVar

DEPTH = 8  # items that may be ready: 50 MB of images in full HD
T = TypeVar("T")
Seconds = defaultdict[str, float]
Entry = tuple[Any, BaseException | None]  # an item, or the exception in its place


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
