"""The process of one bag: `python -m pose_estimation_ros.evaluation.bag.run.worker ORDER`, see workers.py."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from threading import Thread

from pose_estimation_ros.evaluation.bag.run.jobs import Order, whole_bag
from pose_estimation_ros.inference.pipeline import PipelineOptions


def main(text: str) -> None:
    """The outcome as JSON is all that goes to the standard output, whatever libraries print."""
    answer = os.dup(1)
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin with it ignored
    Thread(target=stop_when_closed, daemon=True).start()
    outcome = whole_bag(order_of(text))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.write(answer, json.dumps(outcome._asdict()).encode())


def order_of(text: str) -> Order:
    given = json.loads(text)
    options = PipelineOptions(**given.pop("options"))
    return Order(given["path"], argparse.Namespace(**given["args"]), options, given["models"])


def stop_when_closed() -> None:
    """The file descriptor and not sys.stdin, whose lock a thread must not hold when Python ends."""
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    main(sys.argv[1])
