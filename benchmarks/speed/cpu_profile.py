"""Measure how much time a network spends in each kind of operator in ONNX Runtime on one thread.

Convolutions are listed by the size of their kernel, with the multiply-adds per second that they reach; "+sum" marks a
convolution that includes the addition after it. The fastest of several runs counts for each operator, because slower
ones were disturbed by other programs.

Run: PYTHONPATH=. python benchmarks/speed/cpu_profile.py MODEL.onnx [MODEL.onnx ...]
"""

import collections
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime

from pose_estimation_ros.core.timing import table

RUNS = 20
ENDING = "_kernel_time"


def profile(path):
    """Run a model on noise and return the events that ONNX Runtime's profiler records."""
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.enable_profiling = 1, True
        options.profile_file_prefix, options.log_severity_level = str(Path(folder, "profile")), 3
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        model_input = session.get_inputs()[0]
        images = np.random.default_rng(0).uniform(0, 255, (1, *model_input.shape[1:])).astype(np.float32)
        for _ in range(RUNS):
            session.run(None, {model_input.name: images})
        return json.loads(Path(session.end_profiling()).read_text())


def shapes(tensors):
    """Return the shapes of tensors that an event describes as {type: shape}."""
    return [next(iter(tensor.values())) for tensor in tensors]


def kind(arguments):
    """Return the kind of an operator and its multiply-adds; transposed convolutions count as 0.

    Args:
        arguments: The field "args" of a profiler's event.
    """
    name, inputs = arguments["op_name"], shapes(arguments["input_type_shape"])
    if name not in ("Conv", "FusedConv") or len(inputs) < 2:
        return name, 0
    weight, output = inputs[1], shapes(arguments["output_type_shape"])[0]
    depthwise = "depthwise" if weight[1] == 1 and weight[0] > 1 else "dense"
    fused = " +sum" if len(inputs) > 3 else ""
    return f"{name} {depthwise} {weight[2]}x{weight[3]}{fused}", int(np.prod(output) * np.prod(weight[1:]))


def by_kind(events):
    """Return rows of kind, number of operators, ms, share of the time, and giga multiply-adds per second or None.

    The slowest kind comes first.
    """
    fastest, kinds = {}, {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith(ENDING):
            name = event["name"]
            fastest[name] = min(event["dur"], fastest.get(name, event["dur"]))
            kinds[name] = kind(event["args"])
    sums = collections.defaultdict(lambda: np.zeros(3))
    for name, microseconds in fastest.items():
        sums[kinds[name][0]] += 1, microseconds / 1e3, kinds[name][1] / 1e9
    total = sum(row[1] for row in sums.values())
    return [
        [key, int(number), float(ms), f"{ms / total:.1%}", float(giga / ms * 1e3) if giga and ms else None]
        for key, (number, ms, giga) in sorted(sums.items(), key=lambda item: -item[1][1])
    ]


def main(paths):
    """Print a table for each model file."""
    for path in paths:
        rows = by_kind(profile(path))
        number, ms = sum(row[1] for row in rows), sum(row[2] for row in rows)
        print(
            table([Path(path).name, "operators", "ms", "share", "GMAC/s"], [*rows, ["all", number, ms, "", None]]), "\n"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
