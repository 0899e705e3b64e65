"""Write the tables of docs/measurements/ablations.md from the files that `pose ablation --small` wrote.

Run: .venv/bin/python tools/documentation/ablation_tables.py runs/ablations; a table without a file stays as it is.
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
    files = sorted(folder.glob(f"*{ENDING}"))
    return filled(PAGE, {file.name[: -len(ENDING)]: file.read_text().rstrip() for file in files})


if __name__ == "__main__":
    write_whole(PAGE, page(Path(sys.argv[1])).encode())
