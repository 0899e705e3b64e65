"""Write the table of docs/how-to/get-a-model.md from models/catalogue.yaml.

Run: PYTHONPATH=. .venv/bin/python tools/documentation/catalogue_table.py; a test fails where the page differs.
"""

from pathlib import Path

from page_parts import filled, table

from pose_estimation_ros.core.atomic_files import write_whole
from pose_estimation_ros.importing.catalogue import COLUMNS, read_catalogue, rows

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "get-a-model.md"


def page() -> str:
    """Return the text of the page, as it should be."""
    cells = [("`%s`" % name, *others) for name, *others in rows(read_catalogue())]
    return filled(PAGE, {"catalogue": table(COLUMNS, cells)})


if __name__ == "__main__":
    write_whole(PAGE, page().encode())
