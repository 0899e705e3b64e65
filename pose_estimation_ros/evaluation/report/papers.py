"""Read the tables of the papers, which printed/ holds as printed, and find the rows of a model and of a skeleton.

Each file of printed/ is a paper. A table there has `same` for cells that all of its rows share, and in `rows` a cell
for each of the `columns`, null where the paper has a dash. These columns mean the same in all tables; any other column
is a word of the paper:

- model: the name that `pose models` has for the network, null where it has none.
- method, backbone, and input: height x width in px.
- parameters and macs: text with the unit that the paper gives. What the papers call FLOPs are multiply-adds.
- fps: frames per second; ms: milliseconds an image; both on the `device` of the table.
- AP ... AR, and the groups of joints of PCKh, Mean among them: percentages.

`notes` tell which figures are doubtful, and where a misprint was corrected.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, NamedTuple

from pose_estimation_ros.datasets import coco_index, crowdpose, mpii
from pose_estimation_ros.evaluation.metrics import coco, pckh
from pose_estimation_ros.importing.yaml_files import read_yaml

FILES = [Path(__file__).with_name("printed") / f"{name}.yaml" for name in ("goatpose", "elpn", "wlitepose", "el_hrnet")]
PCKH = (*pckh.GROUPS, "Mean")
# Column of figures -> the figure that `pose evaluate` measures.
MEASURED = {name: name for name in coco.METRICS} | {group: f"{group}@0.5" for group in PCKH}
SPEED = ("fps", "ms")
COST = ("parameters", "macs")
STEPS = ("experiment", "step", "stage")  # columns whose cells say by themselves what they are

Text = str | int | float | None


class DataSet(NamedTuple):
    """Hold a data set that a table is about; its skeleton tells whose reports show the rows."""

    name: str
    skeleton: str
    persons: str


DATA_SETS = {
    "coco_val": DataSet("COCO val2017", coco_index.SKELETON, "all 5000 images of COCO val2017"),
    "coco_test_dev": DataSet("COCO test-dev2017", coco_index.SKELETON, "COCO's test-dev2017 of 20,000 images"),
    "crowdpose_test": DataSet("CrowdPose test", crowdpose.SKELETON, "all 8000 images of CrowdPose's test set"),
    "mpii_test": DataSet("MPII test", mpii.SKELETON, "MPII's test set"),
    "mpii_val": DataSet("MPII val", mpii.SKELETON, "MPII's validation set of about 3000 persons"),
}


class Paper(NamedTuple):
    """Hold where a paper is found, and the name of its model."""

    name: str
    authors: str
    title: str
    published: str
    doi: str = ""

    @property
    def citation(self) -> str:
        """Return authors, title and where it was published, as text."""
        return f"{self.authors}, “{self.title}”, {self.published}" + (f", doi:{self.doi}" if self.doi else "")


class PrintedTable(NamedTuple):
    """Hold a table of a paper; its name is that of the file, an underscore and the key in the file."""

    name: str
    paper: Paper
    number: str
    about: str
    data: DataSet
    protocol: str
    device: str
    columns: list[str]
    rows: list[dict[str, Text]]
    notes: list[str]

    @property
    def source(self) -> str:
        """Return the paper's name and the table's number."""
        return f"{self.paper.name}, Table {self.number}"


class PaperRow(NamedTuple):
    """Hold a row of a table: its cells by column, and its figures by the names that `pose evaluate` gives them."""

    builder: str | None
    label: str
    cells: dict[str, Text]
    figures: dict[str, float]
    table: PrintedTable

    @property
    def main(self) -> float:
        """Return the figure by which rows are ordered: AP, or the mean of PCKh."""
        return self.figures["AP" if "AP" in self.figures else "Mean@0.5"]


def paper_rows(builder: str, skeleton: str) -> list[PaperRow]:
    """Return the rows of a model on data sets with this skeleton; [] where no paper has it.

    Args:
        builder: name of the model's builder.
        skeleton: name of the skeleton.
    """
    return [row for row in rows_of_skeleton(skeleton) if row.builder == builder]


def rows_of_skeleton(skeleton: str) -> list[PaperRow]:
    """Return all rows on data sets with this skeleton, in the order of the papers."""
    return [row for row in all_rows() if row.table.data.skeleton == skeleton]


@functools.cache
def all_rows() -> tuple[PaperRow, ...]:
    """Return the rows of all tables, each measurement of a model once.

    Tables of frames per second repeat the accuracy of another table of the paper, and give its rows their costs.
    """
    rows: dict[object, PaperRow] = {}
    costs = _costs_beside_speeds()
    for table in tables():
        for cells in table.rows if "fps" not in table.columns else []:
            row = _row(costs.get((table.paper, cells.get("method"), cells.get("input")), {}) | cells, table)
            network = row.builder or row.label
            rows.setdefault((table.paper, table.data, network, cells.get("input"), row.main), row)
    return tuple(rows.values())


def _costs_beside_speeds() -> dict[object, dict[str, Text]]:
    entries = [(table.paper, cells) for table in tables() if "fps" in table.columns for cells in table.rows]
    return {(paper, cells["method"], cells["input"]): {name: cells[name] for name in COST} for paper, cells in entries}


def _row(cells: dict[str, Text], table: PrintedTable) -> PaperRow:
    figures = {MEASURED[name]: float(value) for name, value in cells.items() if name in MEASURED and value is not None}
    builder = cells.get("model")
    return PaperRow(None if builder is None else str(builder), label(cells), cells, figures, table)


def label(cells: dict[str, Text]) -> str:
    """Name a row by its network, its input, and what is special about it.

    Args:
        cells: Column -> cell of the row.
    """
    method, backbone = str(cells.get("method", "")), str(cells.get("backbone") or "")
    name = backbone if method in backbone else f"{method} ({backbone})" if backbone else method
    if cells.get("input"):
        name = f"{name} {cells['input']}".lstrip()
    known = ("model", "method", "backbone", "input", "feature map", *COST, *SPEED, *MEASURED)
    return ", ".join([name, *(_word(*cell) for cell in cells.items() if cell[0] not in known and cell[1] is not None)])


def _word(column: str, value: Text) -> str:
    return column if value == "yes" else str(value) if column in STEPS else f"{column} {value}"


@functools.cache
def tables() -> tuple[PrintedTable, ...]:
    """Read the tables of all papers."""
    return tuple(table for path in FILES for table in _tables_of(path))


def _tables_of(path: Path) -> list[PrintedTable]:
    content = read_yaml(path)
    entries = content.pop("tables")
    return [_table(f"{path.stem}_{key}", Paper(**content), **entry) for key, entry in entries.items()]


def _table(name: str, paper: Paper, **entry: Any) -> PrintedTable:
    same, columns = entry.pop("same", {}), entry.pop("columns")
    rows = [same | dict(zip(columns, cells, strict=True)) for cells in entry.pop("rows")]
    data, number = DATA_SETS[entry.pop("set")], str(entry.pop("number"))
    optional = {"device": "", "notes": []} | entry
    return PrintedTable(name, paper, number, data=data, columns=[*same, *columns], rows=rows, **optional)
