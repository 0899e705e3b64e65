"""The commands that pages of docs show have options that exist; whether they work is tested elsewhere."""

import re
import shlex

import pytest

from pose_estimation_ros.__main__ import _parser
from pose_estimation_ros.inference.options import PipelineOptions

BLOCK = re.compile(r"^```\n(.*?)^```", re.M | re.S)
PAGES = ("how-to/get-a-model.md", "how-to/use-your-own-model.md")
OTHERS = ("bags.md", "evaluation.md", "scores.md", "measurements/tracking.md")  # which launch nothing


def commands_in(text, program):
    """List the commands of a program in the blocks of a page, without their comments."""
    lines = [line for block in BLOCK.findall(text) for line in block.splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.startswith(program + " ")]


def test_commands_are_found():
    assert commands_in("", "pose") == []
    assert commands_in("pose a\n```\npose b 'c d'  # e\nls\n```\n", "pose") == [["pose", "b", "c d"]]


@pytest.mark.parametrize("page", PAGES + OTHERS)
def test_commands_of_pose_can_be_parsed(repository, page):
    commands = commands_in((repository / "docs" / page).read_text(), "pose")
    assert commands
    for _pose, *words in commands:
        parser, _command = _parser(words)
        assert parser.parse_args(words).main, words


@pytest.mark.parametrize("page", PAGES)
def test_launch_files_and_their_arguments_exist(repository, page):
    commands = commands_in((repository / "docs" / page).read_text(), "ros2 launch")
    assert commands
    for _ros2, _launch, package, file, *arguments in commands:
        assert package == "pose_estimation_ros" and (repository / "launch" / file).is_file()
        assert {argument.split(":=")[0] for argument in arguments} <= set(PipelineOptions._fields)
