"""models/README.md and the cards say what the specs say, and every shipped model has a card with all its parts."""

import json
import re
import sys

import pytest

HEADINGS = ["Data", "Training", "Accuracy", "Latency", "Known failures", "Rights"]


@pytest.fixture(scope="module")
def tool(repository):
    sys.path.insert(0, str(repository / "tools" / "documentation"))
    import zoo_table

    sys.path.pop(0)
    return zoo_table


def test_pages_are_those_of_the_specs(tool):
    for path, text in tool.pages().items():
        assert path.read_text() == text, f"{path}: run make zoo"


def test_cards(tool, repository):
    for spec in tool.specs():
        card = (repository / "models" / f"{spec.name}.md").read_text()
        assert re.findall(r"^## (.*)", card, re.MULTILINE) == HEADINGS
        for picture in re.findall(r"!\[.*?\]\((.*?)\)", card):
            assert 0 < (repository / "models" / picture).stat().st_size < 60_000, picture
        made_by = f"make train-{spec.name.removesuffix('_coco')}"
        if "export" in spec.training:
            made_by = "pose export models/{of}.onnx --precision {precision}".format(**spec.training["export"])
        assert made_by in card


def test_the_repository_stays_small(repository):
    assert sum(path.stat().st_size for path in (repository / "models").iterdir()) < 40e6


@pytest.fixture
def spec(tool, save_onnx, save_spec, monkeypatch, tmp_path):
    """A function: fields of the spec -> the spec of a tiny network in place of the shipped ones."""

    def make(**fields):
        path = save_onnx("tiny", [("Relu", ["images"], ["heatmaps"], {})], {"images": [1]}, {"heatmaps": [1]}, {})
        save_spec(path, training={"model": "elpn_v1"}, **fields)
        monkeypatch.setattr(tool, "MODELS", tmp_path)
        (found,) = tool.specs()
        return found

    return make


def test_the_headline_is_the_first_evaluation_s_on_all_and_on_each_half(tool, spec):
    accuracy = {"note": "x", "a": {"AP": 12.34}, "a_choose": {"AP": 10.0}, "b": {"AP": 99.0}, "b_report": {"AP": 98.0}}
    assert tool.headline(spec(accuracy=accuracy)) == ("AP", "12.3", "10.0", "-")


def test_the_figure_end_to_end_is_apart(tool, spec):
    half = {"AP": 5.0, "protocol": "end_to_end", "half": "choose"}
    whole = {"AP": 8.06, "protocol": "end_to_end"}
    plain = spec(accuracy={"a": {"AP": 12.34}})
    assert (tool.whole(plain, "{AP}"), tool.headline(plain)[1]) == ("-", "12.3")
    made = spec(accuracy={"half": half, "whole": whole, "a": {"AP": 12.34}})
    assert (tool.whole(made, "{AP:.1f}"), tool.headline(made)) == ("8.1", ("AP", "12.3", "-", "-"))


def test_a_detector_s_headline_is_a_recall_in_percent(tool, spec):
    accuracy = {"score_threshold": 0.45, "a": {"recall_at_1_fp": 0.4859}, "a_report": {"recall_at_1_fp": 0.5}}
    made = spec(accuracy=accuracy, task="person_detector", skeleton="", decoder="boxes")
    assert tool.headline(made) == ("recall at 1 false positive per image", "48.6", "-", "50.0")


def test_rows_of_groups(tool, spec):
    run = {"AP": 1.0, "by_group": {"size": {"to 32": {"people": 3, "AR": 6.66}, "from 192": {"people": 1, "AR": 0.0}}}}
    lines = tool.groups(spec(accuracy={"plain": {"AP": 2.0}, "a": run})).splitlines()
    assert lines[2:] == ["| Size: square root of the area, px | to 32 | 3 | 6.7 |", "|  | from 192 | 1 | 0.0 |"]


def test_a_page_without_its_part_is_refused(tmp_path, repository, tool):
    page = tmp_path / "page.md"
    page.write_text("# no part\n")
    with pytest.raises(SystemExit, match="page.md: expected one part 'zoo', got 0"):
        tool.filled(page, {"zoo": "x"})
    page.write_text("a\n<!-- zoo -->\nold\n<!-- end -->\nb\n")
    assert tool.filled(page, {"zoo": "| 1 | \\d |"}) == "a\n<!-- zoo -->\n| 1 | \\d |\n<!-- end -->\nb\n"


def test_specs_are_json_that_pose_evaluate_wrote(repository):
    for path in (repository / "models").glob("*.json"):
        assert json.dumps(json.loads(path.read_text()), indent=1) + "\n" == path.read_text()
