"""Show how far a long loop is: a bar in a terminal, a line now and then in a log file."""

import sys
import time
from typing import Any, Iterable, Iterator

EVERY_S = 10.0  # from one line to the next where stderr is no terminal


def progress(items: Iterable[Any], total: int = None, unit: str = "frames") -> Iterable[Any]:
    """Pass the items on and show on stderr how many have been worked on.

    Args:
        items: whatever is to be worked on.
        total: the number of items, None where it is unknown.
        unit: the word for items.

    Returns:
        The same items.
    """
    if sys.stderr.isatty():
        try:
            from tqdm import tqdm
        except ImportError:
            pass
        else:
            return tqdm(items, desc=unit, total=total, leave=False, file=sys.stderr)
    return _lines(items, total, unit)


def _lines(items: Iterable[Any], total: Any, unit: str) -> Iterator[Any]:
    count, told_s = 0, time.monotonic()
    for item in items:
        yield item
        count += 1
        if time.monotonic() - told_s >= EVERY_S:
            told_s = time.monotonic()
            print("%d/%s %s" % (count, total or "?", unit), file=sys.stderr, flush=True)
