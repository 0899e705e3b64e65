"""Check the counts of benchmarks/gpu/roofline.py against numbers computed by hand, and the page that it writes."""

import re

import pytest

pytest.importorskip("torch", reason="exports models")
helper = pytest.importorskip("onnx.helper")
from benchmarks.gpu import roofline  # noqa: E402
from benchmarks.gpu.roofline import MACHINES, Bound, Machine, Node, bound  # noqa: E402

SHAPES = {"x": (1, 3, 8, 8), "w": (4, 3, 3, 3), "y": (1, 4, 8, 8), "z": (1, 4, 8, 8), "scale": (1, 4, 1, 1)}


@pytest.mark.parametrize(
    "operator, inputs, macs, numbers, kernel",
    [
        ("Conv", ["x", "w"], 4 * 8 * 8 * 27, 192 + 108 + 256, True),
        ("Relu", ["y"], 0, 0, False),  # fused
        ("Mul", ["y", "scale"], 0, 4, False),  # fused, but for the scale
        ("Add", ["y", "z"], 0, 256, False),  # fused into one of them, the other is read
        ("MaxPool", ["y"], 0, 256 + 256, True),
        ("MatMul", ["y", "z"], 0, 256 + 256 + 256, True),  # of two activations: by convention no multiply-adds
    ],
)
def test_cost_of_a_node(operator, inputs, macs, numbers, kernel):
    node = helper.make_node(operator, inputs, ["made"])
    assert roofline.cost_of(node, dict(SHAPES, made=(1, 4, 8, 8)), {"w", "scale"}) == (macs, numbers, kernel)


ONE = Machine("one", 4, "TOP/s", 4, 1.0, "nobody")  # 1 TFLOP/s, 1 GB/s


@pytest.mark.parametrize(
    "nodes, gpu_ms, launch_ms",
    [
        ([], 0, 0),
        ([Node(10**9, 0, True)], 2, 0.01),  # two operations per multiply-add
        ([Node(0, 10**6, False)], 2, 0),  # two bytes per number; no kernel
        ([Node(10**9, 10**5, True), Node(10**8, 10**6, True)], 2 + 2, 0.02),  # each node by what binds it
    ],
)
def test_bound_of_a_network(nodes, gpu_ms, launch_ms):
    assert bound(nodes, ONE, launch_us=10) == pytest.approx((gpu_ms, launch_ms))


def test_the_longer_time_is_shown_and_launches_are_marked():
    assert [str(Bound(1.234, 1.0)), str(Bound(0.5, 1.0))] == ["1.23", "1.00 L"]


def test_peaks_are_dense_fp16():
    """Tensor cores of Orin do 512 operations in a clock, those of Thor 2048; TX2 has 256 cores of 2 x 2 operations."""
    clocks = {"TX2": 256 * 4 * 1.3e9, "Orin Nano 8GB": 32 * 512 * 0.625e9, "AGX Orin 64GB": 64 * 512 * 1.3e9}
    clocks["Thor T5000"] = 80 * 2048 * 1.575e9
    assert {machine.name: machine.tflops for machine in MACHINES} == {
        name: pytest.approx(flops / 1e12, rel=0.03) for name, flops in clocks.items()
    }


def parts_of(page):
    return dict(re.findall(r"<!-- (machines|roofline) -->\n(.*?)\n<!-- end -->", page, re.S))


def test_the_page_has_the_tables_of_the_program(repository):
    """Of the models one alone is counted again: the others take minutes."""
    parts = parts_of((repository / "docs" / "how-to" / "run-on-a-jetson.md").read_text())
    assert parts["machines"] == roofline.machine_table()
    head, line, row = roofline.time_table(["lite0_fpn"], 1, roofline.LAUNCH_US).splitlines()
    assert parts["roofline"].splitlines()[:3] == [head, line, row]
    named = re.findall(r"^\| (\w+) \| \d", parts["roofline"], re.M)
    assert named == list(roofline.NAMES)
