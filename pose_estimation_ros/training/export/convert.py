"""Convert ONNX models to a lower precision: fp16, int8 for TensorRT, int8 for the CPU. Needs no torch.

The precision is a property of the file: whatever runs the file has nothing to choose. Inputs and outputs stay float32,
and so does what lies before the first convolution (it takes 0..255) and after the last one (a detector's boxes go up to
its input's size, where fp16 has steps of a quarter of a pixel).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx

from pose_estimation_ros.core.atomic_files import file_sha256, write_json, write_whole
from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.model_spec import ModelSpec, load_model_spec, model_name, spec_path
from pose_estimation_ros.inference.progress import progress
from pose_estimation_ros.training.export.calibration import BATCH_SIZE, calibration_batches
from pose_estimation_ros.training.export.fp16 import to_fp16
from pose_estimation_ros.training.export.int8 import to_int8
from pose_estimation_ros.training.export.onnx_graph import load_float32

PRECISIONS = ("fp16", "int8-tensorrt", "int8-cpu")
SERVING = ("score_threshold", "score_threshold_from")  # what the runtime reads among the figures


def convert(
    source: str | Path,
    precision: str,
    out: str | Path,
    name: str | None = None,
    calibration: str | Path | None = None,
    count: int = 200,
) -> Path:
    """Write <out>/<name>.onnx and .json of a lower precision, each atomically.

    Args:
        source: ONNX file in float32, with its spec beside it.
        precision: One of PRECISIONS.
        out: Folder for the files.
        name: Name of the model; by default <source>_<precision>.
        calibration: Data for int8, see calibration_batches.
        count: Number of persons or images of that data to use.

    Returns:
        Path of the ONNX file.

    Raises:
        ConfigError: The options do not fit together.
        DataError: The calibration data cannot be used.
        ModelError: The source has no spec or cannot be converted.
    """
    check_options(precision, calibration, count)
    spec, model = load_model_spec(str(source)), load_float32(source)
    note: dict[str, Any] = {"precision": precision, "of": spec.name, "of_sha256": spec.sha256}
    if precision == "fp16":
        result = to_fp16(model)
    else:
        assert calibration is not None  # check_options has checked this
        batches = calibration_batches(spec, calibration, count)
        result = to_int8(model, precision, progress(batches, -(-count // BATCH_SIZE), "batches of calibration"))
        note |= {"calibration": str(calibration), "count": count, "method": "minmax", "biases": "corrected"}
    path = Path(out, (name or f"{spec.name}_{precision.replace('-', '_')}") + ".onnx")
    return _write(path, result, spec, note)


def check_options(precision: str, calibration: str | Path | None, count: int) -> None:
    """Check the options of a conversion.

    Args:
        precision: One of PRECISIONS.
        calibration: Data for int8.
        count: Number of persons or images to calibrate on.

    Raises:
        ConfigError: An option is unknown, out of range or missing.
    """
    if precision not in PRECISIONS:
        raise ConfigError(f"expected a precision out of {', '.join(PRECISIONS)}, got {precision!r}")
    if precision != "fp16" and calibration is None:
        raise ConfigError(f"expected calibration data for {precision}: --calibration FOLDER (never the test data)")
    if count < 1:
        raise ConfigError(f"expected 1 or more images to calibrate on, got {count}")


def _write(path: Path, model: onnx.ModelProto, source: ModelSpec, note: dict[str, Any]) -> Path:
    """Write a converted model and its spec, which keeps the source's figures under accuracy["fp32"], and its maps."""
    write_whole(path, model.SerializeToString())
    calibration = dict(source.calibration)
    if calibration:  # the maps of int8 are within a few hundredths of those of fp32
        calibration["facts"] = {**calibration.get("facts", {}), "inherited_from": source.name}
    full_precision = {key: value for key, value in source.accuracy.items() if key not in SERVING}
    accuracy = {key: source.accuracy[key] for key in SERVING if key in source.accuracy}
    spec = source._replace(
        name=model_name(str(path)),
        sha256=file_sha256(str(path)),
        accuracy={**accuracy, "fp32": full_precision},
        training={**source.training, "export": note},
        calibration=calibration,
    )
    write_json(spec_path(str(path)), spec.to_json(), indent=1)
    return path
