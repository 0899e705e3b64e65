"""Write what is known of an ablation table beside the paper's figures: as lines, as Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pose_estimation_ros.core.atomic_files import write_json, write_whole
from pose_estimation_ros.training.ablation.run import Ablation, Result
from pose_estimation_ros.training.ablation.table import Table

NOTHING = "-"


def write_report(ablation: Ablation, table: Table, results: Sequence[Result]) -> list[Path]:
    """Write OUT/TABLE.md, .csv and .json, with _small behind the name for the small size, and return their paths.

    Args:
        ablation: what was trained.
        table: its table.
        results: what is known of its rows.
    """
    stem = f"{table.name}_small" if ablation.small else table.name
    folder = Path(ablation.out)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{stem}.{ending}" for ending in ("md", "csv", "json")]
    write_whole(paths[0], (markdown(table, results, ablation.small) + "\n").encode())
    write_whole(paths[1], csv_text(results).encode())
    write_json(paths[2], facts(ablation, table, results), indent=1)
    return paths


def head(table: Table, small: bool) -> list[str]:
    """Return the titles of the columns: the name of a small metric differs from the paper's, so each has its own.

    Args:
        table: the table.
        small: whether it is that of the small size.
    """
    unit = f"MACs ({table.convention})"
    score = table.size(small).metric.name
    return ["row", score, f"paper: {table.paper.metric.name}", "parameters (M)", "paper", unit, "paper"]


def cells(result: Result) -> list[str]:
    """Write a row: its name, then each measured figure before the printed one."""
    printed = result.printed
    return [
        result.name,
        score_text(result),
        shown(printed.score),
        f"{result.parameters / 1e6:.3f}",
        shown(printed.parameters_m),
        f"{result.macs:.3f}",
        shown(printed.macs),
    ]


def score_text(result: Result) -> str:
    """Write the mean of a row's scores, with the standard deviation and the number of seeds where there are several."""
    if result.mean is None:
        return NOTHING
    spread = f" +- {result.deviation:.1f} ({len(result.scores)} seeds)" if result.deviation is not None else ""
    return f"{result.mean:.1f}{spread}"


def shown(printed: float | None) -> str:
    """Write a printed figure, "-" for none."""
    return NOTHING if printed is None else f"{printed:g}"


def text(table: Table, results: Sequence[Result], small: bool) -> str:
    """Write the table in columns of equal width.

    Args:
        table: the table.
        results: what is known of its rows.
        small: whether it is that of the small size.
    """
    lines = [head(table, small), *map(cells, results)]
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)


def markdown(table: Table, results: Sequence[Result], small: bool) -> str:
    """Write the table in Markdown.

    Args:
        table: the table.
        results: what is known of its rows.
        small: whether it is that of the small size.
    """
    titles = head(table, small)
    lines = [titles, ["---"] * len(titles), *map(cells, results)]
    return "\n".join("| " + " | ".join(cell.replace("|", "/") for cell in line) + " |" for line in lines)


def csv_text(results: Sequence[Result]) -> str:
    """Write the table as CSV, with a line for each row."""
    names = ("row", "mean", "deviation", "seeds", "parameters", "macs")
    printed = [f"printed_{field.name}" for field in dataclasses.fields(results[0].printed)]
    lines = [
        (r.name, r.mean, r.deviation, len(r.scores), r.parameters, r.macs, *dataclasses.astuple(r.printed))
        for r in results
    ]
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerows([(*names, *printed), *lines])
    return file.getvalue()


def facts(ablation: Ablation, table: Table, results: Sequence[Result]) -> dict[str, Any]:
    """Return the content of the JSON file: the table, how it was trained, and what is known of each row.

    Args:
        ablation: what was trained.
        table: its table.
        results: what is known of its rows.
    """
    rows = [{**dataclasses.asdict(result), "mean": result.mean, "deviation": result.deviation} for result in results]
    size = dataclasses.asdict(table.size(ablation.small))
    about = {"table": table.name, "title": table.title, "source": table.source, "convention": table.convention}
    return {**about, "small": ablation.small, **size, "changes": list(ablation.changes), "rows": rows}
