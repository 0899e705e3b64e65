"""Print warnings about data on the terminal: one line each, each once in a process."""

from __future__ import annotations

import functools
import sys


@functools.cache
def warn(text: str) -> None:
    """Print a warning to stderr; the same text a second time is not printed again."""
    print(f"pose: warning: {text}", file=sys.stderr, flush=True)
