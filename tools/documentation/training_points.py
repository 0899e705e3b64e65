"""Draw AP against the crops seen in training, and write the table of the same points into the page that shows it.

docs/measurements/training-poses.csv is the only place of the figures. A point whose AP is no number is not drawn.

Run: PYTHONPATH=. .venv/bin/python tools/documentation/training_points.py; a test fails where page or picture differ.
"""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from page_parts import filled, table

from pose_estimation_ros.core.atomic_files import write_whole

ROOT = Path(__file__).resolve().parents[2]
POINTS = ROOT / "docs" / "measurements" / "training-poses.csv"
PAGE = ROOT / "docs" / "measurements" / "training-poses.md"
PICTURE = ROOT / "docs" / "images" / "training-poses.svg"
X, Y, SERVED = "thousand crops", "choosing half", "256x192"
COLORS = {"ELPN-V1": "#1f77b4", "ELPN-V2": "#7f7f7f", "Lite0-FPN": "#d62728"}
MARKERS = {"labels": "o", "teachers' labels": "^", "heatmaps": "s"}
MISSING = "-"

Point = dict[str, str]  # the cells of a row by the titles of the columns


def read_points(path: Path) -> list[Point]:
    """Read the rows of the file of points."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def page() -> str:
    """Return the text of the page, as it should be."""
    rows = read_points(POINTS)
    return filled(PAGE, {"points": table(list(rows[0]), [[cell or MISSING for cell in row.values()] for row in rows])})


def is_number(cell: str) -> bool:
    """Tell whether a cell holds a figure."""
    return cell.replace(".", "", 1).isdigit()


def shown(rows: list[Point]) -> dict[tuple[str, str], list[Point]]:
    """Return the points that have an AP, by network and by what it was taught by, in the order of the file."""
    series: dict[tuple[str, str], list[Point]] = {}
    for row in rows:
        if is_number(row[Y]):
            series.setdefault((row["network"], row["taught by"]), []).append(row)
    return series


def checksum(path: Path) -> str:
    """Return the checksum of the points that a picture keeps, to tell whether it shows these points."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def draw(series: dict[tuple[str, str], list[Point]]) -> Figure:
    """Draw a point for each row: the colour is the network, the shape what it learns from; hollow at a smaller input.

    Args:
        series: points by network and by what it was taught by.
    """
    figure = Figure(figsize=(8.0, 3.4), layout="constrained")
    axes = figure.subplots()
    for (network, taught), rows in series.items():
        for served in (True, False):
            part = [row for row in rows if (row["input"] == SERVED) is served]
            if part:
                plot(axes, part, network, taught, served)
    axes.set_xlabel("thousand crops seen in training")
    axes.set_ylabel("AP, choosing half")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.grid(True, color="#dddddd", linewidth=0.6)
    figure.legend(fontsize=8, loc="outside right upper")
    return figure


def plot(axes: Axes, rows: list[Point], network: str, taught: str, served: bool) -> None:
    """Plot one series.

    Args:
        axes: axes to plot on.
        rows: points of the series.
        network: name of the network.
        taught: what it was taught by.
        served: whether the input has the size at which the networks serve.
    """
    color = COLORS[network]
    label = f"{network}, {taught}" + ("" if served else f", input {rows[0]['input']}")
    line = "-" if served and network != "ELPN-V2" else "none"
    face = color if served else "none"
    x, y = ([float(row[title]) for row in rows] for title in (X, Y))
    axes.plot(x, y, color=color, marker=MARKERS[taught], markerfacecolor=face, linestyle=line, label=label)


def main() -> None:
    """Write the picture and the page."""
    PICTURE.parent.mkdir(exist_ok=True)
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "points"}):
        draw(shown(read_points(POINTS))).savefig(PICTURE, metadata={"Date": None, "Description": checksum(POINTS)})
    write_whole(PAGE, page().encode())


if __name__ == "__main__":
    main()
