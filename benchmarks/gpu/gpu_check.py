"""Check on a GPU what only a GPU can show of the TensorRT runtime: checks 10 to 15 of docs/how-to/check-a-gpu.md.

    PYTHONPATH=. python benchmarks/gpu/gpu_check.py [--only 10 11] [--families elpn_v1 litepose_xs] [--out gpu.json]

It exits with status 1 if a check fails. It needs an NVIDIA GPU and its driver, this source tree, Python 3.10 or later
with
    pip install -c constraints.txt numpy onnxruntime opencv-python-headless tqdm onnx torch pycocotools
and TensorRT (pip install tensorrt; a Jetson has it), 8.5 or later for the CUDA graphs. Without torch the speed of the
families is not measured. Engines go to a temporary folder, and nothing else is written. The times hold for this GPU
only, not for a Jetson. The check of a CUDA error is the last one, because the process cannot use the GPU after it.
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
MAP_ERROR = 1e-2  # tolerance of fp32 heatmaps: TF32 and another order of sums change them
ROW = "{:<34} {:<8} {:>7}  {}"


def main() -> int:
    """Run the chosen checks, print a row for each, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", help="also write the results as JSON")
    parser.add_argument(
        "--only", nargs="*", metavar="NUMBER", help="run these checks only, such as 10 11 (default: all)"
    )
    parser.add_argument(
        "--families", nargs="*", default=FAMILIES, help="families whose speed is measured (default: %(default)s)"
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            gpu = ask_gpu()
            machine = Machine(Path(folder), gpu.trt, gpu.machine)
        except PoseError as error:
            print(f"gpu_check: error: {error}", file=sys.stderr)
            return 1
        copy_model(machine.folder)
        print(", ".join(f"{name} {value}" for name, value in machine.facts.items()))
        print(ROW.format("check", "result", "s", "result in words"))
        chosen = [row for row in checks(args.families) if args.only is None or row[0].split()[0] in args.only]
        rows = [run_check(machine, name, check) for name, check in chosen]
    if args.out:
        write_json(args.out, {**machine.facts, "checks": rows}, indent=1)
    return 1 if any(row["result"] == "FAILED" for row in rows) else 0


def copy_model(folder: Path) -> None:
    """Copy the default pose model and its spec into the folder."""
    for suffix in (".onnx", ".json"):
        shutil.copy(Path(__file__).parents[2] / "models" / (MODEL + suffix), folder)


def checks(families: list[str]) -> list[tuple[str, Callable[[Machine], str]]]:
    """Return the name and the function of each check, in the order in which they run."""
    return [
        ("10 CUDA by ctypes", check_cuda),
        ("11 every batch size, CUDA graphs", check_batches),
        ("12 keypoints found on the device", check_decode),
        ("13 fp32 engine, pixels", lambda machine: check_parity(machine, "fp32")),
        ("13 fp16 engine, pixels", lambda machine: check_parity(machine, "fp16")),
        *[(f"14 fp16 {name}", lambda machine, name=name: check_speed(machine, name)) for name in families],
        ("15 a CUDA error in flight", check_fault),
    ]


def run_check(machine: Machine, name: str, check: Callable[[Machine], str]) -> dict[str, Any]:
    """Run one check and print its row.

    Args:
        machine: The machine to check.
        name: Number and name of the check.
        check: Function that returns a text of its results and raises AssertionError or PoseError if the check fails.

    Returns:
        The fields of the row, for the JSON file.
    """
    start_s = time.perf_counter()
    try:
        result, text = "ok", check(machine)
    except Skip as reason:
        result, text = "skipped", str(reason)
    except (AssertionError, PoseError) as error:
        result, text = "FAILED", str(error)
    gc.collect()
    seconds = time.perf_counter() - start_s
    print(ROW.format(name, result, f"{seconds:.1f}", text), flush=True)
    return {"check": name, "result": result, "seconds": round(seconds, 1), "seen": text}


def expect(condition: Any, text: str) -> None:
    """Raise AssertionError with the text unless the condition is true."""
    if not condition:
        raise AssertionError(text)


def check_cuda(_machine: Machine) -> str:
    """Check copies in both directions through both kinds of host memory, a captured graph, an error and a leak."""
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
        expect(np.array_equal(received, sent), "expected the array that was copied to the device, got another one back")
    pinned[:] = 0
    graph = cuda.capture(stream, lambda: cuda.copy_to_host(pinned, first, stream))
    expect(not pinned.any(), "expected a captured graph not to run, but it ran")
    cuda.launch(graph, stream)
    cuda.synchronize(stream)
    expect(np.array_equal(pinned, sent), "expected the graph to copy the array, but it did not")
    try:
        cuda.allocate(1 << 50)
        raise AssertionError("expected an error for an allocation of 1 PiB, got none")
    except CudaError as error:
        expect("out of memory" in str(error), f"expected out of memory, got {error}")
    cuda.destroy_graph(graph), cuda.free(first), cuda.free(second), cuda.free_pinned(pinned)
    cuda.destroy_event(event), cuda.destroy_stream(stream)
    expect(
        cuda.memory()[0] >= free_before - (16 << 20), "expected all device memory to be free again, but some is missing"
    )
    use = "is used" if cuda.pinned_memory_pays else "is not used, because it is slow here"
    return f"pinned memory {use}, {total >> 20} MiB"


def check_batches(machine: Machine) -> str:
    """Check all batch sizes against ONNX Runtime, CUDA graphs against plain calls, and memory after many openings."""
    engine = machine.compile(machine.model, (192, 256), "fp32")
    worst, crops = 0.0, noise(max(COUNTS))
    with (
        TensorRTBackend(engine_file(str(engine))) as backend,
        open_backend(onnx_file(str(machine.model)), device="cpu") as reference,
    ):
        for count in COUNTS:
            heatmaps, expected = (each(crops[:count])["heatmaps"] for each in (backend, reference))
            worst = max(worst, float(np.abs(heatmaps - expected).max(initial=0)))
        expect(
            worst < MAP_ERROR,
            f"expected heatmaps within {MAP_ERROR} of ONNX Runtime's, got a difference of {worst:.2g}",
        )
        graphs, with_graphs = backend.graphs, [timed(backend, crops[:count]) for count in (1, 8)]
        before = backend(crops)["heatmaps"]
        backend.time_copies()
        backend(crops[:8])
        copies = dict(backend.copies_ms)
        expect(min(copies.values()) > 0, f"expected copies that take time, got {copies}")
        backend._buckets = [bucket._replace(graph=None) for bucket in backend._buckets]
        expect(
            np.array_equal(before, backend(crops)["heatmaps"]),
            "expected the same heatmaps with and without graphs, got different ones",
        )
        without = [timed(backend, crops[:count]) for count in (1, 8)]
    free_bytes = [reopened(engine) for _ in range(OPENINGS)]
    expect(
        free_bytes[-1] >= free_bytes[0] - (16 << 20),
        f"expected the same free memory after each opening, got {free_bytes}",
    )
    return (
        f"error {worst:.1e}; {graphs} graphs, ms with/without at 1 and 8: "
        + ", ".join(f"{a:.2f}/{b:.2f}" for a, b in zip(with_graphs, without, strict=True))
        + "; at 8 "
        + ", ".join(f"{copy} {ms:.2f}" for copy, ms in copies.items())
    )


def reopened(engine: Path) -> int:
    """Open an engine, run it, close it, and return the free memory of the GPU in bytes."""
    with TensorRTBackend(engine_file(str(engine))) as backend:
        backend(noise(3))
    gc.collect()
    return Cuda().memory()[0]


def check_decode(machine: Machine) -> str:
    """Check the decoding head alone, with heatmaps as its input: peaks along the rim, random maps and a flat one."""
    height, width = 64, 48
    shape = ["n", 3, height, width]
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("images", "heatmaps")]
    graph = helper.make_graph([helper.make_node("Identity", ["images"], ["heatmaps"])], "head", infos[:1], infos[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    path = machine.folder / "head.onnx"
    onnx.save(add_decode_head(model), path)
    rows, columns = np.divmod(np.arange(height * width), width)
    rim = (rows % (height - 1) == 0) | (columns % (width - 1) == 0)
    chosen = np.flatnonzero(rim | (np.arange(height * width) % 13 == 0))
    peaks = np.eye(height * width, dtype=np.float32)[chosen[: len(chosen) // 3 * 3]].reshape(-1, 3, height, width)
    maps = np.concatenate([peaks, np.random.default_rng(1).normal(0, 1, peaks.shape).astype(np.float32)])
    with TensorRTBackend(engine_file(str(machine.compile(path, (width, height), "fp32")))) as backend:
        keypoints = backend(maps)["keypoints"]
        ties = backend(np.zeros((1, 3, height, width), np.float32))["keypoints"]
    xy, score = decode(maps)
    worst = float(np.abs(keypoints - np.concatenate([xy, score[..., None]], -1)).max())
    expect(worst <= PARITY_PX, f"expected keypoints within {PARITY_PX} px of the host's, got {worst:.2g}")
    return f"{keypoints.size // 3} maps, error {worst:.1e} px; the peak of a flat map is at {ties[0, 0, :2].tolist()}"


def check_parity(machine: Machine, precision: str) -> str:
    """Build an engine as `pose build-engine` does, which compares keypoints on the demo's clip with ONNX Runtime's."""
    if precision == "fp16" and is_strongly_typed(machine.trt):
        from pose_estimation_ros.training.export.convert import convert

        convert(machine.model, "fp16", machine.folder)
    out = str(machine.folder / f"parity_{precision}.engine")
    sidecar = read_sidecar(
        build_engine(
            str(machine.model),
            BuildOptions(precision=precision, out=out),
            machine.trt,
            machine.facts,
            lambda _text: None,
        )
    )
    expect(
        sidecar["precision_built"] == precision, f"expected an engine in {precision}, got {sidecar['precision_built']}"
    )
    return f"built {sidecar['precision_built']}, keypoints {sidecar['parity']}"


def check_fault(machine: Machine) -> str:
    """Check that ONNX Runtime answers the batch in which the device fails because of an invalid address."""
    crops = noise(3)
    with open_backend(onnx_file(str(machine.model)), device="cpu") as reference:
        expected = reference(crops)["heatmaps"]
    backend = TensorRTBackend(engine_file(str(machine.model.with_suffix(".engine"))))
    with FallbackBackend(backend, lambda: open_backend(onnx_file(str(machine.model)), device="cpu")) as serving:
        backend._addresses[backend._input.name] = 256
        heatmaps = serving(crops)["heatmaps"]
        expect(serving.fault, "expected the device to fail, but it did not")
        expect(np.allclose(heatmaps, expected, atol=1e-5), f"expected ONNX Runtime's heatmaps after {serving.fault!r}")
        return serving.name


if __name__ == "__main__":
    sys.exit(main())
