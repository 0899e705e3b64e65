"""Measure how much accuracy a lower precision costs, and keep the figures in the model's spec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pose_estimation_ros.core.atomic_files import read_json, write_json
from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.model_spec import load_model_spec, spec_path
from pose_estimation_ros.datasets.coco_json import annotation_file
from pose_estimation_ros.inference.backends.find import find_model


def check_data(data: str | Path, calibration: str | Path | None) -> None:
    """Check the data that a model is to be tested on.

    Args:
        data: Test data.
        calibration: Data that int8 is calibrated on, None for other precisions.

    Raises:
        ConfigError: Both are the same annotations.
        DataError: The test data cannot be read.
    """
    if calibration is not None and annotation_file(data).resolve() == annotation_file(calibration).resolve():
        raise ConfigError(f"expected test data that int8 is not calibrated on, got {data} for both")
    read_json(annotation_file(data))


def keep_accuracy(path: str | Path, source: str | Path | None, data: str | Path, flip: bool) -> dict[str, Any]:
    """Measure a model and its float32 source on ONNX Runtime; pose models run in the annotated boxes.

    Args:
        path: ONNX file, in whose spec the figures are kept.
        source: ONNX file in float32 that it was made from, None for a model that is float32 itself.
        data: Test data in COCO's layout.
        flip: Whether to test by the mean of the image and its mirror image.

    Returns:
        {NAME: figures, "fp32": {NAME: figures of source}}; NAME is the data's folder or file, with "_flip".

    Raises:
        ConfigError: A detector is tested with flip.
        DataError: The test data does not fit the model.
        ModelError: A model cannot be used.
    """
    name = Path(data).resolve().stem + "_flip" * flip
    figures = {name: _accuracy_of(path, data, flip)}
    full_precision = {name: _accuracy_of(source, data, flip)} if source else {}
    spec = load_model_spec(str(path))
    accuracy = {**spec.accuracy, **figures}
    if source:
        accuracy["fp32"] = {**accuracy.get("fp32", {}), **full_precision}
    write_json(spec_path(str(path)), spec._replace(accuracy=accuracy).to_json(), indent=1)
    return {**figures, "fp32": full_precision} if source else figures


def _accuracy_of(path: str | Path, data: str | Path, flip: bool) -> dict[str, Any]:
    # Imported here, because these want pycocotools, which converting does not.
    from pose_estimation_ros.evaluation.accuracy import accuracy_of_detector, accuracy_of_pose_model
    from pose_estimation_ros.evaluation.benchmarks import Benchmarks
    from pose_estimation_ros.evaluation.evaluate import skeletons_of
    from pose_estimation_ros.evaluation.protocols import find_protocol

    model = find_model(str(path))
    benchmarks = Benchmarks(data, skeletons=skeletons_of([model]))
    if model.spec is None or model.spec.task != "person_detector":
        return accuracy_of_pose_model(model, benchmarks.poses, protocol=find_protocol(None, flip), device="cpu")[0]
    if flip:
        raise ConfigError(f"expected --flip with pose models alone, got the detector {path}")
    return accuracy_of_detector(model, benchmarks.detectors, device="cpu")[0]


def to_text(figures: dict[str, Any]) -> str:
    """Format the result of keep_accuracy, a line for each model."""
    ((name, accuracy),) = [item for item in figures.items() if item[0] != "fp32"]
    lines = [(name, accuracy), *((f"{name}, fp32", other) for other in figures.get("fp32", {}).values())]
    return "\n".join(f"{title}: {_numbers(values)}" for title, values in lines)


def _numbers(figures: dict[str, Any]) -> str:
    return "  ".join(f"{name} {value}" for name, value in figures.items() if type(value) in (int, float))
