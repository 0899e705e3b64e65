"""Notice that a process of a benchmark has ended, for whose answers it would wait for ever."""

from collections.abc import Sequence
from subprocess import Popen
from typing import Any


def require_running(children: Sequence["Popen[Any]"]) -> None:
    """Raise SystemExit if one of the processes has ended."""
    for child in children:
        if child.poll() is not None:
            raise SystemExit(f"expected a process that runs on, got exit code {child.poll()} of {child.args}")
