"""ONNX models of lower precision: fp16, int8 for TensorRT, int8 for the CPU. Needs no torch.

Precision lives in the file: whatever runs it has nothing to choose. Inputs and outputs stay float32, and so does what
lies before the first convolution (it takes 0..255) and after the last one (a detector's boxes go up to its input's
size, where fp16 has steps of a quarter of a pixel).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx

from pose_estimation_ros.core.atomic_files import write_json, write_whole
from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.model_spec import ModelSpec, file_sha256, load_model_spec, model_name, spec_path
from pose_estimation_ros.inference.progress import progress
from pose_estimation_ros.training.export.calibration import BATCH_SIZE, calibration_batches
from pose_estimation_ros.training.export.fp16 import to_fp16
from pose_estimation_ros.training.export.int8 import to_int8
from pose_estimation_ros.training.export.onnx_graph import load_float32
from pose_estimation_ros.training.export.ranges import METHODS

PRECISIONS = ("fp16", "int8-tensorrt", "int8-cpu")
SERVING = ("score_threshold", "score_threshold_from")  # what the runtime reads among the figures


def convert(
    source: str | Path,
    precision: str,
    out: str | Path,
    name: str | None = None,
    calibration: str | Path | None = None,
    method: str = "minmax",
    count: int = 200,
) -> Path:
    """Writes <out>/<name>.onnx and .json of a lower precision, each atomically; name: by default <source>_<precision>.

    calibration: data for int8, see calibration_batches; count: persons or images of it. Raises ConfigError, DataError,
    and ModelError where the source has no spec or cannot be converted.
    """
    check_options(precision, calibration, method, count)
    spec, model = load_model_spec(str(source)), load_float32(source)
    note: dict[str, Any] = {"precision": precision, "of": spec.name, "of_sha256": spec.sha256}
    if precision == "fp16":
        result = to_fp16(model)
    else:
        batches = calibration_batches(spec, calibration, count)
        shown = progress(batches, -(-count // BATCH_SIZE), "batches of calibration")
        result = to_int8(model, precision, shown, method)
        note |= {"calibration": str(calibration), "count": count, "method": method}
    path = Path(out, (name or f"{spec.name}_{precision.replace('-', '_')}") + ".onnx")
    return write(path, result, spec, note)


def check_options(precision: str, calibration: str | Path | None, method: str, count: int) -> None:
    """Raises ConfigError."""
    if precision not in PRECISIONS:
        raise ConfigError(f"expected a precision out of {', '.join(PRECISIONS)}, got {precision!r}")
    if method not in METHODS:
        raise ConfigError(f"expected a calibration method out of {', '.join(METHODS)}, got {method!r}")
    if precision != "fp16" and calibration is None:
        raise ConfigError(f"expected calibration data for {precision}: --calibration FOLDER (never the test data)")
    if count < 1:
        raise ConfigError(f"expected 1 or more images to calibrate on, got {count}")


def write(path: Path, model: onnx.ModelProto, source: ModelSpec, note: dict[str, Any]) -> Path:
    """The spec keeps the source's figures under accuracy["fp32"]: its own are still to be measured."""
    write_whole(path, model.SerializeToString())
    before = {key: value for key, value in source.accuracy.items() if key not in SERVING}
    accuracy = {key: source.accuracy[key] for key in SERVING if key in source.accuracy}
    spec = source._replace(
        name=model_name(path),
        sha256=file_sha256(str(path)),
        accuracy={**accuracy, "fp32": before},
        training={**source.training, "export": note},
    )
    write_json(spec_path(str(path)), spec.to_json(), indent=1)
    return path
