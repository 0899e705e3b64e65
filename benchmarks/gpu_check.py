"""What of the TensorRT runtime only a GPU can show: checks 10 to 15 of docs/gpu-checks.md. Exits 1 if one fails.

    PYTHONPATH=. python benchmarks/gpu_check.py [--only 10 11] [--families elpn_v1 litepose_xs] [--out gpu.json]

Wants an NVIDIA GPU and its driver, this source tree, Python 3.10 or later with
    pip install -c constraints.txt numpy onnxruntime opencv-python-headless tqdm onnx torch pycocotools
and TensorRT (pip install tensorrt; a Jetson has it), 8.5 or later for the CUDA graphs. Without torch the families are
skipped. Engines go to a temporary folder: nothing outside it is written. Times are of this GPU alone and say nothing of
a Jetson. The check of faults is the last, because a CUDA error ends the process's use of the GPU.
"""

from __future__ import annotations

import argparse
import gc
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from gpu_speed import MODEL, Machine, Skip, check_speed, noise, timed
from onnx import TensorProto, helper

from pose_estimation_ros.core.atomic_files import write_json
from pose_estimation_ros.core.errors import CudaError, PoseError
from pose_estimation_ros.core.heatmap import decode
from pose_estimation_ros.inference.backends.fallback import FallbackBackend
from pose_estimation_ros.inference.backends.find import engine_file, onnx_file
from pose_estimation_ros.inference.backends.open import open_backend
from pose_estimation_ros.inference.trt.backend import TensorRTBackend
from pose_estimation_ros.inference.trt.builder import build_engine
from pose_estimation_ros.inference.trt.cache import read_sidecar
from pose_estimation_ros.inference.trt.compiler import is_strongly_typed
from pose_estimation_ros.inference.trt.cuda import Cuda
from pose_estimation_ros.inference.trt.gpu import ask_gpu
from pose_estimation_ros.inference.trt.plan import BuildOptions
from pose_estimation_ros.training.export.decode_head import PARITY_PX, add_decode_head

FAMILIES = ["elpn_v1", "elpn_v2", "goatpose_bl", "goatpose_xl", "el_hrnet_w32", "litepose_xs", "wlitepose_xs",
            "litepose_s", "wlitepose_s"]  # fmt: skip
OPENINGS = 10
COUNTS = (0, 1, 2, 3, 8, 11, 20)
MAP_ERROR = 1e-2  # of fp32 heatmaps, which TF32 or another order of sums moves
ROW = "{:<34} {:<8} {:>7}  {}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", help="also write the results as JSON")
    parser.add_argument("--only", nargs="*", metavar="NUMBER", help="of the checks, such as 10 11 (default: all)")
    parser.add_argument("--families", nargs="*", default=FAMILIES, help="(%(default)s)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            gpu = ask_gpu()
            here = Machine(Path(folder), gpu.trt, gpu.machine)
        except PoseError as error:
            print(f"gpu_check: error: {error}", file=sys.stderr)
            return 1
        copy_model(here.folder)
        print(", ".join(f"{name} {value}" for name, value in here.here.items()))
        print(ROW.format("check", "result", "s", "what was seen"))
        chosen = [row for row in checks(args.families) if args.only is None or row[0].split()[0] in args.only]
        rows = [run_check(here, name, check) for name, check in chosen]
    if args.out:
        write_json(args.out, {**here.here, "checks": rows}, indent=1)
    return 1 if any(row["result"] == "FAILED" for row in rows) else 0


def copy_model(folder: Path) -> None:
    for suffix in (".onnx", ".json"):
        shutil.copy(Path(__file__).parent.parent / "models" / (MODEL + suffix), folder)


def checks(families: list[str]) -> list[tuple[str, Callable[[Machine], str]]]:
    return [
        ("10 CUDA by ctypes", check_cuda),
        ("11 every batch size, CUDA graphs", check_batches),
        ("12 keypoints found on the device", check_decode),
        ("13 fp32 engine, pixels", lambda here: check_parity(here, "fp32")),
        ("13 fp16 engine, pixels", lambda here: check_parity(here, "fp16")),
        *[(f"14 fp16 {name}", lambda here, name=name: check_speed(here, name)) for name in families],
        ("15 a CUDA error in flight", check_fault),
    ]


def run_check(here: Machine, name: str, check: Callable[[Machine], str]) -> dict[str, Any]:
    start_s = time.perf_counter()
    try:
        result, seen = "ok", check(here)
    except Skip as reason:
        result, seen = "skipped", str(reason)
    except (AssertionError, PoseError) as error:
        result, seen = "FAILED", str(error)
    gc.collect()
    seconds = time.perf_counter() - start_s
    print(ROW.format(name, result, f"{seconds:.1f}", seen), flush=True)
    return {"check": name, "result": result, "seconds": round(seconds, 1), "seen": seen}


def expect(condition: Any, text: str) -> None:
    if not condition:
        raise AssertionError(text)


def check_cuda(_here: Machine) -> str:
    """Copies both ways through both kinds of host memory, a captured graph, an error, and no byte lost."""
    cuda = Cuda()
    free_before, total = cuda.memory()
    stream, event, size = cuda.new_stream(), cuda.new_event(), 1 << 20
    sent = np.random.default_rng(0).random(size, np.float32)
    pinned, first, second = cuda.pinned_array((size,)), cuda.allocate(4 * size), cuda.allocate(4 * size)
    pinned[:] = sent
    for source in (sent, pinned):
        received = np.zeros(size, np.float32)
        cuda.copy_to_device(first, source, stream)
        cuda.copy_to_host(received, first, stream)
        cuda.record(event, stream)
        cuda.wait(event)
        expect(np.array_equal(received, sent), "what came back from the device is not what was sent")
    pinned[:] = 0
    graph = cuda.capture(stream, lambda: cuda.copy_to_host(pinned, first, stream))
    expect(not pinned.any(), "a graph ran when it was captured")
    cuda.launch(graph, stream)
    cuda.synchronize(stream)
    expect(np.array_equal(pinned, sent), "a graph did not copy")
    try:
        cuda.allocate(1 << 50)
        raise AssertionError("a petabyte was allocated")
    except CudaError as error:
        expect("out of memory" in str(error), f"expected out of memory, got {error}")
    cuda.destroy_graph(graph), cuda.free(first), cuda.free(second), cuda.free_pinned(pinned)
    cuda.destroy_event(event), cuda.destroy_stream(stream)
    expect(cuda.memory()[0] >= free_before - (16 << 20), "device memory was lost")
    return f"pinned memory {'is used' if cuda.pinned_memory_pays else 'would be slow here'}, {total >> 20} MiB"


def check_batches(here: Machine) -> str:
    """All batch sizes as on ONNX Runtime; with graphs the same as without; opening it many times loses no memory."""
    engine = here.compile(here.model, (192, 256), "fp32")
    worst, crops = 0.0, noise(max(COUNTS))
    with TensorRTBackend(engine_file(str(engine))) as backend, open_backend(onnx_file(str(here.model))) as reference:
        for count in COUNTS:
            found, wanted = (each(crops[:count])["heatmaps"] for each in (backend, reference))
            worst = max(worst, float(np.abs(found - wanted).max(initial=0)))
        expect(worst < MAP_ERROR, f"heatmaps differ by {worst:.2g} from ONNX Runtime")
        graphs, with_graphs = backend.graphs, [timed(backend, crops[:count]) for count in (1, 8)]
        before = backend(crops)["heatmaps"]
        backend.time_copies()
        backend(crops[:8])
        copies = dict(backend.copies_ms)
        expect(min(copies.values()) > 0, f"copies that take no time: {copies}")
        backend._buckets = [bucket._replace(graph=None) for bucket in backend._buckets]
        expect(np.array_equal(before, backend(crops)["heatmaps"]), "a graph gives other numbers than plain calls")
        without = [timed(backend, crops[:count]) for count in (1, 8)]
    free_bytes = [reopened(engine) for _ in range(OPENINGS)]
    expect(free_bytes[-1] >= free_bytes[0] - (16 << 20), f"opening it again and again lost memory: {free_bytes}")
    return (
        f"error {worst:.1e}; {graphs} graphs, ms with/without at 1 and 8: "
        + ", ".join(f"{a:.2f}/{b:.2f}" for a, b in zip(with_graphs, without, strict=True))
        + "; at 8 "
        + ", ".join(f"{way} {ms:.2f}" for way, ms in copies.items())
    )


def reopened(engine: Path) -> int:
    with TensorRTBackend(engine_file(str(engine))) as backend:
        backend(noise(3))
    gc.collect()
    return Cuda().memory()[0]


def check_decode(here: Machine) -> str:
    """The head alone, its heatmaps being the input: peaks at every rim, and random, flat and tied maps."""
    height, width = 64, 48
    shape = ["n", 3, height, width]
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("images", "heatmaps")]
    graph = helper.make_graph([helper.make_node("Identity", ["images"], ["heatmaps"])], "head", infos[:1], infos[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    path = here.folder / "head.onnx"
    onnx.save(add_decode_head(model), path)
    rows, columns = np.divmod(np.arange(height * width), width)
    rim = (rows % (height - 1) == 0) | (columns % (width - 1) == 0)
    chosen = np.flatnonzero(rim | (np.arange(height * width) % 13 == 0))
    peaks = np.eye(height * width, dtype=np.float32)[chosen[: len(chosen) // 3 * 3]].reshape(-1, 3, height, width)
    maps = np.concatenate([peaks, np.random.default_rng(1).normal(0, 1, peaks.shape).astype(np.float32)])
    with TensorRTBackend(engine_file(str(here.compile(path, (width, height), "fp32")))) as backend:
        found = backend(maps)["keypoints"]
        ties = backend(np.zeros((1, 3, height, width), np.float32))["keypoints"]
    xy, score = decode(maps)
    worst = float(np.abs(found - np.concatenate([xy, score[..., None]], -1)).max())
    expect(worst <= PARITY_PX, f"expected keypoints within {PARITY_PX} px of the host's, got {worst:.2g}")
    return f"{found.size // 3} maps, error {worst:.1e} px; a flat map's first peak at {ties[0, 0, :2].tolist()}"


def check_parity(here: Machine, precision: str) -> str:
    """Engine by `pose build-engine`'s own way, with its comparison of keypoints on the demo's clip."""
    if precision == "fp16" and is_strongly_typed(here.trt):
        from pose_estimation_ros.training.export.convert import convert

        convert(here.model, "fp16", here.folder)
    out = str(here.folder / f"parity_{precision}.engine")
    sidecar = read_sidecar(
        build_engine(
            str(here.model), BuildOptions(precision=precision, out=out), here.trt, here.here, lambda _text: None
        )
    )
    expect(sidecar["precision_built"] == precision, f"asked for {precision}, got {sidecar['precision_built']}")
    return f"built {sidecar['precision_built']}, keypoints {sidecar['parity']}"


def check_fault(here: Machine) -> str:
    """An address that is none: the device fails, ONNX Runtime answers the same batch."""
    crops = noise(3)
    with open_backend(onnx_file(str(here.model))) as reference:
        wanted = reference(crops)["heatmaps"]
    backend = TensorRTBackend(engine_file(str(here.model.with_suffix(".engine"))))
    with FallbackBackend(backend, lambda: open_backend(onnx_file(str(here.model)))) as serving:
        backend._addresses[backend._input.name] = 256
        found = serving(crops)["heatmaps"]
        expect(np.allclose(found, wanted, atol=1e-5) and serving.fault, f"fault {serving.fault!r}, or other heatmaps")
        return serving.name


if __name__ == "__main__":
    sys.exit(main())
