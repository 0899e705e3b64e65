"""Charts of a report as HTML and SVG: lines, bars, and bars in parts.

Colours are told apart by colour-blind people, too (Okabe and Ito's), and lines by their dashes where there is no
colour. By hand and not with matplotlib: all axes are known beforehand, and bars as HTML stay legible on a phone.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Sequence

import numpy as np

from pose_estimation_ros.evaluation.report.html import Html, element

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b58900", "#56b4e9", "#4d4d4d", "#7b3294")
DASHES = ("none", "7 3", "2 3", "9 3 2 3")
WIDTH, HEIGHT, LEFT, BOTTOM, RIGHT, TOP = 360, 240, 38, 36, 8, 8  # of a chart and the margins about its plot


class Line(NamedTuple):
    """label is in the legend; x, y (N,) in the chart's units."""

    label: str
    x: np.ndarray
    y: np.ndarray


def line_chart(
    title: str, lines: Sequence[Line], axes: tuple[str, str], x_limit: float = 1.0, y_limit: float = 1.0
) -> Html:
    """Lines over 0..x_limit and 0..y_limit, axes named (x, y); the legend wraps below."""
    drawn = [element("polyline", points=points(line, x_limit, y_limit), **stroke(i)) for i, line in enumerate(lines)]
    svg = element(
        "svg", *grid(x_limit, y_limit), *axis_names(axes), *drawn, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img",
        aria_label=title,
    )  # fmt: skip
    return element("figure", element("figcaption", title), svg, legend(lines))


def stroke(place: int) -> dict[str, str]:
    """Attributes of the line at a place."""
    color, dash = COLORS[place % len(COLORS)], DASHES[place % len(DASHES)]
    return {"fill": "none", "stroke": color, "stroke_width": "2", "stroke_dasharray": dash}


def legend(lines: Sequence[Line]) -> Html:
    samples = [
        element("svg", element("line", x1=0, x2=26, y1=6, y2=6, **stroke(i)), viewBox="0 0 26 12")
        for i in range(len(lines))
    ]
    return element("ul", *(element("li", s, line.label) for s, line in zip(samples, lines)), class_="legend")


def points(line: Line, x_limit: float, y_limit: float) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across(line.x / x_limit), up(line.y / y_limit)))


def across(share: Any) -> Any:
    """Place in the chart of a share of the plot's width, a number or an array."""
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def up(share: Any) -> Any:
    return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)


def grid(x_limit: float, y_limit: float) -> list[Html]:
    """Lines and numbers at every fifth."""
    marks = []
    for share in np.linspace(0, 1, 6):
        x, y = across(share), up(share)
        pale = {"stroke": "#dde3e8", "stroke_width": "1"}
        marks += [
            element("line", x1=f"{x:.1f}", x2=f"{x:.1f}", y1=up(0), y2=up(1), **pale),
            element("line", x1=across(0), x2=across(1), y1=f"{y:.1f}", y2=f"{y:.1f}", **pale),
            word(f"{share * x_limit:.5g}", x, HEIGHT - BOTTOM + 14, "middle"),
            word(f"{share * y_limit:.5g}", LEFT - 5, y + 4, "end"),
        ]
    return marks


def axis_names(axes: tuple[str, str]) -> list[Html]:
    middle = f"{up(0.5):.0f}"
    return [
        word(axes[0], across(0.5), HEIGHT - 5, "middle"),
        word(axes[1], 10, middle, "middle", transform=f"rotate(-90 10 {middle})"),
    ]


def word(text: str, x: float, y: float | str, anchor: str, **attributes: str) -> Html:
    fixed = {"font_size": "11", "fill": "#51606f", "text_anchor": anchor}
    return element("text", text, x=f"{x:.1f}", y=y, **fixed, **attributes)


def bar(value: float, place: int = 0, limit: float = 100.0) -> Html:
    """A bar over 0..limit with its value, in the colour of a place; without a value (NaN) an empty one."""
    share = 0.0 if np.isnan(value) else min(max(value / limit, 0.0), 1.0)
    fill = element("i", style=f"width:{100 * share:.1f}%;background:{COLORS[place % len(COLORS)]}")
    return element("div", element("span", fill), element("b", value), class_="bar")


def stacked_bar(names: Sequence[str], shares: Sequence[float], colors: Sequence[str]) -> Html:
    """Parts of a whole side by side, per cent written into those that have room for it."""
    parts = [
        element(
            "i", f"{100 * share:.0f}" if share >= 0.07 else "", style=f"width:{100 * share:.2f}%;background:{color}",
            title=f"{name} {100 * share:.1f} %",
        )
        for name, share, color in zip(names, shares, colors)
    ]  # fmt: skip
    return element("div", *parts, class_="stack")


def color_key(names: Sequence[str], colors: Sequence[str]) -> Html:
    """The legend of bars in parts."""
    swatches = [
        element("svg", element("rect", width=26, height=12, fill=color), viewBox="0 0 26 12") for color in colors
    ]
    return element("ul", *(element("li", s, name) for s, name in zip(swatches, names)), class_="legend")
