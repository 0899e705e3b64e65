"""A checkpoint as a model to evaluate. What runs is always what is served: its ONNX file, made by `pose export`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pose_estimation_ros.core.errors import ModelError


def exported(checkpoint: str | Path, folder: str | Path, free_size: bool) -> Path:
    """<run>_<checkpoint>.onnx and .json in the folder. Raises ModelError with what the export said.

    In a process of its own, because evaluation runs without torch, and exporting does not.
    """
    name = f"{Path(checkpoint).absolute().parent.name}_{Path(checkpoint).stem}"
    options = ["--out", str(folder), "--name", name, *(["--free-size"] if free_size else [])]
    command = [sys.executable, "-m", "pose_estimation_ros", "export", str(checkpoint), *options]
    print(f"exporting {checkpoint} into {folder}", flush=True)
    ended = subprocess.run(command, capture_output=True, text=True)
    if ended.returncode:
        said = ended.stderr.strip().splitlines() or [f"exit status {ended.returncode}"]
        raise ModelError(f"cannot export {checkpoint}: {said[-1].removeprefix('pose: error: ')}")
    return Path(folder, name + ".onnx")
