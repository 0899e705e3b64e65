"""Measure how many times faster than HRNet-W32 each family is on this CPU, at batch 1, at one thread and at two.

The ratios are those of multiply-adds; of time on ONNX Runtime in float32, with the graph as torch's exporter leaves it
("plain") and as `pose export` writes it ("ours": training/export/rewrite.py); and, where openvino is installed, of time
on OpenVINO in float32 and in int8 ("openvino", "int8"). Each is against HRNet-W32 of the same kind. Top-down networks
run at 256x192, LitePose-XS and WLitePose-XS at 256x256, S at 448x448. Weights are random and int8 is calibrated on
noise, because only time is measured.

All networks take turns, so that other programs slow all of them alike. A ratio is that of medians over the rounds, with
the range of 95 % of its paired bootstrap in brackets. One thread is timed by the processor's clock, which other
programs hardly change; two threads only by the wall clock, which is of little value on a busy machine.

Run: PYTHONPATH=.:.venv/openvino python benchmarks/speed/cpu_ratios.py [FAMILY ...] [--rounds 15] [--threads 1 2]
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any
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
# Kind of measurement -> (graph, device).
KINDS = {"plain": ("plain", "cpu"), "ours": ("ours", "cpu")}
if find_spec("openvino"):
    KINDS.update({"openvino": ("ours", "openvino"), "int8": ("int8", "openvino")})


@torch.no_grad()
def build_model(name: str) -> nn.Module:
    """Build a network with random weights and the batch norm statistics of noise.

    Without such statistics the signal would fade to denormal numbers, which are slow to compute with.
    """
    torch.manual_seed(0)
    model = {**POSE_MODELS, **BOTTOM_UP_MODELS}[name](17)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
            nn.init.constant_(module.bias, 0.3)  # channels that are nearly always 0 would amplify rounding errors
    width, height = SIZES_WH[name]  # with the statistics of another size the signal would explode
    model.train()(255 * torch.rand(2, 3, height, width))
    return model.eval()


def plain() -> AbstractContextManager[Any]:
    """Make a context in which to_onnx leaves the network and its graph as they are."""
    same: dict[str, Any] = {}
    for name in ("for_export", "with_shapes", "with_shared_weights"):
        same[name] = lambda graph, *_: graph
    context: AbstractContextManager[Any] = mock.patch.multiple(export, **same)
    return context


def write_graphs(name: str, folder: Path) -> dict[str, Path]:
    """Write the graphs of a network and return graph -> path.

    Args:
        name: Name of the network.
        folder: Folder for the files.

    Raises:
        AssertionError: ONNX Runtime differs from torch by more than `pose export` accepts.
    """
    model, size_wh = build_model(name), list(SIZES_WH[name])
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


def measure(graphs: dict[str, dict[str, Path]], threads: int, rounds: int) -> dict[tuple[str, str], np.ndarray]:
    """Time all networks in turns.

    Args:
        graphs: {name of the network: {graph: path}}.
        threads: Number of threads of the engine.
        rounds: Calls of each network.

    Returns:
        (name, kind) -> milliseconds (rounds,).
    """
    random = np.random.default_rng(0)
    calls: dict[tuple[str, str], Callable[[], Any]] = {}
    with contextlib.ExitStack() as stack:
        for name, paths in graphs.items():
            images = random.uniform(0, 255, (1, 3, *SIZES_WH[name][::-1])).astype(np.float32)
            for kind, (graph, device) in KINDS.items():
                backend = stack.enter_context(open_backend(onnx_file(str(paths[graph])), threads, device))
                calls[name, kind] = partial(backend, images)
        clock = time.process_time if threads == 1 else time.perf_counter
        times = take_turns(list(calls.values()), rounds, clock=clock)
    return dict(zip(calls, times.T, strict=True))


def macs(name: str) -> int:
    """Count the multiply-adds of a network."""
    with torch.device("meta"):
        model = {**POSE_MODELS, **BOTTOM_UP_MODELS}[name](17)
    return count(model, SIZES_WH[name]).macs


def compare(graphs: dict[str, dict[str, Path]], threads: int, rounds: int) -> Iterator[dict[str, Any]]:
    """Yield a row for each family: name, threads, ratio of MACs, and for each kind milliseconds and its ratio.

    Args:
        graphs: {name of the network: {graph: path}}.
        threads: Number of threads of the engine.
        rounds: Calls of each network.
    """
    times = measure(graphs, threads, rounds)
    for name in graphs:
        row: dict[str, Any] = {"model": name, "threads": threads, "macs": macs(REFERENCE) / macs(name)}
        for kind in KINDS:
            row[f"{kind}_ms"] = float(np.median(times[name, kind]))
            row[kind] = ratio_of_medians(times[REFERENCE, kind], times[name, kind])
        yield row


def to_text(rows: Iterable[dict[str, Any]]) -> str:
    """Write for each kind the milliseconds, and how many times faster than HRNet-W32 that is."""
    head = ["", "threads", "by MACs", *(title for kind in KINDS for title in (f"{kind} ms", "times faster"))]
    keys = ["model", "threads", "macs", *(key for kind in KINDS for key in (f"{kind}_ms", kind))]
    texts = [[str(row[key]) if isinstance(row[key], tuple) else row[key] for key in keys] for row in rows]
    return table(head, texts)


def main() -> None:
    """Print the table and the machine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", metavar="FAMILY", choices=[*SIZES_WH, []])
    parser.add_argument("--rounds", type=int, default=15, help="calls of each network (default: %(default)s)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="numbers of threads (default: 1 2)")
    parser.add_argument("--json", metavar="FILE", help="also write the rows as JSON")
    args = parser.parse_args()
    warnings.filterwarnings("ignore", category=DeprecationWarning)  # from torch's exporter, about itself
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
