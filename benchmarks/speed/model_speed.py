"""Time each shipped model on one thread of this CPU, and write docs/measurements/model-speed.json.

A top-down model is timed from a frame and a box to the keypoints of one person: crop, network, decoding. A model that
finds people by itself is timed from a frame to its people, a detector from a frame to its boxes. The frame is one of
the demo's clip. All models take turns, so that other programs slow all of them alike. The clock is that of the
processor, which counts the time of this process alone. The tables of README.md, models/README.md and the model cards
show the figures of a model while its file is the one that was timed.

Run: make model-speed, or PYTHONPATH=. python benchmarks/speed/model_speed.py [MODEL ...] [--rounds 50] [--out FILE]
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pose_estimation_ros.core.atomic_files import file_sha256, write_json
from pose_estimation_ros.core.errors import PoseError
from pose_estimation_ros.core.machine import describe_machine
from pose_estimation_ros.core.model_spec import WHOLE_FRAME, load_model_spec
from pose_estimation_ros.core.resources import demo_clip
from pose_estimation_ros.core.timing import percentiles, table, take_turns
from pose_estimation_ros.imaging.video import open_source
from pose_estimation_ros.inference.backends.base import Backend
from pose_estimation_ros.inference.detector import open_network_detector
from pose_estimation_ros.inference.estimators.open import open_estimator
from pose_estimation_ros.inference.options import PipelineOptions

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "docs" / "measurements" / "model-speed.json"
COMMAND = "make model-speed"
FRAME = 60  # of the demo's clip
BOX_XYXY = (300.0, 100.0, 420.0, 400.0)  # of a person, px; what it shows does not change the time
THREADS, DEVICE = 1, "cpu"


def open_call(path: Path, frame: np.ndarray) -> tuple[Callable[[], object], Backend]:
    """Open a model and return a function that runs it once, and its backend, to be closed.

    Args:
        path: the ONNX file, with its spec beside it.
        frame: (H, W, 3) uint8 BGR.
    """
    if load_model_spec(path).task == "person_detector":
        detector = open_network_detector(str(path), THREADS, device=DEVICE)
        return partial(detector, frame), detector.backend
    estimator = open_estimator(PipelineOptions(model=str(path), threads=THREADS, device=DEVICE))
    return partial(estimator, frame, np.array([BOX_XYXY], np.float32)), estimator.backend


def per(task: str) -> str:
    """Return what the time of a model of this task is for."""
    if task in WHOLE_FRAME:
        return "an image with all its people"
    return "an image" if task == "person_detector" else "a person"


def measure(paths: Sequence[Path], rounds: int) -> dict[str, dict[str, Any]]:
    """Time models in turns.

    Args:
        paths: the ONNX files.
        rounds: runs of each model that count.

    Returns:
        Name of the model -> sha256 of its file, what it is timed per, engine, precision, p50_ms and p90_ms.
    """
    cv2.setNumThreads(THREADS)
    frame = next(frame.image for frame in open_source(demo_clip()) if frame.index == FRAME)
    with contextlib.ExitStack() as stack:
        opened = [open_call(path, frame) for path in paths]
        for _call, backend in opened:
            stack.callback(backend.close)
        times = take_turns([call for call, _backend in opened], rounds, clock=time.process_time)
        engines = [(backend.name, backend.precision) for _call, backend in opened]
    return {
        path.stem: {
            "sha256": file_sha256(path),
            "per": per(load_model_spec(path).task),
            "engine": engine,
            "precision": precision,
            **percentiles(column.tolist(), (50, 90)),
        }
        for path, (engine, precision), column in zip(paths, engines, times.T, strict=True)
    }


def main(argv: Sequence[str]) -> None:
    """Measure, print the table and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=Path, metavar="MODEL", help="ONNX files (default: models/*.onnx)")
    parser.add_argument("--rounds", type=int, default=50, help="timed runs of each model (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=OUT, metavar="FILE", help="JSON file (default: that of the tables)")
    args = parser.parse_args(argv)
    models = measure(args.models or sorted((ROOT / "models").glob("*.onnx")), args.rounds)
    machine = describe_machine()
    print(table(("model", "p50 ms", "p90 ms"), [(name, m["p50_ms"], m["p90_ms"]) for name, m in models.items()]))
    print(f"{machine['cpu']}, load {machine['load']}")
    facts = {"date": datetime.date.today().isoformat(), "command": COMMAND, "cpu": machine["cpu"], "threads": THREADS}
    facts.update(clock="time of the processor", rounds=args.rounds, frame=f"{Path(demo_clip()).name}, number {FRAME}")
    write_json(args.out, {**facts, "models": models, "machine": machine}, indent=1)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except PoseError as error:
        sys.exit(f"error: {error}")
