"""Write the generated parts of a documentation page: those between <!-- name --> and <!-- end -->."""

import inspect
import itertools
import re
from pathlib import Path

ENDINGS = "json|onnx|csv|png|jpg|html|mp4|engine|ckpt|yaml|pth|npz|db3|mcap|bag|md"
# Options, names of files and names such as OUT/TABLE.md, which docstrings and help texts leave unmarked.
CODE = re.compile(r"(?<![\w`/<>.%%-])(--[a-z][a-z-]*|[\w<>./%%-]*[\w>*]?\.(?:%s)\b|[A-Z]+(?:/[A-Za-z]+)+/?)" % ENDINGS)
PAGES = Path(__file__).resolve().parents[2] / "docs"
LINK = re.compile(r"`docs/([\w-]+/[\w-]+\.md)`")


def table(head, rows):
    """Return a Markdown table; a | in a cell becomes a /, because it would end the cell.

    Args:
        head: Titles of the columns.
        rows: Cells of each row, of any type.
    """
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "/") for cell in line) + " |" for line in lines)


def filled(path, parts):
    """Return the text of a page with its generated parts replaced.

    Args:
        path: pathlib.Path of the page.
        parts: {name: new text} of the parts.

    Raises:
        SystemExit: The page does not have exactly one part of each name.
    """
    page = path.read_text()
    for name, text in parts.items():
        begin, end = f"<!-- {name} -->\n", "\n<!-- end -->"
        pattern = re.escape(begin) + ".*?" + re.escape(end)
        page, count = re.subn(pattern, lambda _: begin + text + end, page, flags=re.DOTALL)  # noqa: B023
        if count != 1:
            raise SystemExit(f"{path}: expected one part {name!r}, got {count}")
    return page


def prose(text):
    """Return a docstring or help text as Markdown: lines become paragraphs, indented lines become blocks.

    Args:
        text: The text, in which options and names of files need no backticks.
    """
    blocks = []
    for kind, lines in itertools.groupby(
        text.replace("``", "`").strip().splitlines(), lambda line: line[:2].strip() and "text"
    ):
        if kind:
            blocks.append(marked(" ".join(lines)))
        else:
            block = [line for line in lines if line.strip()]
            blocks += ["```text\n%s\n```" % "\n".join(line[2:] for line in block)] if block else []
    return "\n\n".join(blocks)


def marked(line):
    """Return a line with options and names of files as code, and with links to the pages that it names."""
    pieces = re.split(r"(`[^`]*`)", line)  # text and code in turns
    for place in range(0, len(pieces), 2):
        parts = re.split(r"(`[^`]*`)", CODE.sub(r"`\1`", pieces[place]))
        pieces[place] = "".join(part if part.startswith("`") else part.replace("<", "&lt;") for part in parts)
    return LINK.sub(lambda link: "[%s](../%s)" % (title(PAGES / link[1]), link[1]), "".join(pieces))


def title(page):
    """Return the title of a page."""
    return page.read_text().partition("\n")[0].lstrip("# ")


def described(thing, section="Attributes"):
    """Return {name: meaning} of a section of a docstring, the meaning in one line.

    Args:
        thing: Class or function whose docstring it is.
        section: Title of the section.
    """
    _before, _title, below = (inspect.getdoc(thing) or "").partition(section + ":\n")
    lines = list(itertools.takewhile(lambda line: line.startswith("    "), below.splitlines()))
    meanings, name = {}, ""
    for line in lines:
        if not line.startswith(" " * 8):
            name, _colon, line = line.strip().partition(": ")
            meanings[name] = ""
        meanings[name] = (meanings[name] + " " + line.strip()).strip()
    return meanings
