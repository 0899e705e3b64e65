"""Guard how long `pose predict IMAGE` takes from start to end, against the start of its libraries alone.

Both are whole processes: `pose predict` of one frame of the demo's clip, and a Python that imports numpy, OpenCV and
ONNX Runtime. They take turns, so that the ratio depends neither on a slow machine nor on other programs. Bytecode of
the modules is kept, as in an installation. The exit code is 1 where the median ratio is above the limit.
Run: PYTHONPATH=. python benchmarks/speed/bench_start.py [--rounds 10] [--limit X]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from pose_estimation_ros.core.resources import demo_clip
from pose_estimation_ros.core.timing import table, take_turns
from pose_estimation_ros.imaging.video import open_source

LIMIT = 4.1  # a quarter above 3.3, the largest median of five runs on a busy machine with two cores
FRAME = 60  # of the demo's clip
LIBRARIES = [sys.executable, "-c", "import numpy, cv2, onnxruntime"]


def times_ms(folder: Path, rounds: int) -> np.ndarray:
    """Time `pose predict` and the imports in turns.

    Args:
        folder: an empty folder.
        rounds: rounds that count.

    Returns:
        (rounds, 2) ms of the wall clock.
    """
    image = folder / "frame.png"
    with open_source(demo_clip()) as source:
        cv2.imwrite(str(image), next(frame.image for frame in source if frame.index == FRAME))
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    predict = [sys.executable, "-m", "pose_estimation_ros", "predict", str(image), "--out", str(folder / "out")]
    run = partial(subprocess.run, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return take_turns([partial(run, predict), partial(run, LIBRARIES)], rounds)


def report(times: np.ndarray, limit: float) -> int:
    """Print the times and their ratio, and return the exit code.

    Args:
        times: (rounds, 2) ms, of `pose predict` and of the imports.
        limit: largest median ratio that is accepted.
    """
    ratios = times[:, 0] / times[:, 1]
    median, low, high = np.percentile(ratios, (50, 10, 90))
    print(
        table(
            ("process", "p50 ms"),
            zip(("pose predict IMAGE", "imports alone"), np.median(times, 0).tolist(), strict=True),
        )
    )
    print(f"ratio {median:.2f} ({low:.2f}..{high:.2f}), limit {limit:.2f}")
    if median <= limit:
        return 0
    print(f"pose predict starts too slowly: expected a ratio of at most {limit:.2f}, got {median:.2f}", file=sys.stderr)
    return 1


def main(argv: Sequence[str]) -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="runs of each that count (default: %(default)s)")
    parser.add_argument("--limit", type=float, default=LIMIT, help="largest ratio (default: %(default)s)")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        return report(times_ms(Path(folder), args.rounds), args.limit)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
