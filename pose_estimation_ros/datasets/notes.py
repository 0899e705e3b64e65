"""Print warnings about data on the terminal, one line each and once in a process, or collect them."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Iterator

_collections: list[list[str]] = []  # of those who collect warnings, the last one gets them


def warn(text: str) -> None:
    """Print a warning to stderr; the same text a second time is not printed again. See collected."""
    if not _collections:
        _print_once(text)
    elif text not in _collections[-1]:
        _collections[-1].append(text)


@contextlib.contextmanager
def collected() -> Iterator[list[str]]:
    """Yield a list that gets each warning of the block once, in place of the terminal."""
    texts: list[str] = []
    _collections.append(texts)
    try:
        yield texts
    finally:
        _collections.pop()


@functools.cache
def _print_once(text: str) -> None:
    print(f"pose: warning: {text}", file=sys.stderr, flush=True)
