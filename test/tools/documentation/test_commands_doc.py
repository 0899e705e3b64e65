"""docs/reference/commands.md says what the parsers of `pose` say."""

import argparse
import re
import sys

import pytest

from pose_estimation_ros.__main__ import COMMANDS, FAULT
from pose_estimation_ros.cli.common.arguments import whole

# Variables that are read for programs other than `pose`, or set for those that it starts.
OTHERS = {"AMENT_PREFIX_PATH", "PYTHONPATH", "ROS_AUTOMATIC_DISCOVERY_RANGE", "ROS_LOCALHOST_ONLY"}


@pytest.fixture(scope="module")
def tool(repository):
    pytest.importorskip("torch", reason="needs the commands of training")
    sys.path.insert(0, str(repository / "tools" / "documentation"))
    import commands_doc

    sys.path.pop(0)
    return commands_doc


@pytest.fixture(scope="module")
def commands(tool):
    return tool.commands()


@pytest.fixture(scope="module")
def page(repository):
    return (repository / "docs" / "reference" / "commands.md").read_text()


@pytest.fixture
def parser():
    parser = argparse.ArgumentParser()
    either = parser.add_argument_group("input").add_mutually_exclusive_group()
    either.add_argument("--count", type=whole(1, 5), metavar="N", default=3, help="how many. (default: %(default)s)")
    either.add_argument("--all", action="store_true", help="in x.json")
    parser.add_argument("--hidden", help=argparse.SUPPRESS)
    return parser


def test_the_page_is_that_of_the_parsers(tool, page):
    assert tool.filled(tool.PAGE, tool.parts()) == page, "run tools/documentation/commands_doc.py"


def test_a_parser_without_arguments(tool):
    parser = argparse.ArgumentParser(description="Do it.", epilog="examples:\n  pose it")
    example = f"{tool.NOT_RUN}\n```\npose it\n```"
    assert tool.section(("it", parser)) == f"## pose it\n\nDo it.\n\n```text\npose it\n```\n\n{example}"


def test_rows_are_in_the_groups_of_the_parser(tool, parser):
    assert list(tool.rows_of(parser)) == [
        ("**input**", "", "", ""),
        ("`--count N`", "3", "a whole number in 1..5", "how many; not together with `--all`"),
        ("`--all`", "", "", "in `x.json`; not together with `--count`"),
    ]


def test_usage_shows_what_is_required(tool, parser):
    assert tool.usage("it", parser) == "pose it [options]"
    parser.add_argument("files", metavar="FILE", nargs="+")
    parser.add_argument("--out", metavar="DIR", required=True)
    assert tool.usage("it", parser) == "pose it FILE [FILE ...] --out DIR [options]"


def test_every_command_and_every_option_is_on_the_page(commands, page):
    assert {name.split()[0] for name, _parser in commands} == set(COMMANDS) and "data check" in dict(commands)
    for name, parser in commands:
        (text,) = re.findall(r"^##+ pose %s\n(.*?)(?=^##|\Z)" % name, page, re.M | re.S)
        shown = [a for a in parser._actions if a.option_strings and a.help != argparse.SUPPRESS and a.dest != "help"]
        assert [flag for action in shown for flag in action.option_strings if f"{flag}" not in text] == []


def test_every_default_is_in_the_help(commands):
    missing = [
        (name, action.dest)
        for name, parser in commands
        for action in parser._actions
        if action.nargs != 0 and action.default not in (None, "", [], argparse.SUPPRESS)
        if action.help != argparse.SUPPRESS and "(default: " not in action.help
    ]
    assert missing == []


def test_variables_of_the_environment_are_on_the_page(repository, page):
    read = re.compile(r"environ(?:\.get\(|\.setdefault\(|\[)\"([A-Z_]+)\"")
    files = (repository / "pose_estimation_ros").rglob("*.py")
    names = {name for file in files for name in read.findall(file.read_text())}
    assert "POSE_DATA" in names and [name for name in names - OTHERS if f"`{name}`" not in page] == []
    assert f"\n| {FAULT} |" in page
