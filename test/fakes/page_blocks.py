"""Find the blocks of code on a page, and the reasons for which some of them are not run."""

import re
from typing import NamedTuple

# The comment stands in the line before the block.
FENCED = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^\n]+?) -->\n+)?```(?P<language>\w*)\n(?P<text>.*?)^```$", re.M | re.S
)
LANGUAGES = ("", "text", "python", "json", "yaml", "bibtex")  # "": commands of a shell


class Block(NamedTuple):
    """Hold a block of a page.

    Attributes:
        language: one of LANGUAGES.
        text: what stands in it.
        reason: why it is not run, "" where it is.
    """

    language: str
    text: str
    reason: str


def blocks_of(page):
    """List the blocks of a page, a text in Markdown."""
    return [Block(found["language"], found["text"], found["reason"] or "") for found in FENCED.finditer(page)]


def commands_of(block):
    """List the commands of a block of a shell, without comments; one may go on in the next line."""
    lines = block.text.replace("\\\n", " ").splitlines()
    commands = [re.sub(r"(^|\s+)#\s.*$", "", line).strip() for line in lines]
    return [command for command in commands if command]
