"""Checkpoints: one file with everything that a run needs to go on, written so that a crash leaves the old one whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from pose_estimation_ros.core.errors import DataError, ModelError
from pose_estimation_ros.core.files import whole_file


def save_checkpoint(path: Path, **content: Any) -> None:
    """Write a checkpoint. Raises DataError where that is not possible."""
    with whole_file(path) as file:
        torch.save(content, file)


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """Keys: model, optimizer, schedule (state dicts), epoch (finished), best, recipe (plain dict)."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, KeyError, ValueError) as error:
        raise DataError(f"cannot read checkpoint {path}: {error}") from error
    except Exception as error:  # torch raises pickle's errors, which have no common base
        raise DataError(f"{path} is no checkpoint: {error}") from error


def load_weights(model: nn.Module, path: str | Path) -> None:
    """The weights of a checkpoint into a model of the same shape. Raises ModelError with the first differences."""
    try:
        model.load_state_dict(load_checkpoint(path)["model"])
    except (RuntimeError, KeyError) as error:
        raise ModelError(f"{path} does not fit the model: {str(error)[:400]}") from error
