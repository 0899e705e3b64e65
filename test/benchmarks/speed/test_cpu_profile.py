"""Check benchmarks/speed/cpu_profile.py on events in ONNX Runtime's format."""

import importlib.util
import os

import pytest

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), *[".."] * 3))


@pytest.fixture(scope="module")
def cpu_profile():
    pytest.importorskip("onnxruntime")
    path = os.path.join(ROOT, "benchmarks", "speed", "cpu_profile.py")
    spec = importlib.util.spec_from_file_location("cpu_profile", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def event(name, operator, microseconds, inputs, output):
    shapes = {"input_type_shape": [{"float": s} for s in inputs], "output_type_shape": [{"float": output}]}
    return {"cat": "Node", "name": name + "_kernel_time", "dur": microseconds, "args": dict(op_name=operator, **shapes)}


MAP = [1, 16, 10, 10]
DENSE = ("a", "Conv", 40, [MAP, [32, 16, 3, 3], [32]], [1, 32, 10, 10])


@pytest.mark.parametrize(
    "events, rows",
    [
        ([], []),
        ([{"cat": "Session", "name": "model_run", "dur": 9}], []),
        ([DENSE], [["Conv dense 3x3", 1, 0.04, "100.0%", 32 * 16 * 9 * 100 / 40e-6 / 1e9]]),
        (  # the fastest run of each; two operators of a kind
            [DENSE, ("a", "Conv", 30, *DENSE[3:]), ("b", "Conv", 70, *DENSE[3:])],
            [["Conv dense 3x3", 2, 0.1, "100.0%", 2 * 32 * 16 * 9 * 100 / 100e-6 / 1e9]],
        ),
        (
            [("a", "Conv", 10, [MAP, [16, 1, 7, 7], [16], MAP], MAP), ("b", "Add", 30, [MAP, MAP], MAP)],
            [["Add", 1, 0.03, "75.0%", None], ["Conv depthwise 7x7 +sum", 1, 0.01, "25.0%", 7.84]],
        ),
    ],
)
def test_by_kind(cpu_profile, events, rows):
    events = [event(*e) if isinstance(e, tuple) else e for e in events]
    for row, expected in zip(cpu_profile.by_kind(events), rows, strict=True):
        assert [row[0], row[1], row[3]] == [expected[0], expected[1], expected[3]]
        assert (row[2], row[4]) == pytest.approx((expected[2], expected[4]))
