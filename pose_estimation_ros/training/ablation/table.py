"""Define an ablation table of a paper, and read it from a YAML file of config/ablations.

A row names only what differs from the table's recipe, in the keys of recipes. An unknown key is an error.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pose_estimation_ros.core.errors import ConfigError, did_you_mean, shown
from pose_estimation_ros.core.resources import config_file, resource_folders
from pose_estimation_ros.importing.yaml_files import read_yaml
from pose_estimation_ros.training.filled import fill
from pose_estimation_ros.training.models.counting import CONVENTIONS
from pose_estimation_ros.training.recipe import Recipe, load_recipe

FOLDER = "ablations"


@dataclass
class Metric:
    """Say by which figure the rows are compared.

    Attributes:
        name: what the figure is called, with its unit.
        figure: its key among the figures of `pose evaluate`, which are those of the best checkpoint. Without
            annotations, it is a column of the run's log.csv, such as holdout_pck: the last epoch's value, times 100.
        annotations: annotation file to evaluate on; its path starts as that of a recipe's source.
        images: folder of its images.
        protocol: as `pose evaluate --protocol`.
        boxes: as `pose evaluate --boxes`, with a path as that of the annotations; "" for the annotated boxes.
    """

    name: str = ""
    figure: str = ""
    annotations: str = ""
    images: str = ""
    protocol: str = "plain"
    boxes: str = ""


@dataclass
class Size:
    """Say how the rows are trained and compared, at the paper's size or at the small one.

    Attributes:
        recipe: path of the recipe, from config/ on.
        overrides: key -> value of the recipe, for all rows; they come behind those of the row. As in `pose train`, a
            key may have dots, and a value replaces the whole of another.
        metric: by what the rows are compared.
    """

    recipe: str = ""
    overrides: dict[str, Any] = field(default_factory=dict)
    metric: Metric = field(default_factory=Metric)


@dataclass
class Printed:
    """Hold what the paper prints in a row; None where it prints nothing.

    Attributes:
        score: figure of the table's metric.
        parameters_m: parameters in millions.
        macs: multiply-adds, in units of the table's convention.
    """

    score: float | None = None
    parameters_m: float | None = None
    macs: float | None = None


@dataclass
class Row:
    """Hold a row of a table.

    Attributes:
        name: as the paper names it, without spaces where it is given on a command line.
        overrides: key -> value of the recipe.
        printed: figures of the paper.
    """

    name: str = ""
    overrides: dict[str, Any] = field(default_factory=dict)
    printed: Printed = field(default_factory=Printed)


@dataclass
class Table:
    """Hold an ablation table.

    Attributes:
        name: name of its file.
        title: what is compared.
        source: title of the paper, its DOI or arXiv number, and the number of the table.
        convention: how multiply-adds are counted, a key of counting.CONVENTIONS.
        paper: the paper's size.
        small: a size at which a CPU trains a row in minutes.
        rows: the rows, of which the first is what the others are compared with.
    """

    name: str = ""
    title: str = ""
    source: str = ""
    convention: str = "Gi"
    paper: Size = field(default_factory=Size)
    small: Size = field(default_factory=Size)
    rows: list[Row] = field(default_factory=list)

    def size(self, small: bool) -> Size:
        """Return the paper's size or the small one."""
        return self.small if small else self.paper

    def named_rows(self, names: Sequence[str]) -> list[Row]:
        """Return the rows of these names in the table's order, all without names; raise ConfigError for another."""
        known = [row.name for row in self.rows]
        for name in names:
            if name not in known:
                raise ConfigError(f"expected a row out of {', '.join(known)}, got {shown(name)}")
        return [row for row in self.rows if not names or row.name in names]


def table_names() -> list[str]:
    """List the names of the tables that come with the package."""
    folders = [Path(folder) for folder in resource_folders(str(Path("config", FOLDER)))]
    folder = next((folder for folder in folders if folder.is_dir()), folders[0])
    return sorted(path.stem for path in folder.glob("*.yaml"))


def load_table(name: str) -> Table:
    """Read a table and check it.

    Args:
        name: name of one of the package's tables, or path of a YAML file.

    Raises:
        ConfigError: there is no such table, or a key or value in it does not fit.
    """
    path = Path(name)
    if path.suffix != ".yaml":
        if name not in table_names():
            hint = did_you_mean(name, table_names()) or f", known: {', '.join(table_names())}"
            raise ConfigError(f"unknown ablation table {shown(name)}{hint}")
        path = Path(config_file(str(Path(FOLDER, f"{name}.yaml"))))
    fields = read_yaml(path)
    table = fill(Table, fields, str(path))
    table.name = table.name or path.stem
    check_table(table, str(path))
    return table


def check_table(table: Table, where: str) -> None:
    """Raise ConfigError for a path in place of a name, rows without names of their own, or an unknown convention.

    Args:
        table: the table.
        where: path of its file, for messages.
    """
    names = [row.name for row in table.rows]
    if Path(table.name).name != table.name:
        raise ConfigError(f"{where}: name: expected the name of a file, got {shown(table.name)}")
    if not names or not all(names) or len(set(names)) < len(names):
        raise ConfigError(f"{where}: rows: expected names that differ, got {shown(names)}")
    if table.convention not in CONVENTIONS:
        raise ConfigError(
            f"{where}: convention: expected one of {', '.join(CONVENTIONS)}, got {shown(table.convention)}"
        )
    for size in (table.paper, table.small):
        if not (size.recipe and size.metric.name and size.metric.figure):
            raise ConfigError(f"{where}: paper and small: expected recipe, metric.name and metric.figure, got {size}")


def row_recipe(table: Table, row: Row, small: bool, changes: Sequence[str]) -> Recipe:
    """Return the recipe of a row: that of the size, changed by the row, by the size and by the user.

    Args:
        table: the table.
        row: one of its rows.
        small: whether it is that of the small size.
        changes: ``key=value`` of the user, which come last.

    Raises:
        ConfigError: a key or value does not fit.
    """
    size = table.size(small)
    overrides = [f"{key}={json.dumps(value)}" for part in (row, size) for key, value in part.overrides.items()]
    path = config_file(size.recipe)
    try:
        return load_recipe(path, [*overrides, *changes])
    except ConfigError as error:
        raise ConfigError(f"table {table.name}, row {row.name}: {error}") from error
