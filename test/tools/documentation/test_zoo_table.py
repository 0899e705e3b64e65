"""README.md and models/README.md say what the specs say."""

import json
import re

import pytest


@pytest.fixture
def tool(documentation):
    return documentation("zoo_table")


def test_pages_are_those_of_the_specs(tool):
    for path, text in tool.pages().items():
        assert path.read_text() == text, f"{path}: run make zoo"


def test_every_trained_model_has_the_command_that_makes_it(tool, repository):
    targets = re.search(r"^(train-.*?): train-%", (repository / "Makefile").read_text(), re.MULTILINE).group(1).split()
    trained = [spec for spec in tool.specs() if not tool.source(spec)]
    commands = re.findall(r"`make (train-\w+)`", tool.again(tool.specs()))
    assert len(commands) == len(trained) and set(commands) <= set(targets)


def test_the_repository_stays_small(repository):
    assert sum(path.stat().st_size for path in (repository / "models").iterdir()) < 40e6


@pytest.mark.parametrize(
    "accuracy, cells",
    [
        ({}, ("-", "-")),
        ({"a": {"AP": 12.34, "boxes": "ground truth"}}, ("-", "12.3")),
        ({"a": {"AP": 12.34, "boxes": "none (bottom-up)"}, "b": {"AP": 8.06, "protocol": "end_to_end"}},
         ("8.1", "12.3 on whole images")),
        ({"a": {"recall_at_1_fp": 0.4859}}, ("-", "finds 49 % at 1 false box an image")),
    ],
)  # fmt: skip
def test_cells_of_accuracy(tool, spec, accuracy, cells):
    assert tool.measured(spec(accuracy=accuracy)) == cells


@pytest.mark.parametrize(
    "row, cell",
    [
        ({}, "-"),
        ({"p50_ms": 8.04, "per": "a person"}, "8.0 a person"),
        ({"p50_ms": 180, "per": "an image with all its people"}, "180.0 an image"),
    ],
)
def test_cells_of_time(tool, spec, monkeypatch, row, cell):
    monkeypatch.setattr(tool, "speed", lambda _spec: row)
    assert tool.milliseconds(spec()) == cell


def test_a_page_without_its_part_is_refused(tmp_path, tool):
    page = tmp_path / "page.md"
    page.write_text("# no part\n")
    with pytest.raises(SystemExit, match="page.md: expected one part 'zoo', got 0"):
        tool.filled(page, {"zoo": "x"})
    page.write_text("a\n<!-- zoo -->\nold\n<!-- end -->\nb\n")
    assert tool.filled(page, {"zoo": "| 1 | \\d |"}) == "a\n<!-- zoo -->\n| 1 | \\d |\n<!-- end -->\nb\n"


def test_specs_are_json_that_pose_evaluate_wrote(repository):
    for path in (repository / "models").glob("*.json"):
        assert json.dumps(json.loads(path.read_text()), indent=1) + "\n" == path.read_text()
