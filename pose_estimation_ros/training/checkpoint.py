"""Write and read checkpoints: one file with everything that a run needs to continue, whole or not there at all."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pose_estimation_ros.core.atomic_files import whole_file
from pose_estimation_ros.core.errors import DataError, ModelError


def save_checkpoint(path: Path, **content: Any) -> None:
    """Write a checkpoint; a crash leaves the old one whole.

    Args:
        path: path of the file.
        content: by name, what it holds: state dicts, numbers, texts, and lists and dicts of them.

    Raises:
        DataError: it cannot be written.
    """
    with whole_file(path) as file:
        torch.save(content, file)


def load_checkpoint(path: str | Path, *keys: str) -> dict[str, Any]:
    """Load a checkpoint; no code in the file is run.

    Args:
        path: path of the file.
        keys: keys that it must hold.

    Returns:
        A dict. A run's checkpoint has the keys model, optimizer, schedule (state dicts), epoch (number of finished
        ones), best, recipe and data (plain dicts).

    Raises:
        DataError: the file cannot be read, is no checkpoint, or lacks one of the keys.
    """
    try:
        _refuse_packed(path)
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"cannot read checkpoint {path}: {error.strerror or error}") from error
    except Exception as error:  # torch raises pickle's errors, which have no common base
        message = f"{path}: expected a checkpoint, got a file that torch cannot load ({_reason(error)})"
        raise DataError(message) from error
    lacking = [key for key in keys if key not in content] if isinstance(content, dict) else ["its parts"]
    if lacking:
        raise DataError(f"{path}: expected a checkpoint with {', '.join(lacking)}, got one without")
    return content


def _refuse_packed(path: str | Path) -> None:
    """Raise DataError for a file that grows in memory: torch.save packs nothing, so the parts are no larger together.

    Args:
        path: path of the file.
    """
    if not os.path.isfile(path) or not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(part.file_size for part in archive.infolist())
    size = os.path.getsize(path)
    if unpacked > size:
        raise DataError(f"{path}: expected a checkpoint as torch.save writes it, got {size} bytes that hold {unpacked}")


def _reason(error: Exception) -> str:
    """Return why torch did not load a file; its errors of unpickling are pages that advise to trust the file."""
    name = type(error).__name__
    return name if "pickl" in f"{name} {error}".lower() else (str(error).strip() or name).splitlines()[0][:200]


def load_weights(model: nn.Module, path: str | Path) -> None:
    """Load the weights of a checkpoint into a model of the same shape.

    Args:
        model: gets the weights.
        path: path of the checkpoint.

    Raises:
        DataError: the file is no checkpoint.
        ModelError: the weights do not fit; it names the first differences.
    """
    fill(model, load_checkpoint(path, "model")["model"], path)


def fill(model: nn.Module, weights: Any, path: str | Path) -> None:
    """Put weights into a model of the same shape.

    Args:
        model: gets the weights.
        weights: state dict of a file.
        path: path of the file, for messages.

    Raises:
        ModelError: the weights do not fit; it names the first differences.
    """
    try:
        model.load_state_dict(weights)
    except (RuntimeError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path} does not fit the model: {' '.join(str(error).split())[:400]}") from error
