"""Bars of who was seen when, by their places in the drawing."""

import re

import numpy as np
import pytest
from html_pages import macro

from pose_estimation_ros.evaluation.bag.report.timeline import (
    LEFT,
    MOST_ROWS,
    RIGHT,
    WIDTH,
    Presence,
    presences,
    round_up,
    stretches,
    timeline,
)


@pytest.mark.parametrize(
    "seconds, expected",
    [
        ([0], [(0, 0)]),
        ([0, 0.1, 0.2], [(0, 0.2)]),
        ([0, 0.1, 0.3, 0.4], [(0, 0.1), (0.3, 0.4)]),
        ([0, 0.14, 0.5], [(0, 0.14), (0.5, 0.5)]),  # a little late is no gap
    ],
)
def test_stretches(seconds, expected):
    assert stretches(np.array(seconds, float), 0.1) == expected


def test_presences():
    assert presences([], np.zeros(0)) == []
    rows = presences([[7], [3, 7], [3]], np.array([0.0, 0.1, 0.2]))
    assert [(row.name, row.seconds.tolist()) for row in rows] == [("id 7", [0.0, 0.1]), ("id 3", [0.1, 0.2])]


def test_bars_lie_where_people_were():
    """From 1 to 2 s of 10 s, and the 0.1 s until the next image."""
    html = macro("timeline", timeline("model", [Presence("id 1", np.arange(10, 21) / 10)], 0.1, 10))
    ((x, width),) = re.findall(r'<rect x="([\d.]+)" y="\d+" height="\d+" fill="[^"]+" width="([\d.]+)"', html)
    plot = WIDTH - LEFT - RIGHT
    assert float(x) == pytest.approx(LEFT + plot / 10, abs=0.1) and float(width) == pytest.approx(0.11 * plot, abs=0.1)
    assert "model: 1 id<" in html


def test_those_seen_longest_are_shown():
    rows = [Presence(f"id {i}", np.arange(1 + i) / 10) for i in range(MOST_ROWS + 2)]
    html = macro("timeline", timeline("model", rows, 0.1, 10))
    assert html.count("<rect") == MOST_ROWS and "2 more ids" in html and ">id 1<" not in html and ">id 2<" in html
    assert "0 ids" in macro("timeline", timeline("nobody", [], 0.1, 10))


@pytest.mark.parametrize("value, expected", [(0, 1), (0.9, 1), (1, 1), (1.1, 2), (3, 5), (51, 100), (0.02, 0.02)])
def test_round_up(value, expected):
    assert round_up(value) == pytest.approx(expected)
