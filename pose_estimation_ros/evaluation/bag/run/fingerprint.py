"""What a run's results depend on: where that is the same as when they were written, they need not be made again."""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from typing import Any

from pose_estimation_ros.core.atomic_files import file_sha256, read_json
from pose_estimation_ros.core.errors import DataError, ModelError
from pose_estimation_ros.core.model_spec import spec_path
from pose_estimation_ros.evaluation.bag.metrics.truth import Truth
from pose_estimation_ros.evaluation.bag.run.output import RESULTS
from pose_estimation_ros.evaluation.report.summary import versions
from pose_estimation_ros.inference.backends.find import find_model, find_onnx, find_path
from pose_estimation_ros.inference.detector import FULL_FRAME

INPUTS = "inputs.json"
CHUNK = 1 << 20


def bag_sha256(path: Path) -> str:
    """Of the names and contents of a bag's files, in the order of their names."""
    files = [path] if path.is_file() else sorted(p for p in path.iterdir() if p.is_file())
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}\n{chunked_sha256(file)}\n".encode())
    return digest.hexdigest()


def chunked_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def model_sha256(name: str) -> list[str]:
    """Of a network's file, and of its spec where it has one; of the ONNX model of an engine that is not there."""
    if name == FULL_FRAME:
        return []
    try:
        path = find_path(name) or find_model(name).path
    except ModelError:  # opening it falls back on that model, or says what is missing
        path = find_onnx(name) or ""
    return [file_sha256(str(p)) for p in (path, spec_path(path)) if Path(p).is_file()]


def truth_sha256(truth: Truth | None) -> str | None:
    return hashlib.sha256(json.dumps([truth.source, truth.content]).encode()).hexdigest() if truth else None


@functools.cache
def code() -> dict[str, str]:
    """Of this program, and the versions of what it runs on."""
    folder = Path(__file__).parents[3]
    digest = hashlib.sha256()
    for file in sorted(p for layer in ("core", "inference", "evaluation") for p in (folder / layer).rglob("*.py")):
        digest.update(file.read_bytes())
    return {"sha256": digest.hexdigest(), "versions": versions()}


def finished(folder: Path, inputs: dict[str, Any]) -> dict[str, Any] | None:
    """results.json of a run of the same inputs; None where there is none."""
    try:
        same = read_json(folder / INPUTS) == inputs
        return read_json(folder / RESULTS) if same else None
    except DataError:
        return None
