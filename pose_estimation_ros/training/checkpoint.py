"""Checkpoints: one file with everything that a run needs to go on, written so that a crash leaves the old one whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from pose_estimation_ros.core.atomic_files import whole_file
from pose_estimation_ros.core.errors import DataError, ModelError


def save_checkpoint(path: Path, **content: Any) -> None:
    """Write a checkpoint. Raises DataError where that is not possible."""
    with whole_file(path) as file:
        torch.save(content, file)


def load_checkpoint(path: str | Path, *keys: str) -> dict[str, Any]:
    """Load a checkpoint; no code in the file is run.

    Args:
        path: the file.
        keys: what it must hold.

    Returns:
        A dict; of a run here its keys are model, optimizer, schedule (state dicts), epoch (finished), best, recipe,
        data (plain dicts).

    Raises:
        DataError: the file cannot be read, is no checkpoint, or lacks one of the keys.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise DataError(f"cannot read checkpoint {path}: {error.strerror or error}") from error
    except Exception as error:  # torch raises pickle's errors, which have no common base
        raise DataError(
            f"{path}: expected a checkpoint, got a file that torch cannot load ({reason(error)})"
        ) from error
    lacking = [key for key in keys if key not in content] if isinstance(content, dict) else ["its parts"]
    if lacking:
        raise DataError(f"{path}: expected a checkpoint with {', '.join(lacking)}, got one without")
    return content


def reason(error: Exception) -> str:
    """Return why torch did not load a file; its errors of unpickling are pages that advise to trust the file."""
    name = type(error).__name__
    return name if "pickl" in f"{name} {error}".lower() else (str(error).strip() or name).splitlines()[0][:200]


def load_weights(model: nn.Module, path: str | Path) -> None:
    """The weights of a checkpoint into a model of the same shape. Raises ModelError with the first differences."""
    fill(model, load_checkpoint(path, "model")["model"], path)


def fill(model: nn.Module, weights: Any, path: str | Path) -> None:
    """Put the weights, a state dict from the file, into the model. Raises ModelError with the first differences."""
    try:
        model.load_state_dict(weights)
    except (RuntimeError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path} does not fit the model: {' '.join(str(error).split())[:400]}") from error
