"""Read the blocks of a page: what its reader types, and what the page says is printed; and make its short clip."""

import re
import shlex
import subprocess
import sys
from glob import glob
from pathlib import Path
from typing import List, NamedTuple

import numpy as np

from pose_estimation_ros.__main__ import main
from pose_estimation_ros.core.resources import demo_clip
from pose_estimation_ros.imaging.video import VideoWriter, open_source

BLOCK = re.compile(r"^(?:<!-- not run: (\S.*?) -->\n)?```(\w*)\n(.*?)^```$", re.M | re.S)
NUMBER = re.compile(r"\d+(?:\\\.\d+)?(?:e\\?-\d+)?")
SHELL, PYTHON, OUTPUT = "", "python", "text"
LANGUAGES = (SHELL, PYTHON, OUTPUT, "json", "yaml", "bibtex")
ACTIVATE = ". .venv/bin/activate"
TIMEOUT_S = 300


class Block(NamedTuple):
    """Hold a block of a page: its language, its text, and why no test runs it, "" for one that a test runs."""

    language: str
    text: str
    reason: str


def blocks_of(page: str) -> List[Block]:
    """List the blocks of a page in their order."""
    return [Block(language, text, reason) for reason, language, text in BLOCK.findall(page)]


def commands_of(text: str) -> List[str]:
    """List the commands of a block of the shell, in their order, without comments."""
    lines = text.replace("\\\n", " ").splitlines()
    return [" ".join(line.split("  #")[0].split()) for line in lines if line.strip()]


def lines_not_printed(shown: str, printed: str) -> List[str]:
    """List the lines of a page's output that a program has not printed.

    Numbers may differ, and ... stands for any text.
    """
    present = printed.splitlines()
    return [line for line in shown.splitlines() if not any(map(_pattern(line).fullmatch, present))]


def _pattern(line: str) -> "re.Pattern[str]":
    text = NUMBER.sub(r"\\d+(?:\\.\\d+)?(?:e-\\d+)?", re.escape(line.strip()).replace(r"\ ", " "))
    text = re.sub(r" +", r"\\s+", text.replace(r"\.\.\.", ".*"))
    return re.compile(r"\s*%s\s*" % text)


def run_command(command: str) -> None:
    """Run a command of a page: `pose` in this process, `python` as this one, all else in a shell."""
    words = [path for word in shlex.split(command) for path in (sorted(glob(word)) if "*" in word else [word])]
    if words[0] == "pose":
        assert main(words[1:]) == 0, command
    elif words[0] == "python":
        run_python(*words[1:])
    elif command != ACTIVATE:
        subprocess.run(["bash", "-c", command], check=True, timeout=TIMEOUT_S)


def run_python(*arguments: str) -> None:
    """Run this Python as a program of its own."""
    subprocess.run([sys.executable, *arguments], check=True, timeout=TIMEOUT_S)


def write_short_clip(path: Path, frames: int) -> np.ndarray:
    """Write the first frames of the demo's clip as a video, and return the first one, (H, W, 3) uint8 BGR."""
    with open_source(demo_clip()) as source:
        writer = VideoWriter(str(path), source.fps)
        images = [frame.image for _, frame in zip(range(frames), source)]
        for image in images:
            writer.write(image)
        writer.close()
    return images[0]
