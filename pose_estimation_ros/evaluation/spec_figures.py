"""Keep what was measured of a model in its spec."""

from __future__ import annotations

from collections.abc import Callable

from pose_estimation_ros.core.atomic_files import read_json, write_json
from pose_estimation_ros.core.errors import ConfigError, ModelError
from pose_estimation_ros.core.model_spec import ENGINE, ModelSpec, parse_spec, spec_path
from pose_estimation_ros.evaluation.benchmarks import Figures
from pose_estimation_ros.inference.backends.model_file import ModelFile


def save_accuracy(model: ModelFile, name: str, figures: Figures) -> None:
    """Keep the figures in the model's spec, under accuracy[name]. Raises as change_spec.

    Args:
        model: the model that was measured.
        name: name of the figures.
        figures: figures of the model.
    """
    change_spec(model, lambda spec: spec._replace(accuracy={**spec.accuracy, name: figures}))


def change_spec(model: ModelFile, change: Callable[[ModelSpec], ModelSpec]) -> str:
    """Change the spec of a model that was measured.

    Args:
        model: the model.
        change: returns the new spec for that in the file.

    Returns:
        Path of the spec.

    Raises:
        ConfigError: the model is an engine, whose sidecar keeps no figures.
        ModelError: there is no spec, or it was replaced in the meantime.
    """
    if model.path.endswith(ENGINE):
        raise ConfigError(f"expected an ONNX model whose spec keeps the figures, got {model.path}")
    path = spec_path(model.path)
    if model.spec is None:
        raise ModelError(f"model file {path} does not exist")
    spec = parse_spec(path, read_json(path, ModelError))  # again: another evaluation may have saved figures meanwhile
    if spec.sha256 != model.spec.sha256:
        raise ModelError(f"{path}: expected the spec of the model that was evaluated, got that of another one")
    write_json(path, change(spec).to_json(), indent=1)
    return path
