"""Read what files say of the shipped models: specs, costs, accuracy and speed."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from pose_estimation_ros.core.atomic_files import read_json
from pose_estimation_ros.core.model_spec import END_TO_END, ModelSpec, load_model_spec
from pose_estimation_ros.training.model_table import Printed, measure

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "models"
SPEED = ROOT / "docs" / "measurements" / "model-speed.json"
# The figures by which models are compared; each evaluation has one of them.
MAIN_FIGURES = ("AP", "recall_at_1_fp")

Figures = dict[str, Any]  # what `pose evaluate` measured


def specs() -> list[ModelSpec]:
    """Read the specs of the shipped models: the best pose model from end to end first, detectors last."""
    return sorted((load_model_spec(str(path)) for path in sorted(MODELS.glob("*.onnx"))), key=rank)


def rank(spec: ModelSpec) -> tuple[bool, float, bool]:
    """Return a key that sorts models as the tables have them."""
    return spec.task == "person_detector", -(end_to_end(spec) or {"AP": 0.0})["AP"], source(spec) != ""


def source(spec: ModelSpec) -> str:
    """Return the name of the model of which an 8-bit one was made, "" where a model was trained itself."""
    name: str = spec.training.get("export", {}).get("of", "")
    return name


def runs(spec: ModelSpec) -> dict[str, Figures]:
    """Return name -> figures of each evaluation that the spec has."""
    named = {name: run for name, run in spec.accuracy.items() if isinstance(run, dict)}
    return {name: run for name, run in named.items() if any(key in run for key in MAIN_FIGURES)}


def alone(spec: ModelSpec) -> Figures:
    """Return the figures of the spec's first evaluation that is not end to end: the network by itself."""
    return next((run for run in runs(spec).values() if run.get("protocol") != END_TO_END), {})


def end_to_end(spec: ModelSpec) -> Figures:
    """Return the figures of a pose model end to end on all images, {} where they were not measured."""
    whole = [run for run in runs(spec).values() if run.get("protocol") == END_TO_END and "half" not in run]
    return whole[0] if whole else {}


def megabytes(spec: ModelSpec) -> str:
    """Return the size of the ONNX file."""
    return f"{(MODELS / f'{spec.name}.onnx').stat().st_size / 1e6:.1f} MB"


@lru_cache(maxsize=None)
def _cost(model: str, size_wh: tuple[int, int], joints: int | None, options: tuple[tuple[str, Any], ...]) -> Figures:
    return measure(Printed(model, size_wh, None, None, "Gi", joints), dict(options))


def cost(spec: ModelSpec) -> Figures:
    """Count parameters and multiply-adds as `pose models` does, with the options that the model was trained with."""
    joints, training = spec.skeleton.num_keypoints if spec.skeleton else None, spec.training
    options = tuple((training.get("model_options") or {}).items())
    return _cost(training["model"], tuple(spec.input_size_wh), joints, options)


def all_speeds() -> Figures:
    """Read the file of `make model-speed`, {"models": {}} where there is none."""
    content: Figures = read_json(SPEED) if SPEED.exists() else {"models": {}}
    return content


def speed(spec: ModelSpec) -> Figures:
    """Return the measured times of a model, {} where its file is not the one that was timed."""
    row: Figures = all_speeds()["models"].get(spec.name, {})
    return row if row.get("sha256") == spec.sha256 else {}


def where_timed() -> str:
    """Tell threads, machine and date of the times, as "one thread, NAME OF THE CPU, 2026-12-01"."""
    facts = all_speeds()
    threads = "one thread" if facts["threads"] == 1 else f"{facts['threads']} threads"
    return f"{threads}, {facts['cpu']}, {facts['date']}"
