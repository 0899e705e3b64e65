"""Provide ROS as for the tests of the nodes, the folder in which a reader works, and a walk through a page's blocks."""

import os

import pytest
from nodes.conftest import domain, ended, kept, make_node, ros, wait_until_fixture  # noqa: F401
from page_blocks import (
    OUTPUT,
    PYTHON,
    SHELL,
    blocks_of,
    commands_of,
    lines_not_printed,
    run_command,
    run_python,
    write_short_clip,
)

FRAMES = 6  # of the reader's copy of the clip
LINKED = ("models", "config", "examples")


@pytest.fixture
def desk(repository, tmp_path, monkeypatch):
    """A working directory that looks like the repository, in which the clip is short and no model is imported."""
    for name in LINKED:
        os.symlink(str(repository / name), str(tmp_path / name))
    clip = tmp_path / "test" / "data" / "pedestrians.mp4"
    clip.parent.mkdir(parents=True)
    write_short_clip(clip, FRAMES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", str(repository))
    return tmp_path


@pytest.fixture
def walk(repository, desk, capfd):
    """Return a function that runs the blocks of a page one after the other, and compares what is printed with the page.

    Its other argument has, for the beginning of a command, the function that takes its place.
    """

    def walk(page, stand_ins):
        printed, used = "", set()
        for block in blocks_of((repository / "docs" / "tutorials" / page).read_text()):
            if block.reason:
                printed = None  # the output that follows belongs to what did not run
            elif block.language == OUTPUT and printed is not None:
                assert lines_not_printed(block.text, printed) == [], printed
            elif block.language == SHELL:
                printed = "".join(_printed_by(command, stand_ins, used, capfd) for command in commands_of(block.text))
            elif block.language == PYTHON:
                printed = _printed_by_python(block.text, stand_ins, used, capfd)
        assert used == set(stand_ins)

    return walk


def _printed_by(command, stand_ins, used, capfd):
    start = next((start for start in stand_ins if command.startswith(start)), None)
    used.add(start) if start else None
    (stand_ins[start] if start else run_command)(command)
    return "".join(capfd.readouterr())


def _printed_by_python(code, stand_ins, used, capfd):
    if PYTHON in stand_ins:
        used.add(PYTHON)
    stand_ins.get(PYTHON, lambda text: run_python("-c", text))(code)
    return "".join(capfd.readouterr())


@pytest.fixture
def small_toy_set(monkeypatch):
    """Let `pose data toy` write few images: 8 to measure on, and a film of 8."""
    pytest.importorskip("PIL", reason="draws the toy set")
    from pose_estimation_ros.datasets.toy.write import ToySet

    monkeypatch.setattr(ToySet, "images", 40)
