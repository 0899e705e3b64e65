"""Run the process of one bag: `python -m pose_estimation_ros.evaluation.bag.run.worker SETTINGS`, see processes.py."""

from __future__ import annotations

import json
import os
import signal
import sys
from threading import Thread

from pose_estimation_ros.evaluation.bag.run.jobs import evaluate_bag
from pose_estimation_ros.evaluation.bag.run.settings import BagEvaluation


def main(settings: str) -> None:
    """Evaluate a bag; the outcome as JSON is all that goes to the standard output, whatever libraries print.

    Args:
        settings: settings of the evaluation of one bag, as JSON.
    """
    answer = os.dup(1)
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin with it ignored
    Thread(target=stop_when_closed, daemon=True).start()
    outcome = evaluate_bag(BagEvaluation.from_json(json.loads(settings)), print_note)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.write(answer, json.dumps(outcome._asdict()).encode())


def print_note(text: str) -> None:
    """Print a progress message to the standard error, which the parent process reads."""
    print(text, file=sys.stderr, flush=True)


def stop_when_closed() -> None:
    """Send SIGINT to this process when its standard input is closed.

    The file descriptor is read and not sys.stdin, whose lock a thread must not hold when Python ends.
    """
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    main(sys.argv[1])
