"""Describe what a run's results depend on; results of the same inputs need not be made again."""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from typing import Any

from pose_estimation_ros.core.atomic_files import file_sha256, read_json
from pose_estimation_ros.core.errors import DataError, ModelError
from pose_estimation_ros.core.model_spec import spec_path
from pose_estimation_ros.evaluation.bag.metrics.ground_truth import GroundTruth
from pose_estimation_ros.evaluation.bag.run.output import RESULTS
from pose_estimation_ros.evaluation.report.summary import versions
from pose_estimation_ros.inference.backends.find import find_model, find_onnx, find_path
from pose_estimation_ros.inference.detector import FULL_FRAME

INPUTS = "inputs.json"
LAYERS = ("core", "imaging", "inference", "messages", "datasets", "evaluation")  # whose sources results depend on


def bag_sha256(path: Path) -> str:
    """Hash the names and contents of a bag's files, in the order of their names."""
    files = [path] if path.is_file() else sorted(p for p in path.iterdir() if p.is_file())
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}\n{file_sha256(file)}\n".encode())
    return digest.hexdigest()


def model_sha256(name: str, device: str) -> list[str]:
    """Hash a model's file, and its spec where it has one.

    For an engine that does not exist, these are the files of its ONNX model, which may be used in its place.

    Args:
        name: name or path of the model.
        device: device on which it runs, see open_backend.
    """
    if name == FULL_FRAME:
        return []
    try:
        path = (device != "engine" and find_path(name)) or find_model(name, device=device).path
    except ModelError:  # opening it uses the ONNX model, or says what is missing
        path = find_onnx(name) or ""
    return [file_sha256(str(p)) for p in (path, spec_path(path)) if Path(p).is_file()]


def ground_truth_sha256(ground_truth: GroundTruth | None) -> str | None:
    """Hash a ground truth, None where there is none."""
    if ground_truth is None:
        return None
    return hashlib.sha256(json.dumps([ground_truth.source, ground_truth.content]).encode()).hexdigest()


@functools.cache
def program() -> dict[str, str]:
    """Return a hash of this program's sources, and the versions of the packages it runs on."""
    folder = Path(__file__).parents[3]
    digest = hashlib.sha256()
    for file in sorted(path for layer in LAYERS for path in (folder / layer).rglob("*.py")):
        digest.update(file.read_bytes())
    return {"sha256": digest.hexdigest(), "versions": versions()}


def up_to_date_results(folder: Path, inputs: dict[str, Any]) -> dict[str, Any] | None:
    """Return the results.json of an earlier run of the same inputs; None where there is none.

    Args:
        folder: folder of the run's results.
        inputs: as inputs.json has them.
    """
    try:
        if read_json(folder / INPUTS) != inputs:
            return None
        results: dict[str, Any] = read_json(folder / RESULTS)
        return results
    except DataError:
        return None
