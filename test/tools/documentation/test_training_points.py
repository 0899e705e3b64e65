"""The page and the picture of the trained networks show the points of their file."""

import pytest


@pytest.fixture
def tool(documentation):
    return documentation("training_points")


def test_the_page_has_the_points_of_the_file(tool):
    assert tool.PAGE.read_text() == tool.page(), "run tools/documentation/training_points.py"


def test_the_picture_was_drawn_of_this_file(tool):
    assert tool.checksum(tool.POINTS) in tool.PICTURE.read_text(), "run tools/documentation/training_points.py"
    assert f"]({'../images/' + tool.PICTURE.name})" in tool.PAGE.read_text()


def test_points_without_a_figure_are_not_drawn(tool):
    assert tool.shown([]) == {}
    row = {"network": "A", "taught by": "labels", "input": "256x192", "thousand crops": "1"}
    known, unknown = {**row, "choosing half": "20.33"}, {**row, "choosing half": "TODO"}
    assert tool.shown([unknown, known, {**row, "choosing half": ""}]) == {("A", "labels"): [known]}


def test_each_series_is_drawn_where_its_figures_are(tool):
    rows = [
        {"network": "ELPN-V1", "taught by": "labels", "input": size, "thousand crops": crops, "choosing half": ap}
        for size, crops, ap in (("256x192", "10", "5.5"), ("128x96", "20", "3"), ("256x192", "30", "9"))
    ]
    (axes,) = tool.draw(tool.shown(rows)).axes
    drawn = {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines}
    hollow = "ELPN-V1, labels, input 128x96"
    assert drawn == {"ELPN-V1, labels": ([10, 30], [5.5, 9]), hollow: ([20], [3])}


def test_colours_and_marks_are_known_for_every_point(tool):
    for row in tool.read_points(tool.POINTS):
        assert row["network"] in tool.COLORS and row["taught by"] in tool.MARKERS and tool.is_number(row[tool.X]), row
