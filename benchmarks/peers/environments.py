"""Install packages of others, each into an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from benchmarks.peers.protocol import LeftOut

ROOT = Path(__file__).resolve().parents[2]
DONE = "installed"  # a file that is written when everything is in its place


class Environment(NamedTuple):
    """Describe an environment.

    Attributes:
        name: its folder.
        package: the package to compare, which is installed without what it asks for.
        needed: what it needs for this comparison.
        constraints: file with the versions, below the root of the source tree.
    """

    name: str
    package: str
    needed: tuple[str, ...]
    constraints: str = "constraints.txt"


MEDIAPIPE = Environment(
    "mediapipe",
    "mediapipe",
    ("numpy", "attrs", "protobuf", "opencv-contrib-python-headless", "matplotlib"),
    "benchmarks/peers/mediapipe.txt",
)
ULTRALYTICS = Environment(
    "ultralytics",
    "ultralytics",
    ("numpy", "torch", "onnx", "onnxruntime", "opencv-python-headless", "PyYAML", "requests", "psutil", "pillow"),
)


def installed(environment: Environment, folder: Path) -> Path:
    """Install an environment where it is not there yet, and return its Python.

    Args:
        environment: what to install.
        folder: folder of all environments.

    Raises:
        LeftOut: it cannot be installed.
    """
    home = folder / environment.name
    python = home / "bin" / "python"
    if not (home / DONE).exists():
        pip = [str(python), "-m", "pip", "install", "--quiet", "-c", str(ROOT / environment.constraints)]
        succeed([sys.executable, "-m", "venv", "--clear", str(home)])
        succeed([*pip, "--no-deps", environment.package])
        succeed([*pip, *environment.needed])
        (home / DONE).touch()
    return python


def succeed(command: list[str], home: Path | None = None) -> None:
    """Run a command of an environment.

    Args:
        command: the program and its arguments.
        home: folder of the environment, for what the program writes by itself.

    Raises:
        LeftOut: it failed.
    """
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=variables(home))
    if done.returncode:
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("ERROR:")] or lines or [f"exit code {done.returncode}"]
        raise LeftOut(errors[-1])


def variables(home: Path | None = None) -> dict[str, str]:
    """Return the environment variables of a program: it finds this source tree, and writes settings into its home.

    Args:
        home: folder of its environment, None for this package's own.
    """
    own = {} if home is None else {name: str(home) for name in ("YOLO_CONFIG_DIR", "MPLCONFIGDIR")}
    return {**os.environ, "PYTHONPATH": str(ROOT), **own}
