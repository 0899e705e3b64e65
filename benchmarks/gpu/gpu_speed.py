"""Measure the speed of a family's fp16 engine against HRNet-W32's, and share code among the checks of gpu_check.py."""

from __future__ import annotations

import dataclasses
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from pose_estimation_ros.core.atomic_files import file_sha256
from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.inference.backends.find import engine_file
from pose_estimation_ros.inference.trt.backend import TensorRTBackend
from pose_estimation_ros.inference.trt.cache import SIDECAR, store
from pose_estimation_ros.inference.trt.compiler import compile_engine, is_strongly_typed

MODEL = "elpn_v1_coco"
BASELINE = "hrnet_w32"
ROUNDS, WARM_UP, RUNS = 5, 10, 30


class Skip(Exception):
    """Say that a check cannot run on this machine, and why."""


@dataclasses.dataclass
class Machine:
    """Describe the machine that is checked.

    Attributes:
        folder: Folder for models and engines.
        trt: The module tensorrt.
        facts: Gpu.machine, which goes into the sidecars of engines.
    """

    folder: Path
    trt: Any
    facts: dict[str, str]

    @property
    def model(self) -> Path:
        """Return the path of the default pose model's ONNX file."""
        return self.folder / f"{MODEL}.onnx"

    def compile(self, path: Path, size_wh: tuple[int, int], precision: str, max_batch: int = 8) -> Path:
        """Build an engine and a sidecar with which the backend opens it, without the builder's comparison of outputs.

        Args:
            path: ONNX file.
            size_wh: Width and height of the input, px.
            precision: fp32 or fp16.
            max_batch: Largest batch of the engine.

        Returns:
            Path of the engine, beside the ONNX file.
        """
        engine = compile_engine(self.trt, str(path), size_wh, precision, max_batch, say=lambda _text: None).engine
        fields: dict[str, Any] = {**dict.fromkeys(SIDECAR, ""), **self.facts, "built": {"seconds": 0.0}, "parity": None}
        fields.update(model_spec=spec_of(path, size_wh), layers={}, shapes=[], failed_over=[])
        store(path.with_suffix(".engine"), engine, fields)
        return path.with_suffix(".engine")


def spec_of(path: Path, size_wh: tuple[int, int]) -> dict[str, Any]:
    """Return the fields of a top-down model's spec for a network that may have none beside it."""
    fields = {"name": path.stem, "task": "top_down", "input_size_wh": size_wh, "color_order": "rgb", "padding": 1.25}
    fields.update(
        skeleton=get_skeleton("coco17"),
        stride=4,
        decoder="quarter_offset",
        sha256=file_sha256(str(path)),
        accuracy={},
        training={},
    )
    return ModelSpec(**fields).to_json()


def noise(count: int, size_wh: tuple[int, int] = (192, 256)) -> np.ndarray:
    """Return a batch (count, 3, h, w) float32 of noise images, 0 to 255."""
    return np.random.default_rng(0).uniform(0, 255, (count, 3, size_wh[1], size_wh[0])).astype(np.float32)


def timed(backend: Any, batch: np.ndarray) -> float:
    """Return the median time of a call in ms, with the copies of input and outputs."""
    times = []
    for _ in range(WARM_UP + RUNS):
        start_s = time.perf_counter()
        backend(batch)
        times.append(1e3 * (time.perf_counter() - start_s))
    return statistics.median(times[WARM_UP:])


def check_speed(machine: Machine, family: str) -> str:
    """Measure how many times faster than HRNet-W32 a family is in fp16, for batches of 1 and 8.

    Both networks have random weights and take turns.

    Args:
        machine: The machine to check.
        family: Name of the family's network.

    Returns:
        Text with ms, the median ratio of all rounds, and the range of the ratios.

    Raises:
        Skip: torch is missing.
    """
    engines = [fp16_engine(machine, name) for name in (BASELINE, family)]
    texts = []
    (slow_path, slow_size), (fast_path, fast_size) = engines
    slow_file, fast_file = (engine_file(str(path)) for path in (slow_path, fast_path))
    with TensorRTBackend(slow_file) as slow, TensorRTBackend(fast_file) as fast:
        for count in (1, 8):
            batches = noise(count, slow_size), noise(count, fast_size)
            pairs = [(timed(slow, batches[0]), timed(fast, batches[1])) for _ in range(ROUNDS)]
            low, *_, high = ratios = sorted(a / b for a, b in pairs)
            ms, ratio = statistics.median(b for _, b in pairs), statistics.median(ratios)
            texts.append(f"batch {count}: {ms:.2f} ms, {ratio:.2f}x ({low:.2f}..{high:.2f})")
    return f"against {BASELINE}: " + "; ".join(texts)


def fp16_engine(machine: Machine, family: str) -> tuple[Path, tuple[int, int]]:
    """Return the fp16 engine of a family and (width, height) of its input in the paper; build it if it is missing."""
    try:
        from pose_estimation_ros.training.export.export import to_onnx
        from pose_estimation_ros.training.export.fp16 import to_fp16
        from pose_estimation_ros.training.export.onnx_graph import load_float32
        from pose_estimation_ros.training.model_table import rows_of
        from pose_estimation_ros.training.models import BOTTOM_UP_MODELS, POSE_MODELS
    except ImportError as error:
        raise Skip(f"the dependencies of training are missing: {error}") from error
    row, path = rows_of([family])[0], machine.folder / f"{family}.onnx"
    if not path.with_suffix(".engine").exists():
        model = (POSE_MODELS | BOTTOM_UP_MODELS)[family](row.num_joints).eval()
        path.write_bytes(to_onnx(model, list(row.input_size_wh)))
        if is_strongly_typed(machine.trt):
            onnx.save(to_fp16(load_float32(path)), path)
        machine.compile(path, row.input_size_wh, "fp16")
    return path.with_suffix(".engine"), row.input_size_wh
