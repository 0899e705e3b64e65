"""Charts of a report: where things are drawn."""

import re

import numpy as np
import pytest

from pose_estimation_ros.evaluation.report.charts import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Line,
    bar,
    line_chart,
    stacked_bar,
)


def test_a_line_goes_from_corner_to_corner():
    chart = line_chart("t<", [Line("l&", np.array([0, 0.5]), np.array([0, 100.0]))], ("x", "y"), 0.5, 100)
    assert f'points="{LEFT}.0,{HEIGHT - BOTTOM}.0 {WIDTH - RIGHT}.0,{TOP}.0"' in chart
    assert "t&lt;" in chart and "l&amp;" in chart and ">0.5</text>" in chart and ">100</text>" in chart


def test_no_lines():
    assert "<polyline" not in line_chart("t", [], ("x", "y"))


def test_lines_differ_in_color_and_dash():
    chart = line_chart("t", [Line(str(i), np.zeros(1), np.zeros(1)) for i in range(8)], ("x", "y"))
    strokes = re.findall(r'<polyline[^>]* (stroke="[^"]*")[^>]* (stroke-dasharray="[^"]*")', chart)
    assert len(strokes) == 8 == len(set(strokes))


@pytest.mark.parametrize(
    "value, width, text",
    [(0.0, "0.0", "0.0"), (25.0, "25.0", "25.0"), (120.0, "100.0", "120.0"), (np.nan, "0.0", "–")],
)
def test_bar(value, width, text):
    assert f"width:{width}%" in bar(value) and f"<b>{text}</b>" in bar(value)


def test_parts_have_their_shares_and_numbers_where_there_is_room():
    result = stacked_bar(("a", "b<"), (0.95, 0.05), ("#fff", "#000"))
    assert re.findall(r"width:([\d.]+)%", result) == ["95.00", "5.00"]
    assert ">95</i>" in result and ">5</i>" not in result and 'title="b&lt; 5.0 %"' in result
