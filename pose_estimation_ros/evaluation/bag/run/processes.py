"""Evaluate several bags at a time, each in its own process.

Each bag has a new process (worker.py), which lives as long as the pipe to its standard input is open. When the pipe is
closed, by this process or because this process has ended, the worker stops as by Ctrl-C and writes what it has. So the
processes share no queue or lock that could be left held. The terminal's Ctrl-C does not reach the workers directly,
because they have a session of their own; it reaches them once, through the pipe.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path
from threading import Lock
from typing import IO, Any

from tqdm import tqdm

from pose_estimation_ros.evaluation.bag.run.jobs import Note, Outcome
from pose_estimation_ros.evaluation.bag.run.settings import BagEvaluation
from pose_estimation_ros.inference.progress import OFF

WORKER = "pose_estimation_ros.evaluation.bag.run.worker"
Keep = Callable[[int, Outcome], None]  # is called with a place in the evaluations and the outcome
Child = subprocess.Popen[str]


def in_processes(evaluations: Sequence[BagEvaluation], workers: int, keep: Keep, note: Note) -> None:
    """Evaluate bags in processes.

    After Ctrl-C no more processes are started, and the running ones are waited for; a second Ctrl-C kills them.

    Args:
        evaluations: evaluations of one bag each.
        workers: the number of processes at a time, among which the cores are divided.
        keep: is called with each outcome when its process ends, in this thread.
        note: is called with news for the user, in this thread.
    """
    children = Children()
    threads = evaluations[0].options.threads or max(1, (os.cpu_count() or 1) // workers)
    with ThreadPoolExecutor(workers) as pool, tqdm(total=len(evaluations), unit="bag", disable=None) as bar:
        places: dict[Future[tuple[Outcome, str] | None], int] = {}
        for place, evaluation in enumerate(evaluations):
            places[pool.submit(children.run, evaluation.with_threads(threads))] = place

        def take_all() -> None:
            for future in as_completed(list(places)):
                if answer := future.result():
                    outcome, log = answer
                    bar.update()
                    if log:
                        note(log)
                    keep(places[future], outcome)
                del places[future]

        try:
            take_all()
        except KeyboardInterrupt:
            note("stopping: running bags write what they have so far; press Ctrl-C again to stop without writing")
            children.stop()
            take_all()
        finally:
            children.kill()


class Children:
    """Keep track of the running processes; the methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock, self._stopped = Lock(), False
        self._running: set[Child] = set()

    def run(self, evaluation: BagEvaluation) -> tuple[Outcome, str] | None:
        """Run the process of one bag to its end.

        Returns:
            The outcome, and the lines that the process has printed; None after ``stop``.
        """
        with tempfile.TemporaryFile("w+") as log:
            with self._lock:
                if self._stopped:
                    return None
                child = start(evaluation, log)
                self._running.add(child)
            assert child.stdout
            answer = child.stdout.read()
            status = child.wait()
            with self._lock:
                self._running.discard(child)
                child.stdout.close()
                self._close(child)
            log.seek(0)
            return outcome_of(str(evaluation.bags[0]), answer, status, log.read())

    def stop(self) -> None:
        """Start no more processes and have the running ones write what they have."""
        with self._lock:
            self._stopped = True
            for child in self._running:
                self._close(child)

    def kill(self) -> None:
        """Start no more processes and kill the running ones."""
        with self._lock:
            self._stopped = True
            for child in self._running:
                child.kill()

    @staticmethod
    def _close(child: Child) -> None:
        assert child.stdin
        child.stdin.close()


def start(evaluation: BagEvaluation, log: IO[str]) -> Child:
    """Start a process in a session of its own.

    Args:
        evaluation: evaluation of one bag.
        log: file for what the process prints besides its answer.
    """
    home = str(Path(__file__).parents[4])  # the folder that holds the package
    path = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path, OFF: "1"}
    command = [sys.executable, "-m", WORKER, json.dumps(evaluation.to_json())]
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": log}
    return subprocess.Popen(command, **pipes, text=True, env=environment, start_new_session=True)


def outcome_of(path: str, answer: str, status: int, log: str) -> tuple[Outcome, str]:
    """Read the answer of a process.

    Args:
        path: path of the bag.
        answer: standard output of the process.
        status: its exit status.
        log: its other output.

    Returns:
        The outcome, and the lines for the user. Without a valid answer the outcome is an error with the last line of
        the log, and there are no lines for the user.
    """
    try:
        return Outcome(**json.loads(answer)), log.rstrip("\n")
    except (ValueError, TypeError):
        last_line = (log.strip().splitlines() or ["no message"])[-1]
        return Outcome([], f"{path}: its process ended with status {status}: {last_line}", retry=True), ""
