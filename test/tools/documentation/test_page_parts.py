"""Check how docstrings and help texts become Markdown."""

import sys

import pytest


@pytest.fixture(scope="module")
def parts(repository):
    sys.path.insert(0, str(repository / "tools" / "documentation"))
    import page_parts

    sys.path.pop(0)
    return page_parts


@pytest.mark.parametrize(
    "text, markdown",
    [
        ("", ""),
        ("One\ntwo.\n\nThree.", "One two.\n\nThree."),
        ("Files:\n  a  b\n  c\nEnd", "Files:\n\n```text\na  b\nc\n```\n\nEnd"),
        ("with --max-people, `--min` and x.json", "with `--max-people`, `--min` and `x.json`"),
        ("<dir>/<name>/best.ckpt of <dir>", "`<dir>/<name>/best.ckpt` of &lt;dir>"),
        ("OUT/TABLE.md, .csv; img_%04d.png", "`OUT/TABLE.md`, `.csv`; `img_%04d.png`"),
        ("see docs/how-to/train.md.", "see [Training: from COCO to a deployed engine](../how-to/train.md)."),
    ],
)
def test_prose(parts, text, markdown):
    assert parts.prose(text) == markdown
