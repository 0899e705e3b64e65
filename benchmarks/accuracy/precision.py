"""Measure the time of a model in each precision and on each engine of this CPU, with one thread and one image.

    PYTHONPATH=.:.venv/openvino .venv/bin/python benchmarks/accuracy/precision.py models/elpn_v1_coco.onnx FOLDER

FOLDER holds the model's files of lower precision (`pose export --precision`). All models take turns. The table has the
processor's time, which other programs disturb least, and the wall-clock time. A ratio is the median, over the rounds,
of the time divided by that of float32 on ONNX Runtime.
"""

import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from pose_estimation_ros.inference.backends.find import onnx_file
from pose_estimation_ros.inference.backends.open import open_backend

ROUNDS, WARM_UP = 60, 5
ENDINGS = ("", "_fp16", "_int8_cpu", "_int8_tensorrt")


def main(model, folder):
    """Measure a model and its files of lower precision, and print the table.

    Args:
        model: Path of the float32 model.
        folder: Folder of the model's files of lower precision.
    """
    devices = ["cpu"] + ["openvino"] * bool(find_spec("openvino"))
    stem = Path(model).stem
    files = [Path(model)] + [Path(folder, stem + ending + ".onnx") for ending in ENDINGS[1:]]
    names = [(device, path) for path in files if path.is_file() for device in devices]
    backends = [open_backend(onnx_file(str(path)), 1, device) for device, path in names]
    shape = [size or 1 for size in backends[0].input_shape]
    batch = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
    times = np.array([[timed(backend, batch) for backend in backends] for _ in range(WARM_UP + ROUNDS)])[WARM_UP:]
    reference = times[:, :1]
    print(f"{'model':32} {'device':12} {'cpu ms':>8} {'ratio':>6} {'wall ms':>8} {'ratio':>6}")
    rows = zip(names, np.median(times, 0), np.median(times / reference, 0), strict=True)
    for (device, path), (cpu, wall), (cpu_ratio, wall_ratio) in rows:
        print(f"{path.stem:32} {device:12} {cpu:8.2f} {cpu_ratio:6.2f} {wall:8.2f} {wall_ratio:6.2f}")


def timed(backend, batch):
    """Run a batch and return the processor time of all threads and the wall-clock time, ms."""
    wall, cpu = time.perf_counter(), time.process_time()
    backend(batch)
    return 1e3 * (time.process_time() - cpu), 1e3 * (time.perf_counter() - wall)


if __name__ == "__main__":
    main(*sys.argv[1:])
