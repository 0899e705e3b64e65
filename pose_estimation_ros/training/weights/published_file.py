"""Read the tensors of a published file: a state dict, or the checkpoint of a training that holds one."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pose_estimation_ros.core.errors import DataError, shown
from pose_estimation_ros.training.checkpoint import load_checkpoint

# Where programs put the state dict; the official trainings keep the best one beside the last one.
HOLDERS = ("best_state_dict", "state_dict", "model")
# Of DataParallel; of the half-precision network, a Sequential whose first part converts the image.
WRAPPERS = re.compile(r"(module\.|1\.)+")
# A training's checkpoint holds the last and the best weights and two moments of each.
MOST_COPIES, SMALL = 10, 2**24
# What a checkpoint needs that holds a score as numpy's number, in the names of numpy before and since its version 2.
NUMBER = np.float64(0).__reduce__()[0]  # type: ignore[index]
NUMPY_NUMBERS = [
    (NUMBER, "numpy.core.multiarray.scalar"),
    (NUMBER, "numpy._core.multiarray.scalar"),
    np.dtype,
    *(type(np.dtype(name)) for name in ("float64", "float32", "int64")),
]


def read_published(path: str | Path, network_bytes: int) -> dict[str, Tensor]:
    """Read the tensors of a published file by name; no code in it is run.

    Args:
        path: the file, as torch.save writes it.
        network_bytes: size of the network's own weights: a file of far more is not loaded into memory.

    Returns:
        The tensors, whose names have lost what DataParallel and half precision put in front of them.

    Raises:
        DataError: the file cannot be read, is far too large, or holds no tensors by name.
    """
    _refuse_giant(path, network_bytes)
    with torch.serialization.safe_globals(NUMPY_NUMBERS):  # type: ignore[arg-type]
        content: Any = load_checkpoint(path)
    holder = next((name for name in HOLDERS if isinstance(content.get(name), dict)), None)
    tensors = content[holder] if holder else content
    if not tensors or not all(isinstance(name, str) and isinstance(value, Tensor) for name, value in tensors.items()):
        raise DataError(f"{path}: expected tensors by name, or a checkpoint with state_dict, got {_described(tensors)}")
    unwrapped = {WRAPPERS.sub("", name, count=1) if WRAPPERS.match(name) else name: tensors[name] for name in tensors}
    if len(unwrapped) < len(tensors):
        raise DataError(f"{path}: expected each name once, got some with and without module. in front")
    return unwrapped


def _refuse_giant(path: str | Path, network_bytes: int) -> None:
    try:
        size = os.stat(path).st_size
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    most = MOST_COPIES * network_bytes + SMALL
    if size > most:
        raise DataError(f"{path}: expected a file of at most {most >> 20} MiB for this network, got {size >> 20} MiB")


def _described(content: dict[Any, Any]) -> str:
    return f"the keys {shown(list(content)[:5])}" if content else "nothing"
