"""Write the generated parts of a documentation page: those between <!-- name --> and <!-- end -->."""

import re


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
