"""Measure what `pose import` costs in each frame: an imported network against its original with numpy before it.

Both are timed in one run on one thread; a ratio of 1 means that nodes before and behind the network cost nothing. The
networks are small ones of convolutions, so that the nodes' part is larger than in real ones.
Run: PYTHONPATH=.:test/fakes python benchmarks/speed/bench_import.py
"""

import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
from bench_core import milliseconds

from pose_estimation_ros.importing.import_model import ModelImport, import_model
from pose_estimation_ros.importing.pose.families import IMAGENET_MEAN, IMAGENET_STD
from tools.checks.imported_models import YOLO, write_with_convolutions

SIMCC = {"simcc_x": ((1, 17, 384), ("n", 17, 384)), "simcc_y": ((1, 17, 512), ("n", 17, 512))}
MEAN, STD = (np.array(values, np.float32).reshape(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))


def imagenet(images):
    """Normalise pictures (N, 3, h, w) as RTMPose's own programs do."""
    return (images - MEAN) / STD


def per_255(images):
    """Scale pictures (N, 3, h, w) as Ultralytics' own program does."""
    return images / np.float32(255)


def channels_last(images):
    """Turn pictures (N, 3, h, w) into whole numbers (N, h, w, 3), as MoveNet takes them."""
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1)).astype(np.int32)


# name: shape and keywords of the network, its outputs, what stands before it, pictures, options of the import
CASES = {
    "simcc 192x256, batch 1": (("n", 3, 256, 192), {}, SIMCC, imagenet, (1, 3, 256, 192), {"skeleton": "coco17"}),
    "simcc 192x256, batch 5": (("n", 3, 256, 192), {}, SIMCC, imagenet, (5, 3, 256, 192), {"skeleton": "coco17"}),
    "raw candidates 320x320": (
        (1, 3, 320, 320), {"metadata": dict(YOLO, names="{0: 'person'}", kpt_shape="[17, 3]")},
        {"output0": (1, 56, 2100)}, per_255, (1, 3, 320, 320), {}),
    "channels last 192x192": (
        (1, 192, 192, 3), {"dtype": np.int32}, {"output_0": (1, 1, 17, 3)}, channels_last, (1, 3, 192, 192), {}),
}  # fmt: skip


def session_of(path):
    """Open a network on one thread, and return a function from its input to its outputs."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda batch: session.run(None, {name: batch})


def compare(folder, shape, network, outputs, prepare, size, options):
    """Return the times of an imported network and of its original with what stands before it, ms."""
    source = folder / "foreign.onnx"
    write_with_convolutions(source, ("input", shape), outputs, **network)
    order = ModelImport(str(source), str(folder), "imported", check=False, force=True, **options)
    imported, original = session_of(import_model(order, lambda line: None)), session_of(source)
    images = np.random.default_rng(0).integers(0, 256, size).astype(np.float32)
    return milliseconds(lambda: imported(images), lambda: original(prepare(images)))


def main():
    """Run all comparisons and print their table."""
    print(f"{'network':32} {'imported ms':>12} {'original ms':>12} {'ratio':>6}")
    with tempfile.TemporaryDirectory() as folder:
        for name, case in CASES.items():
            imported, original = compare(Path(folder), *case)
            print(f"{name:32} {imported:12.3f} {original:12.3f} {imported / original:6.2f}", flush=True)


if __name__ == "__main__":
    main()
