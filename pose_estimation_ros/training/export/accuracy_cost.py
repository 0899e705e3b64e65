"""What a lower precision costs: accuracy of an exported model and of the one it was made of, kept in its spec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pose_estimation_ros.core.atomic_files import read_json, write_json
from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.model_spec import load_model_spec, spec_path
from pose_estimation_ros.datasets.coco_json import annotation_file


def check_data(data: str | Path, calibration: str | Path | None) -> None:
    """Raises ConfigError where both are the same annotations, DataError where the test data cannot be read."""
    if calibration is not None and annotation_file(data).resolve() == annotation_file(calibration).resolve():
        raise ConfigError(f"expected test data that int8 is not calibrated on, got {data} for both")
    read_json(annotation_file(data))


def keep_accuracy(path: str | Path, source: str | Path | None, data: str | Path, flip: bool) -> dict[str, Any]:
    """Measures path, and source if there is one, on ONNX Runtime; a pose model in the annotated boxes.

    Returns {NAME: figures, "fp32": {NAME: figures of source}}, which path's spec has among its accuracy from then on;
    NAME: of the data's folder or file, with _flip. Raises DataError, ConfigError and ModelError.
    """
    name = Path(data).resolve().stem + "_flip" * flip
    figures = {name: accuracy_of(path, data, flip)}
    before = {name: accuracy_of(source, data, flip)} if source else {}
    spec = load_model_spec(str(path))
    accuracy = {**spec.accuracy, **figures}
    if source:
        accuracy["fp32"] = {**accuracy.get("fp32", {}), **before}
    write_json(spec_path(str(path)), spec._replace(accuracy=accuracy).to_json(), indent=1)
    return {**figures, "fp32": before} if source else figures


def accuracy_of(path: str | Path, data: str | Path, flip: bool) -> dict[str, Any]:
    # Imported here, because these want pycocotools, which converting does not.
    from pose_estimation_ros.evaluation.accuracy import accuracy_of_detector, accuracy_of_pose_model
    from pose_estimation_ros.evaluation.protocols import chosen

    if load_model_spec(str(path)).task != "person_detector":
        return accuracy_of_pose_model(path, data, protocol=chosen(None, flip))[0]
    if flip:
        raise ConfigError(f"expected --flip with pose models alone, got the detector {path}")
    return accuracy_of_detector(path, data)[0]


def to_text(figures: dict[str, Any]) -> str:
    """A line for each model: what keep_accuracy returned, in words."""
    ((name, after),) = [item for item in figures.items() if item[0] != "fp32"]
    lines = [(name, after), *((f"{name}, fp32", before) for before in figures.get("fp32", {}).values())]
    return "\n".join(f"{title}: {numbers(own)}" for title, own in lines)


def numbers(figures: dict[str, Any]) -> str:
    return "  ".join(f"{name} {value}" for name, value in figures.items() if type(value) in (int, float))
