"""Check the counts of benchmarks/gpu/roofline.py against numbers computed by hand."""

import importlib.util
import os

import pytest

pytest.importorskip("torch", reason="exports models")
helper = pytest.importorskip("onnx.helper")
PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), *[".."] * 3, "benchmarks", "gpu", "roofline.py")


@pytest.fixture(scope="module")
def roofline():
    spec = importlib.util.spec_from_file_location("roofline", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SHAPES = {"x": (1, 3, 8, 8), "w": (4, 3, 3, 3), "y": (1, 4, 8, 8), "z": (1, 4, 8, 8), "scale": (1, 4, 1, 1)}


@pytest.mark.parametrize(
    "operator, inputs, macs, numbers",
    [
        ("Conv", ["x", "w"], 4 * 8 * 8 * 27, 192 + 108 + 256),
        ("Relu", ["y"], 0, 0),  # fused
        ("Mul", ["y", "scale"], 0, 4),  # fused, but for the scale
        ("Add", ["y", "z"], 0, 256),  # fused into one of them, the other is read
        ("MaxPool", ["y"], 0, 256 + 256),
        ("MatMul", ["y", "z"], 0, 256 + 256 + 256),  # of two activations: no weights, so no multiply-adds by convention
    ],
)
def test_cost_of_a_node(roofline, operator, inputs, macs, numbers):
    node = helper.make_node(operator, inputs, ["made"])
    assert roofline.cost_of(node, dict(SHAPES, made=(1, 4, 8, 8)), {"w", "scale"}) == (macs, numbers)
