"""Long sentences are found as a reader counts them, and the pages have at most a handful."""

import pytest

pytest.importorskip("torch", reason="the tools need what training needs")

from tools.checks.sentences import MOST_WORDS, main, sentences, too_long, tracked_pages  # noqa: E402

LONG = " ".join(["word"] * MOST_WORDS)


@pytest.mark.parametrize("page, expected", [
    ("", []),
    ("One two. Three `a. B` four!\n\n* Five\n* six seven. Eight", ["One two.", "Three `a. B` four!", "* Five",
     "* six seven.", "Eight"]),
    ("# No\n| no | no |\n```\nno. no\n```\n<!-- no -->\n![no](no.png)\nYes [a page](no.md).", ["Yes a page."]),
])  # fmt: skip
def test_sentences_are_those_of_the_text(page, expected):
    assert [sentence for sentence in sentences(page) if sentence] == expected


@pytest.mark.parametrize("page, count", [("", 0), (LONG + ".", 0), (LONG + " more.", 1), (LONG + "\n\nmore.", 0),
                                         (LONG + ": More.", 0), (LONG[5:] + " `a b c`.", 0)])  # fmt: skip
def test_a_sentence_is_long_from_36_words_on(page, count):
    assert len(too_long(page)) == count


def test_the_tool_lists_them(tmp_path, capsys):
    (tmp_path / "a.md").write_text(LONG + " more.")
    assert main([str(tmp_path / "a.md")]) == 0
    assert capsys.readouterr().out.endswith("more than 35 words: 1 on 1 pages\n")


def test_the_pages_have_at_most_a_handful():
    pages = tracked_pages()
    if not pages:
        pytest.skip("needs git and the repository")
    found = [f"{page.name}: {text}" for page in pages for text in too_long(page.read_text(encoding="utf-8"))]
    assert len(found) <= 5, "\n".join(found)
