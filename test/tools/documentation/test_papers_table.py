"""docs/measurements/papers.md says what the files of evaluation/report/printed say."""

import pytest

from pose_estimation_ros.evaluation.report.papers import DATA_SETS, Paper, PrintedTable, tables


@pytest.fixture
def tool(documentation):
    return documentation("papers_table")


def test_the_page_is_that_of_the_files(tool):
    assert tool.PAGE.read_text() == tool.page(), "run tools/documentation/papers_table.py"


def test_every_table_and_every_device_is_on_the_page(tool):
    page = tool.PAGE.read_text()
    for table in tables():
        assert f"\n### {table.source}: {table.about}\n" in page
        assert table.paper.citation in page and table.device in page


def test_a_table_without_rows(tool):
    paper = Paper("A", "B", "C", "D")
    empty = PrintedTable("a_table1", paper, "1", "E", DATA_SETS["mpii_val"], "F", "", ["model", "Mean"], [], [])
    assert tool.section(empty).splitlines()[0] == "### A, Table 1: E" and "Device" not in tool.section(empty)


def test_the_names_come_first_and_the_name_here_last(tool):
    assert tool.ordered([]) == []
    assert tool.ordered(["model", "input", "AP", "method"]) == ["method", "input", "AP", "model"]
    assert [tool.shown(cell) for cell in (None, 72, 70.0, "1/4")] == ["-", "72", "70.0", "1/4"]
    assert tool.shown("a", code=True) == "`a`" and tool.shown(None, code=True) == "-"
