"""List the sentences of the pages that are too long to understand at first reading.

Run: python -m tools.checks.sentences [FILE ...]; without files it reads README, docs/ and the model cards. Code,
tables, headings and pictures are no sentences; links count by their text.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "docs/*.md", "models/*.md", "docker/*.md", "examples/*.md")
MOST_WORDS = 35
LEFT_OUT = re.compile(r"^```.*?^```$|<!--.*?-->|^\|[^\n]*$|^#[^\n]*$|!\[[^\]]*\]\([^)]*\)", re.M | re.S)
LINK = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\([^)]*\)")
CODE = re.compile(r"`[^`]*`")
GAP = "\ue000"  # stands for a space in code, where no sentence ends
PARAGRAPH = re.compile(r"\n\s*\n|\n(?=\s*(?:[*-]|\d+\.) )")
SENTENCE_END = re.compile(r"(?<=[.!?:;])\s+(?=[A-Z*`\[\d(\"])|(?<=[.!?])[\")]\s+")


def sentences(page: str) -> Iterator[str]:
    """Yield the sentences of a page, a text in Markdown."""
    text = LINK.sub(r"\1", LEFT_OUT.sub("\n\n", page))
    for paragraph in PARAGRAPH.split(text):
        whole = CODE.sub(lambda code: code[0].replace(" ", GAP), " ".join(paragraph.split()))
        for sentence in SENTENCE_END.split(whole):
            yield sentence.replace(GAP, " ")


def too_long(page: str) -> list[str]:
    """List the sentences of a page with more than MOST_WORDS words; code in backticks is one word."""
    return [text for text in sentences(page) if len(CODE.sub("code", text).split()) > MOST_WORDS]


def tracked_pages() -> list[Path]:
    """List the pages in the repository."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *PAGES]
    listed = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.split("\n")
    return sorted(ROOT / path for path in set(listed) if path)


def main(paths: list[str]) -> int:
    """Print the long sentences of the pages, and return 0."""
    pages = [Path(path) for path in paths] or tracked_pages()
    found = [(page, sentence) for page in pages for sentence in too_long(page.read_text(encoding="utf-8"))]
    for page, sentence in found:
        print(f"{page.relative_to(ROOT) if page.is_relative_to(ROOT) else page}: {sentence}")
    print(f"sentences with more than {MOST_WORDS} words: {len(found)} on {len(pages)} pages")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
