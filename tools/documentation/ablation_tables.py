"""Write the tables of docs/measurements/ablations.md from the files that `pose ablation --small` wrote.

Run: .venv/bin/python tools/documentation/ablation_tables.py runs/ablations; a table without a file stays as it is, and
so does a row that the folder's runs have no score of.
"""

from __future__ import annotations

import sys
from pathlib import Path

from page_parts import filled

from pose_estimation_ros.core.atomic_files import write_whole

PAGE = Path(__file__).resolve().parents[2] / "docs" / "measurements" / "ablations.md"
ENDING = "_small.md"


def page(folder: Path) -> str:
    """Return the page with the tables of a folder."""
    text, parts = PAGE.read_text(), {}
    for file in sorted(folder.glob(f"*{ENDING}")):
        name = file.name[: -len(ENDING)]
        before = text.partition(f"<!-- {name} -->\n")[2].partition("<!-- end -->")[0]
        parts[name] = with_known_rows(file.read_text().rstrip(), before)
    return filled(PAGE, parts)


def with_known_rows(table: str, before: str) -> str:
    """Return a table in Markdown whose rows without a score are those of an earlier one, where that has them.

    Args:
        table: the table, with the name of a row in its first column and the score in the second.
        before: the earlier table.
    """
    known = {name_of(line): line for line in before.splitlines()}
    return "\n".join(known.get(name_of(line), line) if score_of(line) == "-" else line for line in table.splitlines())


def name_of(line: str) -> str:
    """Return the first cell of a row."""
    return line.split("|")[1].strip() if line.count("|") > 2 else ""


def score_of(line: str) -> str:
    """Return the second cell of a row."""
    return line.split("|")[2].strip() if line.count("|") > 2 else ""


if __name__ == "__main__":
    write_whole(PAGE, page(Path(sys.argv[1])).encode())
