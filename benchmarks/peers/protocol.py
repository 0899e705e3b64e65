"""Let programs of different environments take turns: each waits for orders and answers with times.

A program serves works. A work is an iterator over functions without arguments. Each function does one piece, such as
one frame, and returns the number of people it found. What the iterator itself does, such as decoding the next frame, is
not timed. An order is a line "WORK COUNT" on the standard input. The answer is a line of JSON with a list for each of
MEASURED. The first line that a program writes lists its works. This file needs the standard library alone.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Piece = Callable[[], int]
Answer = dict[str, list[float]]
MEASURED = ("wall_ms", "processor_ms", "people")


class LeftOut(Exception):
    """Say in one line why a program cannot be measured here."""


def serve(open_works: Callable[[], Mapping[str, Iterator[Piece]]], cores: int) -> None:
    """Answer orders until the standard input ends; what libraries print goes to the standard error.

    Args:
        open_works: opens the networks and returns the works by name.
        cores: number of processor cores that the program may use.
    """
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    with os.fdopen(os.dup(1), "w", buffering=1) as answers:
        os.dup2(2, 1)
        works = open_works()
        print(json.dumps(sorted(works)), file=answers)
        for line in sys.stdin:
            name, count = line.split()
            print(json.dumps(timed(works[name], int(count))), file=answers)


def timed(work: Iterator[Piece], count: int) -> Answer:
    """Do some pieces of a work.

    Args:
        work: the pieces.
        count: number of pieces to do.

    Returns:
        For each name in MEASURED a value per piece. Processor time is that of all threads of the process.
    """
    rows = []
    for piece in itertools.islice(work, count):
        wall_s, processor_s = time.perf_counter(), time.process_time()
        people = piece()
        times_s = time.perf_counter() - wall_s, time.process_time() - processor_s
        rows.append((*(1e3 * s for s in times_s), people))
    return {name: [row[place] for row in rows] for place, name in enumerate(MEASURED)}


class Program:
    """Hold a running program that serves works; a context manager that ends it.

    Attributes:
        works: names of its works.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start a program and wait until its networks are open.

        Args:
            command: the program and its arguments.
            environment: its environment variables.

        Raises:
            LeftOut: it ended instead.
        """
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            command,
            env=dict(environment),
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        try:
            self.works: list[str] = self._answer()
        except LeftOut:
            self.__exit__()
            raise

    def ask(self, work: str, count: int) -> Answer:
        """Let the program do some pieces of a work, and return the lists of `timed`.

        Raises:
            LeftOut: the program ended instead.
        """
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):  # the missing answer tells why
            print(work, count, file=self._process.stdin, flush=True)
        answer: Answer = self._answer()
        return answer

    def _answer(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        self._process.wait()
        raise LeftOut(f"it ended with: {self._last_error()}")

    def _last_error(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines() or [f"exit code {self._process.returncode}"]
        return lines[-1].strip()

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_error: object) -> None:
        assert self._process.stdin and self._process.stdout
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._errors.close()
