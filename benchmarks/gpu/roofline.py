"""Estimate the least time per model on a GPU from its peak arithmetic and memory traffic.

    PYTHONPATH=. python benchmarks/gpu/roofline.py [NAMES]

The estimate reads the exported graph and runs nothing. Each node takes the longer of the times for its arithmetic (2
operations per multiply-add) and its memory traffic (inputs, weights and outputs, once each); a network takes the sum
over its nodes. Activations, sums and products are counted as fused into the node that makes their largest operand, so
they only read their other operands. No cache is assumed, and launching kernels is free. A real engine is therefore
slower: docs/how-to/run-on-a-jetson.md.
"""

import argparse
import tempfile
from math import prod
from pathlib import Path

import torch

from pose_estimation_ros.evaluation.onnx_cost import MACS, constants, layer_macs, shapes_of_a_run
from pose_estimation_ros.training.export.export import to_onnx
from pose_estimation_ros.training.export.onnx_graph import load_float32
from pose_estimation_ros.training.model_table import rows_of
from pose_estimation_ros.training.models import BOTTOM_UP_MODELS, POSE_MODELS

FUSED = ("Relu", "Clip", "Sigmoid", "HardSigmoid", "HardSwish", "LeakyRelu", "Add", "Sub", "Mul", "Div", "Cast")
FREE = ("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Shape", "Gather", "Slice", "Constant")
NAMES = ["hrnet_w32", "goatpose_bl", "elpn_v1", "elpn_v2", "el_hrnet_w32", "litepose_xs", "wlitepose_xs", "lite0_fpn"]
ROW = "| {:<12} | {:>9} | {:>6} | {:>6} | {:>10} | {:>6} | {:>6} | {:>6} |"


def main():
    """Read the command line and print a row for each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=NAMES, metavar="NAME", help="models (default: one per family)")
    parser.add_argument(
        "--tflops", type=float, default=1.33, help="peak arithmetic in TFLOP/s (default: %(default)s, a TX2 in fp16)"
    )
    parser.add_argument(
        "--gb-s", type=float, default=59.7, help="peak memory traffic in GB/s (default: %(default)s, a TX2)"
    )
    parser.add_argument("--bytes", type=int, default=2, help="bytes per number (default: %(default)s, fp16)")
    parser.add_argument("--batch", type=int, default=1, help="images per batch (default: %(default)s)")
    args = parser.parse_args()
    print(ROW.format("model", "input", "GMACs", "MB", "arithmetic", "memory", "bound", "nodes"))
    print(ROW.format("", "", "", "", "ms", "ms", "ms", "").replace(" ", "-"))
    for name in args.names:
        print(ROW.format(name, *cells(args, name)), flush=True)


def cells(args, name):
    """Return the cells of a model's row after its name, for the command line's GPU and batch."""
    row = rows_of([name])[0]
    nodes = cost_of_nodes(row, args.batch)
    macs, numbers = (sum(column) for column in zip(*nodes, strict=True))
    arithmetic_ms = [2e3 * m / (args.tflops * 1e12) for m, _ in nodes]
    memory_ms = [1e3 * n * args.bytes / (args.gb_s * 1e9) for _, n in nodes]
    times = sum(arithmetic_ms), sum(memory_ms), sum(map(max, arithmetic_ms, memory_ms))
    size = "{1}x{0}".format(*row.input_size_wh)  # height first, as in the papers
    costs = f"{macs / 1e9:.2f}", f"{numbers * args.bytes / 1e6:.0f}"
    return size, *costs, *(f"{ms:.1f}" for ms in times), len(nodes)


def cost_of_nodes(row, batch):
    """Return multiply-adds and count of numbers read and written for each node that costs any.

    Args:
        row: Row of the model zoo.
        batch: Images per batch.
    """
    model = (POSE_MODELS | BOTTOM_UP_MODELS)[row.model](row.num_joints).eval()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        with torch.no_grad():
            path.write_bytes(to_onnx(model, list(row.input_size_wh)))
        graph = load_float32(path)
    weights = constants(graph.graph)
    nodes = [node for node in graph.graph.node if node.op_type not in FREE and not weights.issuperset(node.output)]
    names = {name for node in nodes for name in (*node.input, *node.output) if name}
    shapes = shapes_of_a_run(graph, names, (batch, 3, row.input_size_wh[1], row.input_size_wh[0]))
    return [cost for cost in (cost_of(node, shapes, weights) for node in nodes) if any(cost)]


def cost_of(node, shapes, weights):
    """Return multiply-adds and count of numbers read and written for one node.

    Args:
        node: ONNX node.
        shapes: {name: shape} of all tensors.
        weights: Names of the constant tensors.
    """
    sizes = [prod(shapes[name]) for name in node.input if name]
    written = sum(prod(shapes[name]) for name in node.output)
    if node.op_type in FUSED:
        return 0, sum(sorted(sizes)[:-1])  # the largest operand is not read again
    macs = layer_macs(node, shapes) if node.op_type in MACS and weights.intersection(node.input[:2]) else 0
    return macs, sum(sizes) + written


if __name__ == "__main__":
    main()
