"""Check the help of all commands: the purpose, the groups of options and the examples."""

import argparse
import importlib
import re
import shlex

import pytest

from pose_estimation_ros.__main__ import COMMANDS, _parser

MOST_UNGROUPED = 6  # options of a command that needs no groups
UNNAMED = ("positional arguments", "options", "optional arguments")  # titles of argparse's own groups
# Files that a user brings. All others are in the repository or are made by the example of another command.
BROUGHT = {"yolo11n-pose.onnx", "yolox_nano.onnx", "pose_hrnet_w32_256x192.pth", "hrnet_w32-36af842e.pth"}
BROUGHT |= {"data/coco/annotations/person_keypoints_val2017.json", "ids.txt"}
# By the start of an example: what it makes.
MADE = {
    "pose data toy data/toy": ["data/toy/holdout", "data/toy/holdout/images", "data/toy/holdout/person_keypoints.json"],
    "pose train config/training/toy.yaml": ["runs/toy/best.ckpt"],
    "pose export runs/toy/best.ckpt --out my_models --name toy_pose": ["my_models/toy_pose.onnx"],
    "pose build-engine models/lite0_fpn_coco.onnx --precision fp16 --out models/lite0_fpn_coco.engine": [
        "models/lite0_fpn_coco.engine"
    ],
    "pose build-engine models/person_detector.onnx --max-batch 1 --out models/person_detector.engine": [
        "models/person_detector.engine"
    ],
    "pose make-bag test/data/pedestrians.mp4 --out out/clip": ["out/clip"],
}


def parsers_below(parser, name):
    """Yield (words of the command, parser) of a command and of its actions, such as `data toy`."""
    yield name, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below, child in action.choices.items():
                yield from parsers_below(child, name + " " + below)


def parsers_of(name):
    """List (words, parser) of one of COMMANDS; the test is skipped where the command cannot be loaded."""
    try:
        importlib.import_module(COMMANDS[name][0])
    except (ImportError, SyntaxError) as error:
        pytest.skip("needs what is not installed: %s" % error)
    return list(parsers_below(_parser([name])[1], name))


def ungrouped(parser):
    """Names of the arguments that are in none of the groups with a name of their own, without --help."""
    groups = [group for group in parser._action_groups if group.title in UNNAMED]
    return [action.dest for group in groups for action in group._group_actions if action.dest != "help"]


def options(parser):
    """Options that the help shows, without --help."""
    return [a for a in parser._actions if a.option_strings and a.help != argparse.SUPPRESS and a.dest != "help"]


def examples_of(parser):
    """Command lines at the end of a help."""
    title, *lines = (parser.epilog or "").splitlines() or [""]
    return [line.strip() for line in lines] if title == "examples:" else []


def files_read(words):
    """Files and folders among the words behind the name of a command that are no outputs of it."""
    outputs = [after for word, after in zip(words, words[1:]) if word in ("--out", "--report", "--json")]
    return {word for word in words if re.search(r"/|\.(onnx|pth|engine|ckpt|mp4|json)$", word)} - set(outputs)


def is_grouped(parser):
    return len(options(parser)) <= MOST_UNGROUPED or not ungrouped(parser)


def is_sentence(line):
    """Whether a line is one sentence in the imperative, as far as its form tells."""
    return bool(re.match(r"[A-Z][a-z]+ [^.;:]*\.$", re.sub(r"\b[\w-]+\.(?:json|onnx|csv|png)\b|`.*?`", "x", line)))


@pytest.mark.parametrize("line, expected", [
    ("", False),
    ("Train a model from a recipe.", True),
    ("Write keypoints.json.", True),
    ("Make data: `pose data toy` does.", False),
    ("Train a model. Needs torch.", False),
    ("the model's training.", False),
])  # fmt: skip
def test_sentences_are_told(line, expected):
    assert is_sentence(line) == expected


@pytest.mark.parametrize("line, expected", [
    ("", set()),
    ("0 --out out/a", set()),
    ("a.onnx b/c name=x --json d.json --flip", {"a.onnx", "b/c"}),
    ("a --json", set()),
])  # fmt: skip
def test_files_are_told_from_outputs(line, expected):
    assert files_read(line.split()) == expected


def test_many_options_without_a_group_are_found():
    parser = argparse.ArgumentParser()
    assert is_grouped(parser) and examples_of(parser) == []
    group = parser.add_argument_group("output")
    for count in range(MOST_UNGROUPED):
        group.add_argument("--x%d" % count)
    parser.add_argument("--one")
    assert ungrouped(parser) == ["one"] and not is_grouped(parser)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_help_begins_with_the_purpose_and_ends_with_two_examples(name):
    for words, parser in parsers_of(name):
        assert is_sentence(parser.description.splitlines()[0]), words
        assert (parser.description.splitlines() + [""])[1] == "", words
        assert len(set(examples_of(parser))) == 2 and parser.format_help().rstrip().endswith(examples_of(parser)[1])


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_many_options_are_in_groups(name):
    for words, parser in parsers_of(name):
        assert is_grouped(parser), "%s: %s" % (words, ungrouped(parser))
        groups = [group for group in parser._action_groups if group._group_actions and group.title not in UNNAMED]
        assert len(groups) <= max(1, len(options(parser)) // 2), words


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_examples_are_command_lines_of_the_command(name):
    for words, parser in parsers_of(name):
        for example in examples_of(parser):
            command = _parser([name])[1]
            assert example.startswith("pose " + words) and command.parse_args(shlex.split(example)[2:])


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_files_of_examples_are_in_the_repository_or_made_by_other_examples(name, repository):
    known = BROUGHT.union(*MADE.values())
    for _words, parser in parsers_of(name):
        for example in examples_of(parser):
            files = files_read(shlex.split(example)[2:]) - {"data/toy", "data/toy_mpii"}  # which `pose data` writes
            assert [file for file in files - known if not (repository / file).exists()] == []


def test_what_examples_need_is_made_by_examples():
    examples = [line for name in sorted(COMMANDS) for _, parser in parsers_of(name) for line in examples_of(parser)]
    assert set(MADE) <= set(examples)
