"""Write the tables of docs/measurements/papers.md from evaluation/report/printed/*.yaml, as the papers print them.

Run: PYTHONPATH=. .venv/bin/python tools/documentation/papers_table.py; a test fails where the page differs.
"""

from __future__ import annotations

from pathlib import Path

from page_parts import filled, table

from pose_estimation_ros.core.atomic_files import write_whole
from pose_estimation_ros.evaluation.report.papers import FILES, SPEED, PrintedTable, Text, label, tables

PAGE = Path(__file__).resolve().parents[2] / "docs" / "measurements" / "papers.md"
TITLES = {"macs": "MACs", "fps": "images/s", "ms": "ms", "model": "name here"}
FIRST = ("method", "backbone", "input")  # columns that come first; the name here comes last
MISSING = "-"


def page() -> str:
    """Return the text of the page, as it should be."""
    parts = {path.stem: [entry for entry in tables() if entry.name.startswith(f"{path.stem}_table")] for path in FILES}
    texts = {name: "\n\n".join([f"{of[0].paper.citation}.", *map(section, of)]) for name, of in parts.items()}
    return filled(PAGE, {"speed": speed(), **texts})


def speed() -> str:
    """Write one table of all speeds that are printed, each once."""
    rows = {}
    for entry in tables():
        for cells in entry.rows:
            if any(cells.get(column) is not None for column in SPEED):
                times = tuple(shown(cells.get(column)) for column in SPEED)
                rows.setdefault((label(cells), entry.device, *times), entry.source)
    head = ("network", "device", *(TITLES[column] for column in SPEED), "printed in")
    return table(head, [(*cells, source) for cells, source in rows.items()])


def section(entry: PrintedTable) -> str:
    """Write a table of a paper with its heading, what belongs to all rows, and its notes."""
    columns = [column for column in ordered(entry.columns) if any(cells[column] is not None for cells in entry.rows)]
    rows = [[shown(cells[column], code=column == "model") for column in columns] for cells in entry.rows]
    about = f"Data: {entry.data.name}. Protocol: {entry.protocol}."
    device = f" Device: {entry.device}." if entry.device else ""
    parts = [
        f"### {entry.paper.name}, Table {entry.number}: {entry.about}",
        about + device,
        table([TITLES.get(column, column) for column in columns], rows),
        "\n".join(f"* {note}" for note in entry.notes),
    ]
    return "\n\n".join(part for part in parts if part)


def ordered(columns: list[str]) -> list[str]:
    """Return the columns with the network's names first and its name here last."""
    first = [column for column in FIRST if column in columns]
    last = [column for column in columns if column == "model"]
    return [*first, *(column for column in columns if column not in first + last), *last]


def shown(cell: Text, code: bool = False) -> str:
    """Write a cell.

    Args:
        cell: what the paper prints, None for a dash.
        code: whether it is a name that a command takes.
    """
    return MISSING if cell is None else f"`{cell}`" if code else str(cell)


if __name__ == "__main__":
    write_whole(PAGE, page().encode())
