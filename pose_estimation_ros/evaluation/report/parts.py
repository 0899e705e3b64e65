"""Hold the parts of a report's page as plain data: tables, bars and line charts.

templates/parts.html.j2 draws them as HTML and SVG. The colours are those of Okabe and Ito, which colour-blind readers
can tell apart; lines differ in their dashes, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b58900", "#56b4e9", "#4d4d4d", "#7b3294")
DASHES = ("none", "7 3", "2 3", "9 3 2 3")
WIDTH, HEIGHT, LEFT, BOTTOM, RIGHT, TOP = 360, 240, 42, 38, 14, 8  # px of a chart, and the margins around its plot
TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # shares of an axis
ROOM = 0.07  # the smallest share of a stacked bar that has room for its number


@dataclass(frozen=True)
class Bar:
    """Show a percentage as a bar in the colour of a place; NaN is an empty bar."""

    value: float
    place: int = 0

    @property
    def filled(self) -> float:
        """Return how much of the bar is filled, in percent."""
        return 0.0 if np.isnan(self.value) else min(max(self.value, 0.0), 100.0)


@dataclass(frozen=True)
class StackedBar:
    """Show the shares of a whole side by side, each with its name and colour."""

    names: Sequence[str]
    shares: Sequence[float]
    colors: Sequence[str]

    @property
    def pieces(self) -> list[tuple[str, float, str, str]]:
        """Return (name, percent, colour, number) of each share; the number is empty where it has no room."""
        numbers = [f"{100 * share:.0f}" if share >= ROOM else "" for share in self.shares]
        return list(zip(self.names, (100 * share for share in self.shares), self.colors, numbers))


Cell = str | int | float | None | Bar | StackedBar
Heading = str | tuple[str, str]  # a pair takes two lines


@dataclass(frozen=True)
class Table:
    """Hold a table whose first column names the rows; the rows at the marked places stand out."""

    head: Sequence[Heading]
    rows: Sequence[Sequence[Cell]]
    marked: Sequence[int] = ()


@dataclass(frozen=True)
class Line:
    """Hold a line of a chart: its label in the legend, and x and y (N,) in the units of the axes."""

    label: str
    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class LineChart:
    """Hold lines over 0..x_limit and 0..y_limit with the names (x, y) of the axes."""

    title: str
    lines: Sequence[Line]
    axes: tuple[str, str]
    x_limit: float = 1.0
    y_limit: float = 1.0

    def points(self, line: Line) -> str:
        """Return the corners of a line in the chart, as SVG takes them."""
        shares = zip(line.x / self.x_limit, line.y / self.y_limit)
        return " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in shares)

    @property
    def ticks(self) -> list[tuple[float, float, str, str]]:
        """Return (x, y, number at x, number at y) of the grid's lines."""
        return [(across(t), up(t), f"{t * self.x_limit:.5g}", f"{t * self.y_limit:.5g}") for t in TICKS]


def reliability_chart(title: str, figures: Mapping[str, dict[str, Any] | None], right: str) -> LineChart:
    """Return how many of each score are right, a line for each name; calibrated scores lie on the diagonal.

    Args:
        title: title of the chart.
        figures: those of metrics.reliability by name; without figures, or of nobody, there is no line.
        right: name of the axis of what is right.
    """
    lines = [Line("calibrated", np.array([0.0, 1.0]), np.array([0.0, 1.0]))]
    for name, measured in figures.items():
        bins = [entry for entry in measured["bins"] if entry["count"]] if measured else []
        if measured and bins:
            x, y = (np.array([entry[key] for entry in bins]) for key in ("mean_score", "share_right"))
            lines.append(Line(f"{name}: ECE {measured['ECE']:.3f}", x, y))
    return LineChart(title, lines, ("score", right))


def across(share: float) -> float:
    """Return the x in the chart of a share of the plot's width."""
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def up(share: float) -> float:
    """Return the y in the chart of a share of the plot's height."""
    return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)
