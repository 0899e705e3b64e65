"""Every block of code on the pages is run as it stands there, or has the reason in a comment why it is not."""

import contextlib
import io
import json
import os
import subprocess

import pytest

yaml = pytest.importorskip("yaml", reason="reads blocks of YAML")
pytest.importorskip("torch", reason="trains")

from page_blocks import LANGUAGES, Block, blocks_of, commands_of, run_command  # noqa: E402

TOY = "data/toy"  # a page draws it itself, or takes it for drawn
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LISTED = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
    cwd=ROOT,
    stdout=subprocess.PIPE,
    text=True,
).stdout.split("\n")
# The tutorials have tests of their own, which run them in order.
PAGES = [page for page in LISTED if page and not page.startswith(("test/", ".github/", "docs/tutorials/"))]
pytestmark = pytest.mark.skipif(not PAGES, reason="needs git and the repository")


def read(page):
    with open(os.path.join(ROOT, page), encoding="utf-8") as file:
        return file.read()


def run_quietly(command):
    """Run a command; what it prints is shown only where it fails."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            run_command(command)
    except AssertionError as error:
        raise AssertionError(f"{error}: {printed.getvalue()[-2000:]}") from error


def run_block(block):
    """Run a block of commands or Python, or read one of data."""
    if block.language == "":
        for command in commands_of(block.text):
            run_quietly(command)
    elif block.language == "python":
        exec(compile(block.text, "block", "exec"), {"__name__": "block"})
    elif block.language == "json":
        json.loads(block.text)
    elif block.language == "yaml":
        yaml.safe_load(block.text)


def is_run(block):
    """Tell whether a block can fail when it is run."""
    return not block.reason and block.language not in ("text", "bibtex")


def test_blocks_reasons_and_commands_are_found():
    assert blocks_of("") == blocks_of("a `b` c") == [] and commands_of("\n") == []
    page = "```\na  # b\n```\ntext\n<!-- not run: needs a camera -->\n```\nc \\\n  d\n```\n\n```text\nf\n```\n"
    first, second, third = blocks_of(page)
    assert first == Block("", "a  # b\n", "") and second.reason == "needs a camera" and third.language == "text"
    assert commands_of(first.text) == ["a"] and [c.split() for c in commands_of(second.text)] == [["c", "d"]]
    assert [is_run(block) for block in (first, second, third)] == [True, False, False]


def test_a_block_that_fails_is_noticed(reader):
    with pytest.raises(AssertionError, match="nothing.mp4"):
        run_block(Block("", "pose predict nothing.mp4 --out out\n", ""))
    with pytest.raises(subprocess.CalledProcessError):
        run_block(Block("", "true\nfalse\n", ""))
    with pytest.raises(ZeroDivisionError):
        run_block(Block("python", "1 / 0\n", ""))


@pytest.mark.parametrize("page", PAGES)
def test_all_blocks_are_found_and_of_a_known_language(page):
    fences = [line for line in read(page).splitlines() if line.startswith("```")]
    blocks = blocks_of(read(page))
    assert len(fences) == 2 * len(blocks)
    assert {block.language for block in blocks} <= set(LANGUAGES)


@pytest.mark.parametrize("page", [page for page in PAGES if any(map(is_run, blocks_of(read(page))))])
def test_the_blocks_of_a_page_run(page, reader):
    if not any(f"pose data toy {TOY}" in block.text for block in blocks_of(read(page))):
        (reader / TOY).symlink_to(reader / "data/drawn")
    for block in filter(is_run, blocks_of(read(page))):
        run_block(block)
