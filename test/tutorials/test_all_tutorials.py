"""Every tutorial is short, stands in the navigation, has a test, and says of each block that no test runs why."""

import re

import pytest
from page_blocks import PYTHON, SHELL, Block, blocks_of, commands_of, lines_not_printed

ORDER = ["first-demo", "your-camera", "own-model", "first-training", "evaluate-a-recording"]
LONGEST = 125  # lines


@pytest.fixture
def tutorials(repository):
    """{name of a page: its text}."""
    return {path.stem: path.read_text() for path in (repository / "docs" / "tutorials").glob("*.md")}


def test_blocks_are_found():
    assert blocks_of("") == []
    page = "```\na\n```\n<!-- not run: no camera -->\n```\nb\nc\n```\n```text\nd\n```\n"
    assert blocks_of(page) == [Block(SHELL, "a\n", ""), Block(SHELL, "b\nc\n", "no camera"), Block("text", "d\n", "")]
    assert blocks_of("<!-- not run: -->\n```python\na\n```\n") == [Block(PYTHON, "a\n", "")]
    assert commands_of("a b  # c\n\nd \\\n  e\n") == ["a b", "d e"]


@pytest.mark.parametrize(
    "shown, printed, missing",
    [
        ("", "", []),
        ("3 people, AP 1.5", "x\n17 people, AP 20.25\n", []),
        ("3 people", "3 peoples", ["3 people"]),
        ("a ... c\n...", "a b c", []),
        ("a (b) [c]", "a b c", ["a (b) [c]"]),
        ("  out/x  7", "out/x 8", []),
        ("found 3", "found none", ["found 3"]),
    ],
)
def test_output_is_compared_but_for_numbers_and_gaps(shown, printed, missing):
    assert lines_not_printed(shown, printed) == missing


def test_they_are_in_the_navigation_in_this_order(repository, tutorials):
    navigation = re.findall(r"- tutorials/([\w-]+)\.md", (repository / "mkdocs.yml").read_text())
    assert navigation == ORDER and sorted(ORDER) == sorted(tutorials)


def test_they_are_short(tutorials):
    assert {name: text.count("\n") for name, text in tutorials.items() if text.count("\n") > LONGEST} == {}


def test_each_has_a_test(repository, tutorials):
    folder = repository / "test" / "tutorials"
    assert [name for name in tutorials if not (folder / ("test_%s.py" % name.replace("-", "_"))).is_file()] == []


def test_each_reason_belongs_to_a_block(tutorials):
    for name, text in tutorials.items():
        reasons = [block.reason for block in blocks_of(text) if block.reason]
        assert len(reasons) == text.count("<!-- not run"), name
