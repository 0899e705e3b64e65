"""Show the progress of a long loop: a bar in a terminal, a line now and then in a log file."""

import os
import sys
import time
from typing import Iterable, Iterator, Optional, TypeVar

EVERY_S = 10.0  # time between two lines where stderr is no terminal
OFF = "POSE_NO_PROGRESS"  # variable in the environment of a process whose output another one reads

Item = TypeVar("Item")


def progress(items: Iterable[Item], total: Optional[int] = None, unit: str = "frames") -> Iterable[Item]:
    """Pass the items on and show on stderr how many have been worked on.

    Args:
        items: whatever is to be worked on.
        total: the number of items, None where it is unknown.
        unit: the word for items.

    Returns:
        The same items.
    """
    if os.environ.get(OFF):
        return items
    if sys.stderr.isatty():
        try:
            from tqdm import tqdm
        except ImportError:
            pass
        else:
            bar: Iterable[Item] = tqdm(items, desc=unit, total=total, leave=False, file=sys.stderr)
            return bar
    return _lines(items, total, unit)


def _lines(items: Iterable[Item], total: Optional[int], unit: str) -> Iterator[Item]:
    count, last_line_s = 0, time.monotonic()
    for item in items:
        yield item
        count += 1
        if time.monotonic() - last_line_s >= EVERY_S:
            last_line_s = time.monotonic()
            print("%d/%s %s" % (count, total or "?", unit), file=sys.stderr, flush=True)
