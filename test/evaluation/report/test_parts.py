"""Parts of a page: where the templates draw things."""

import re

import numpy as np
import pytest
from html_pages import macro

from pose_estimation_ros.evaluation.report.parts import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Bar,
    Line,
    LineChart,
    StackedBar,
    Table,
)


def test_a_line_goes_from_corner_to_corner():
    line = Line("l&", np.array([0, 0.5]), np.array([0, 100.0]))
    chart = macro("line_chart", LineChart("t<", [line], ("x", "y"), 0.5, 100))
    assert f'points="{LEFT}.0,{HEIGHT - BOTTOM}.0 {WIDTH - RIGHT}.0,{TOP}.0"' in chart
    assert "t&lt;" in chart and "l&amp;" in chart and ">0.5</text>" in chart and ">100</text>" in chart


def test_no_lines():
    assert "<polyline" not in macro("line_chart", LineChart("t", [], ("x", "y")))


def test_lines_differ_in_color_and_dash():
    lines = [Line(str(i), np.zeros(1), np.zeros(1)) for i in range(8)]
    chart = macro("line_chart", LineChart("t", lines, ("x", "y")))
    strokes = re.findall(r'<polyline[^>]* (stroke="[^"]*")[^>]* (stroke-dasharray="[^"]*")', chart)
    assert len(strokes) == 8 == len(set(strokes))


@pytest.mark.parametrize(
    "value, width, text",
    [(0.0, "0.0", "0.0"), (25.0, "25.0", "25.0"), (120.0, "100.0", "120.0"), (np.nan, "0.0", "–")],
)
def test_bar(value, width, text):
    bar = macro("cell", Bar(value))
    assert f"width:{width}%" in bar and f"<b>{text}</b>" in bar


def test_parts_have_their_shares_and_numbers_where_there_is_room():
    result = macro("cell", StackedBar(("a", "b<"), (0.95, 0.05), ("#fff", "#000")))
    assert re.findall(r"width:([\d.]+)%", result) == ["95.0", "5.0"]
    assert ">95</i>" in result and ">5</i>" not in result and 'title="b&lt; 5.0 %"' in result


@pytest.mark.parametrize(
    "value, expected",
    [
        ("", ""),
        ("a<b>&\"'", "a&lt;b&gt;&amp;&#34;&#39;"),
        (None, "–"),
        (float("nan"), "–"),
        (12.345, "12.3"),
        (3, "3"),
    ],
)
def test_a_cell_is_escaped(value, expected):
    assert macro("cell", value) == expected


@pytest.mark.parametrize("heading, expected", [("a_b<", "a_<wbr>b&lt;"), (("AR", "a_b"), "AR<br>a_<wbr>b")])
def test_names_may_break_at_underscores(heading, expected):
    assert f"<th>{expected}</th>" in macro("table", Table((heading,), []))


def test_table():
    result = macro("table", Table(("", "AP"), [("a", 1.25), ("b", None)])).replace("\n", "")
    assert "<tr><th>a</th><td>1.2</td></tr><tr><th>b</th><td>–</td></tr>" in result
    assert "<thead>" not in macro("table", Table((), []))
