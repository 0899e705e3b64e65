"""How many times faster than HRNet-W32 each family is on this CPU, at batch 1, at one thread and at two.

By multiply-adds; on ONNX Runtime in float32 with the graph as torch's exporter leaves it ("plain") and as `pose export`
writes it ("ours": training/export/rewrite.py); and where openvino is installed, on that in float32 and in int8
("openvino", "int8"). Each against HRNet-W32 of the same kind. Top-down networks at 256x192, LitePose-XS and
WLitePose-XS at 256x256, S at 448x448; random weights, int8 calibrated on noise: this is about time alone.

All networks take turns, so that whatever else runs here slows all alike; a ratio is that of medians over the rounds, in
brackets where 95 % of its paired bootstrap lie. One thread is timed by the processor's clock, which other programs
hardly touch; two threads only by the wall clock, and on a busy machine that tells little.

Run: PYTHONPATH=.:.venv/openvino python benchmarks/cpu_ratios.py [FAMILY ...] [--rounds 15] [--threads 1 2]
"""

import argparse
import contextlib
import tempfile
import time
import warnings
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from unittest import mock

import numpy as np
import onnx
import torch
from torch import nn

from pose_estimation_ros.core.atomic_files import write_json
from pose_estimation_ros.core.machine import describe_machine
from pose_estimation_ros.core.timing import ratio_of_medians, table, take_turns
from pose_estimation_ros.inference.backends.find import onnx_file
from pose_estimation_ros.inference.backends.open import open_backend
from pose_estimation_ros.training.export import export
from pose_estimation_ros.training.export.int8 import to_int8
from pose_estimation_ros.training.export.onnx_graph import load_float32
from pose_estimation_ros.training.models import BOTTOM_UP_MODELS, POSE_MODELS
from pose_estimation_ros.training.models.counting import count

REFERENCE = "hrnet_w32"
SIZES_WH = {
    REFERENCE: (192, 256),
    "goatpose_bl": (192, 256),
    "elpn_v1": (192, 256),
    "elpn_v2": (192, 256),
    "el_hrnet_w32": (192, 256),
    "litepose_xs": (256, 256),
    "litepose_s": (448, 448),
    "wlitepose_xs": (256, 256),
    "wlitepose_s": (448, 448),
}
# name: (graph, engine)
KINDS = {"plain": ("plain", "onnxruntime"), "ours": ("ours", "onnxruntime")}
if find_spec("openvino"):
    KINDS.update({"openvino": ("ours", "openvino"), "int8": ("int8", "openvino")})


@torch.no_grad()
def alive(name):
    """The network with random weights and the batch norm statistics of noise: a signal that faded out on its way would
    end in denormal numbers, which are slow to compute with."""
    torch.manual_seed(0)
    model = {**POSE_MODELS, **BOTTOM_UP_MODELS}[name](17)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
            nn.init.constant_(module.bias, 0.3)  # a channel that hardly ever fires amplifies rounding
    width, height = SIZES_WH[name]  # statistics of another size would let the signal explode
    model.train()(255 * torch.rand(2, 3, height, width))
    return model.eval()


def plain():
    """As long as this is entered, to_onnx leaves the network and its graph as they are."""
    same = {name: lambda graph, *_: graph for name in ("for_export", "with_shapes", "with_shared_weights")}
    return mock.patch.multiple(export, **same)


def write_graphs(name, folder):
    """{graph: path}. Raises AssertionError where ONNX Runtime differs by more than `pose export` takes."""
    model, size_wh = alive(name), list(SIZES_WH[name])
    paths = {graph: folder / f"{name}_{graph}.onnx" for graph in ("plain", "ours", "int8")}
    for graph in ("plain", "ours"):
        with plain() if graph == "plain" else contextlib.nullcontext():
            content = export.to_onnx(model, size_wh)
        difference = export.parity(model, content, size_wh)
        assert difference <= export.PARITY, f"{name}, {graph}: {difference}"
        paths[graph].write_bytes(content)
    if "int8" in KINDS:
        noise = np.random.default_rng(0).uniform(0, 255, (1, 3, *size_wh[::-1])).astype(np.float32)
        onnx.save(to_int8(load_float32(paths["ours"]), "int8-cpu", [noise]), str(paths["int8"]))
    return paths


def measure(graphs, threads, rounds):
    """{(name, kind): milliseconds (rounds,)} of {name: {graph: path}}."""
    random, calls = np.random.default_rng(0), {}
    with contextlib.ExitStack() as stack:
        for name, paths in graphs.items():
            images = random.uniform(0, 255, (1, 3, *SIZES_WH[name][::-1])).astype(np.float32)
            for kind, (graph, engine) in KINDS.items():
                backend = stack.enter_context(open_backend(onnx_file(str(paths[graph])), threads, engine))
                calls[name, kind] = partial(backend, images)
        clock = time.process_time if threads == 1 else time.perf_counter
        times = take_turns(list(calls.values()), rounds, clock=clock)
    return dict(zip(calls, times.T, strict=True))


def macs(name):
    with torch.device("meta"):
        model = {**POSE_MODELS, **BOTTOM_UP_MODELS}[name](17)
    return count(model, SIZES_WH[name]).macs


def compare(graphs, threads, rounds):
    """A row for each family: name, threads, ratio of MACs, and of each kind milliseconds and [ratio, low, high]."""
    times = measure(graphs, threads, rounds)
    for name in graphs:
        row = {"model": name, "threads": threads, "macs": macs(REFERENCE) / macs(name)}
        for kind in KINDS:
            row[f"{kind}_ms"] = float(np.median(times[name, kind]))
            row[kind] = ratio_of_medians(times[REFERENCE, kind], times[name, kind])
        yield row


def to_text(rows):
    """Of each kind the milliseconds and how many times faster than HRNet-W32 that is."""
    head = ["", "threads", "by MACs", *(title for kind in KINDS for title in (f"{kind} ms", "times faster"))]
    keys = ["model", "threads", "macs", *(key for kind in KINDS for key in (f"{kind}_ms", kind))]
    texts = [[str(row[key]) if isinstance(row[key], tuple) else row[key] for key in keys] for row in rows]
    return table(head, texts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", metavar="FAMILY", choices=[*SIZES_WH, []])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--json", metavar="FILE")
    args = parser.parse_args()
    warnings.filterwarnings("ignore", category=DeprecationWarning)  # of torch's exporter, about itself
    torch.set_num_threads(1)
    names = [REFERENCE, *(name for name in args.families or SIZES_WH if name != REFERENCE)]
    with tempfile.TemporaryDirectory() as folder:
        graphs = {name: write_graphs(name, Path(folder)) for name in names}
        rows = [row for threads in args.threads for row in compare(graphs, threads, args.rounds)]
    machine = describe_machine()
    print(to_text(rows), *(f"{key}: {value}" for key, value in machine.items()), sep="\n")
    if args.json:
        write_json(args.json, {"rows": rows, "rounds": args.rounds, "machine": machine}, indent=1)


if __name__ == "__main__":
    main()
