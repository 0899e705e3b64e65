"""Estimate the least time per model on Jetsons from their peak arithmetic, memory traffic and launches of kernels.

    PYTHONPATH=. python benchmarks/gpu/roofline.py [NAME ...] [--batch 1] [--launch-us 5] [--out PAGE]

The estimate reads the exported graph and runs nothing. Numbers are fp16. Each node takes the longer of the times for
its arithmetic (2 operations per multiply-add) and its memory traffic (inputs, weights and outputs, once each). The GPU
needs the sum over the nodes. Activations, sums and products are counted as fused into the node that makes their largest
operand, so they only read their other operands and are no kernels. No cache is assumed.

Every other node is one kernel, which the CPU launches. The cost of a launch is an assumption, --launch-us. The CPU
launches ahead while the GPU works, so the least time is the longer one of the two: the GPU's, and kernels x cost. A
real engine is slower than this bound: docs/how-to/run-on-a-jetson.md. PAGE is a Markdown page: the parts "machines" and
"roofline" are replaced.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import NamedTuple

import onnx
import torch

from pose_estimation_ros.core.atomic_files import write_whole
from pose_estimation_ros.evaluation.onnx_cost import MACS, constants, layer_macs, shapes_of_a_run
from pose_estimation_ros.training.export.export import to_onnx
from pose_estimation_ros.training.export.onnx_graph import load_float32
from pose_estimation_ros.training.model_table import Printed, rows_of
from pose_estimation_ros.training.models import BOTTOM_UP_MODELS, DETECTOR_MODELS, POSE_MODELS
from tools.documentation.page_parts import filled, table

FUSED = ("Relu", "Clip", "Sigmoid", "HardSigmoid", "HardSwish", "LeakyRelu", "Add", "Sub", "Mul", "Div", "Cast")
FREE = ("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Shape", "Gather", "Slice", "Constant")
OWN = ("lite0_fpn", "elpn_v1", "person_detector")  # the shipped models have these networks
NAMES = (*OWN, "hrnet_w32", "goatpose_bl", "elpn_v2", "el_hrnet_w32", "litepose_xs", "wlitepose_xs")
FP16_BYTES = 2
LAUNCH_US = 5.0
# How many times more operations than dense fp16 a published peak counts.
SPARSE, INT8, FP4 = 2, 2, 4


class Machine(NamedTuple):
    """Hold the peaks of a GPU.

    Attributes:
        name: the module.
        published: peak arithmetic as NVIDIA publishes it, TFLOP/s or TOP/s.
        unit: what that counts.
        times: how many times more operations that is than dense fp16.
        gb_s: peak memory traffic, GB/s.
        source: NVIDIA's document.
    """

    name: str
    published: float
    unit: str
    times: int
    gb_s: float
    source: str

    @property
    def tflops(self) -> float:
        """Peak arithmetic in dense fp16, TFLOP/s."""
        return self.published / self.times


MACHINES = (
    Machine("TX2", 1.33, "TFLOP/s, fp16", 1, 59.7, "Jetson TX2 Series data sheet"),
    Machine("Orin Nano 8GB", 40, "TOP/s, sparse int8", SPARSE * INT8, 68, "Jetson Orin Nano Series data sheet"),
    Machine("AGX Orin 64GB", 170, "TOP/s, sparse int8", SPARSE * INT8, 204.8, "Jetson AGX Orin Series technical brief"),
    Machine("Thor T5000", 2070, "TFLOP/s, sparse fp4", SPARSE * FP4, 273, "Jetson Thor Series data sheet"),
)


class Node(NamedTuple):
    """Hold the cost of a node: multiply-adds, count of numbers read and written, and whether it is a kernel."""

    macs: int
    numbers: int
    kernel: bool


class Bound(NamedTuple):
    """Hold the least time of a network on a machine.

    Attributes:
        gpu_ms: time of arithmetic and memory traffic.
        launch_ms: time to launch the kernels.
    """

    gpu_ms: float
    launch_ms: float

    def __str__(self) -> str:
        if self.launch_ms > self.gpu_ms:
            return f"{self.launch_ms:.2f} L"
        return f"{self.gpu_ms:.2f}"


def main(argv: Sequence[str] | None = None) -> None:
    """Read the command line, print both tables and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=NAMES, metavar="NAME", help="models (default: one per family)")
    parser.add_argument("--batch", type=int, default=1, help="images per batch (default: %(default)s)")
    launch_help = "cost of launching a kernel in microseconds (default: %(default)s, an assumption)"
    parser.add_argument("--launch-us", type=float, default=LAUNCH_US, help=launch_help)
    parser.add_argument("--out", type=Path, metavar="PAGE", help="Markdown page whose parts are replaced")
    args = parser.parse_args(argv)
    parts = {"machines": machine_table(), "roofline": time_table(args.names, args.batch, args.launch_us)}
    print(*parts.values(), sep="\n\n")
    if args.out:
        write_whole(args.out, filled(args.out, parts).encode())


def machine_table() -> str:
    """Write the table of the machines."""
    head = ("module", "published peak", "dense fp16, TFLOP/s", "memory, GB/s", "source, by NVIDIA")
    rows = [(m.name, f"{m.published:g} {m.unit}", dense(m), f"{m.gb_s:g}", m.source) for m in MACHINES]
    text: str = table(head, rows)
    return text


def dense(machine: Machine) -> str:
    """Write the dense fp16 peak of a machine, and how it is computed."""
    return f"{machine.tflops:g}" + (f" (/ {machine.times})" if machine.times > 1 else "")


def time_table(names: Sequence[str], batch: int, launch_us: float) -> str:
    """Write the table of the models.

    Args:
        names: names of the models.
        batch: images per batch.
        launch_us: cost of launching a kernel, microseconds.
    """
    head = ("model", "input", "GMACs", "MB moved", "kernels", *(f"{machine.name}, ms" for machine in MACHINES))
    text: str = table(head, (time_row(rows_of([name])[0], batch, launch_us) for name in names))
    return text


def time_row(row: Printed, batch: int, launch_us: float) -> tuple[object, ...]:
    """Write the row of a model.

    Args:
        row: row of the model zoo.
        batch: images per batch.
        launch_us: cost of launching a kernel, microseconds.
    """
    nodes = cost_of_nodes(row, batch)
    size = "{1}x{0}".format(*row.input_size_wh)  # height first, as in the papers
    gmacs, megabytes = sum(node.macs for node in nodes) / 1e9, sum(node.numbers for node in nodes) * FP16_BYTES / 1e6
    bounds = (bound(nodes, machine, launch_us) for machine in MACHINES)
    return row.model, size, f"{gmacs:.2f}", f"{megabytes:.0f}", sum(node.kernel for node in nodes), *bounds


def bound(nodes: Sequence[Node], machine: Machine, launch_us: float) -> Bound:
    """Return the least time of a network.

    Args:
        nodes: costs of its nodes.
        machine: peaks of the GPU.
        launch_us: cost of launching a kernel, microseconds.
    """
    arithmetic_s = [2 * node.macs / (machine.tflops * 1e12) for node in nodes]
    memory_s = [node.numbers * FP16_BYTES / (machine.gb_s * 1e9) for node in nodes]
    gpu_s = sum(map(max, arithmetic_s, memory_s))
    return Bound(1e3 * gpu_s, 1e-3 * launch_us * sum(node.kernel for node in nodes))


def cost_of_nodes(row: Printed, batch: int) -> list[Node]:
    """Return the cost of each node that costs any.

    Args:
        row: row of the model zoo.
        batch: images per batch.
    """
    known = POSE_MODELS | BOTTOM_UP_MODELS | DETECTOR_MODELS
    model = known[row.model](*([] if row.num_joints is None else [row.num_joints])).eval()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        with torch.no_grad():
            path.write_bytes(to_onnx(model, list(row.input_size_wh)))
        graph = load_float32(path)
    weights = constants(graph.graph)
    nodes = [node for node in graph.graph.node if node.op_type not in FREE and not weights.issuperset(node.output)]
    names = {name for node in nodes for name in (*node.input, *node.output) if name}
    shapes = shapes_of_a_run(graph, names, (batch, 3, row.input_size_wh[1], row.input_size_wh[0]))
    return [cost for cost in (cost_of(node, shapes, weights) for node in nodes) if cost.macs or cost.numbers]


def cost_of(node: onnx.NodeProto, shapes: dict[str, tuple[int, ...]], weights: set[str]) -> Node:
    """Return the cost of one node.

    Args:
        node: ONNX node.
        shapes: {name: shape} of all tensors.
        weights: names of the constant tensors.
    """
    sizes = [prod(shapes[name]) for name in node.input if name]
    written = sum(prod(shapes[name]) for name in node.output)
    if node.op_type in FUSED:
        return Node(0, sum(sorted(sizes)[:-1]), False)  # the largest operand is not read again
    macs = layer_macs(node, shapes) if node.op_type in MACS and weights.intersection(node.input[:2]) else 0
    return Node(macs, sum(sizes) + written, True)


if __name__ == "__main__":
    main()
