"""docs/measurements/ablations.md has a place for every table, and gets those that were measured."""

import pytest

from pose_estimation_ros.training.ablation.table import table_names


@pytest.fixture
def tool(documentation):
    return documentation("ablation_tables")


def test_the_page_has_a_place_for_every_table(tool):
    page = tool.PAGE.read_text()
    assert [name for name in table_names() if page.count(f"<!-- {name} -->\n") != 1] == []


def test_tables_that_were_measured_are_written_and_others_stay(tool, tmp_path, monkeypatch):
    path = tmp_path / "page.md"
    path.write_text("<!-- a -->\nold\n<!-- end -->\n<!-- b -->\nold\n<!-- end -->\n")
    monkeypatch.setattr(tool, "PAGE", path)
    (tmp_path / "b_small.md").write_text("| new |\n")
    (tmp_path / "a.md").write_text("| at the paper's size |\n")
    assert tool.page(tmp_path) == "<!-- a -->\nold\n<!-- end -->\n<!-- b -->\n| new |\n<!-- end -->\n"


@pytest.mark.parametrize(
    "table, before, expected",
    [
        ("", "", ""),
        ("| a | - |", "", "| a | - |"),
        ("| a | - |\n| b | 2 |", "| b | 1 |\n| a | 1 |", "| a | 1 |\n| b | 2 |"),
        ("| c | - |", "| a | 1 |", "| c | - |"),
    ],
)
def test_rows_without_a_score_stay(tool, table, before, expected):
    assert tool.with_known_rows(table, before) == expected
