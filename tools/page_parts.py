"""Parts of a page of documentation that a program writes: what stands between <!-- name --> and <!-- end -->."""

import re


def table(head, rows):
    """Markdown; a | in a cell would end it."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "/") for cell in line) + " |" for line in lines)


def filled(path, parts):
    """The text of the page at path with its parts (name -> text) made anew."""
    page = path.read_text()
    for name, text in parts.items():
        begin, end = f"<!-- {name} -->\n", "\n<!-- end -->"
        pattern = re.escape(begin) + ".*?" + re.escape(end)
        page, count = re.subn(pattern, lambda _: begin + text + end, page, flags=re.DOTALL)  # noqa: B023
        if count != 1:
            raise SystemExit(f"{path}: expected one part {name!r}, found {count}")
    return page
