"""Bags in processes of their own, several at a time.

Each bag has a new process (worker.py), which lives as long as the pipe to its standard input is open: closed, by us or
because we are no more, it stops as by Ctrl-C and writes what it has. So there is no queue or lock that processes share
and that could be left held, and the terminal's Ctrl-C, which they do not get, reaches them once and in this way.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from threading import Lock
from typing import Any

from tqdm import tqdm

from pose_estimation_ros.evaluation.bag.run.jobs import Order, Outcome

WORKER = "pose_estimation_ros.evaluation.bag.run.worker"
Done = Callable[[int, Outcome], None]


def in_processes(orders: Sequence[Order], workers: int, done: Done) -> None:
    """Calls done(place in orders, outcome) for each as they end, here and not in a thread.

    After Ctrl-C no more are begun, and those that were are waited for; after a second one they are ended at once.
    """
    children = Children()
    threads = orders[0].options.threads or max(1, (os.cpu_count() or 1) // workers)
    with ThreadPoolExecutor(workers) as pool, tqdm(total=len(orders), unit="bag", disable=None) as bar:
        futures = {}
        for place, order in enumerate(orders):
            own = order._replace(options=order.options._replace(threads=threads))
            futures[pool.submit(children.run, own)] = place

        def take_all() -> None:
            for future in as_completed(list(futures)):
                if outcome := future.result():
                    bar.update()
                    done(futures[future], outcome)
                del futures[future]

        try:
            take_all()
        except KeyboardInterrupt:
            print("stopping: what was begun is written as far as it is; Ctrl-C again: not even that", file=sys.stderr)
            children.stop()
            take_all()
        finally:
            children.kill()


class Children:
    """The processes that there are at a time; its methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock, self._stopped = Lock(), False
        self._running: set[subprocess.Popen] = set()

    def run(self, order: Order) -> Outcome | None:
        """Runs a process to its end; None after ``stop``."""
        with tempfile.TemporaryFile("w+") as said:
            with self._lock:
                if self._stopped:
                    return None
                child = begin(order, said)
                self._running.add(child)
            assert child.stdout
            answer = child.stdout.read()
            status = child.wait()
            with self._lock:
                self._running.discard(child)
                child.stdout.close()
                self._close(child)
            said.seek(0)
            words = said.read()
        return outcome_of(order.path, answer, status, words)

    def stop(self) -> None:
        """Begins no more and has the others write what they have."""
        with self._lock:
            self._stopped = True
            for child in self._running:
                self._close(child)

    def kill(self) -> None:
        with self._lock:
            self._stopped = True
            for child in self._running:
                child.kill()

    @staticmethod
    def _close(child: subprocess.Popen) -> None:
        assert child.stdin
        child.stdin.close()


def begin(order: Order, said: Any) -> subprocess.Popen:
    """A process in a session of its own; what it says besides its answer goes to a file."""
    home = str(Path(__file__).parents[4])  # of the package
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))}
    command = [sys.executable, "-m", WORKER, as_text(order)]
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": said}
    return subprocess.Popen(command, **pipes, text=True, env=environment, start_new_session=True)


def as_text(order: Order) -> str:
    plain = {key: value for key, value in vars(order.args).items() if not callable(value)}
    return json.dumps({**order._asdict(), "args": plain, "options": order.options._asdict()})


def outcome_of(path: str, answer: str, status: int, words: str) -> Outcome:
    """What a process answered; where it did not, the last line that it said."""
    try:
        outcome = Outcome(**json.loads(answer))
    except (ValueError, TypeError):
        last = words.strip().splitlines()[-1:] or ["without a word"]
        return Outcome([], f"{path}: its process ended with status {status}: {last[0]}", crashed=True)
    sys.stderr.write(words)
    return outcome
