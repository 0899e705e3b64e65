"""What a GPU's arithmetic and memory allow at best, per model: `PYTHONPATH=. python benchmarks/roofline.py [NAMES]`.

An estimate from the exported graph, of nothing that was run. Each node takes the longer of its arithmetic (2 operations
per multiply-add) and its memory traffic (inputs, weights and outputs, once each), and the network takes their sum.
Activations, sums and products are taken as fused into what made their largest operand, and cost what they read beside
it; nothing is taken as kept in a cache; launching kernels costs nothing. So a real engine is slower: docs/jetson.md.
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=NAMES, metavar="NAME", help="models (default: one per family)")
    parser.add_argument("--tflops", type=float, default=1.33, help="peak arithmetic (TX2, fp16: %(default)s)")
    parser.add_argument("--gb-s", type=float, default=59.7, help="peak memory traffic (TX2: %(default)s)")
    parser.add_argument("--bytes", type=int, default=2, help="per number (fp16: %(default)s)")
    parser.add_argument("--batch", type=int, default=1)
    args = parser.parse_args()
    print(ROW.format("model", "input", "GMACs", "MB", "arithmetic", "memory", "bound", "nodes"))
    print(ROW.format("", "", "", "", "ms", "ms", "ms", "").replace(" ", "-"))
    for name in args.names:
        print(ROW.format(name, *cells(args, name)), flush=True)


def cells(args, name):
    row = rows_of([name])[0]
    nodes = cost_of_nodes(row, args.batch)
    macs, numbers = (sum(column) for column in zip(*nodes, strict=True))
    arithmetic_ms = [2e3 * m / (args.tflops * 1e12) for m, _ in nodes]
    memory_ms = [1e3 * n * args.bytes / (args.gb_s * 1e9) for _, n in nodes]
    times = sum(arithmetic_ms), sum(memory_ms), sum(map(max, arithmetic_ms, memory_ms))
    size = "{1}x{0}".format(*row.input_size_wh)  # height first, as the papers
    costs = f"{macs / 1e9:.2f}", f"{numbers * args.bytes / 1e6:.0f}"
    return size, *costs, *(f"{ms:.1f}" for ms in times), len(nodes)


def cost_of_nodes(row, batch):
    """(multiply-adds, numbers read and written) of each node that costs any."""
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
    sizes = [prod(shapes[name]) for name in node.input if name]
    made = sum(prod(shapes[name]) for name in node.output)
    if node.op_type in FUSED:
        return 0, sum(sorted(sizes)[:-1])  # its largest operand is where it was made
    macs = layer_macs(node, shapes) if node.op_type in MACS and weights.intersection(node.input[:2]) else 0
    return macs, sum(sizes) + made


if __name__ == "__main__":
    main()
