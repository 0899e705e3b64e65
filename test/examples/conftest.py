"""Run an example as its reader does: as a program of its own, in an empty folder."""

import os
import subprocess
import sys

import cv2
import pytest

from pose_estimation_ros.core.resources import demo_clip
from pose_estimation_ros.imaging.video import VideoWriter, open_source

FRAMES = 8


@pytest.fixture
def environment(repository):
    """The variables of a process that uses the source tree, which need not be installed."""
    return dict(os.environ, PYTHONPATH=str(repository), OMP_WAIT_POLICY="passive")


@pytest.fixture
def run_example(repository, tmp_path, environment):
    """A function: runs an example with these arguments in tmp_path; returns what it printed, or its error."""

    def run(name, *arguments, status=0):
        command = [sys.executable, str(repository / "examples" / name), *map(str, arguments)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "universal_newlines": True}
        done = subprocess.run(command, cwd=str(tmp_path), env=environment, timeout=300, **pipes)
        assert done.returncode == status, done.stderr
        return done.stdout if status == 0 else done.stderr

    return run


@pytest.fixture(scope="session")
def hands(repository, tmp_path_factory):
    """The folder that the example with hands writes."""
    folder = tmp_path_factory.mktemp("hands")
    program = str(repository / "examples" / "train_my_skeleton" / "make_hands.py")
    subprocess.run([sys.executable, program, "my_hands"], cwd=str(folder), check=True, timeout=300)
    return folder / "my_hands"


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """The first frames of the demo's clip."""
    path = str(tmp_path_factory.mktemp("clip") / "clip.mp4")
    with open_source(demo_clip()) as source:
        writer = VideoWriter(path, source.fps)
        for _, frame in zip(range(FRAMES), source):
            writer.write(frame.image)
        writer.close()
    return path


@pytest.fixture(scope="session")
def picture(tmp_path_factory, clip):
    """The first frame of the clip as a file."""
    path = str(tmp_path_factory.mktemp("picture") / "people.png")
    with open_source(clip) as source:
        cv2.imwrite(path, next(iter(source)).image)
    return path
