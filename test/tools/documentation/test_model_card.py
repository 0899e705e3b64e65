"""Every shipped model has a card of the one template, which is as it would be made, with all parts by hand."""

import os
import re
import subprocess
import sys

import cv2
import pytest

from pose_estimation_ros.imaging.video import open_source

FIGURE = re.compile(r"\b(?:AP\d*|AR|recall|PCK)\b[^.\n]{0,20}\d")


@pytest.fixture
def cards(documentation):
    return documentation("model_card")


@pytest.fixture
def shipped(documentation):
    return documentation("shipped_models")


def test_cards_are_as_they_would_be_made(cards):
    for path, text in cards.cards().items():
        assert path.read_text() == text, f"{path}: run make zoo"


def test_cards_have_all_sections_with_a_text_in_each(cards):
    assert len(cards.cards()) >= 7
    for path in cards.cards():
        _, *parts = re.split(r"^## (.*)\n", path.read_text(), flags=re.MULTILINE)
        assert tuple(parts[::2]) == cards.SECTIONS, path
        assert all(re.sub(r"<!--.*?-->", "", text).strip() for text in parts[1::2]), path


def test_parts_by_hand_are_filled_in_and_hold_no_figure_of_accuracy(cards, shipped):
    for spec in shipped.specs():
        parts = cards.parts_by_hand(cards.MODELS / f"{spec.name}.md")
        assert set(parts) == set(cards.HAND)
        assert all(parts.values()) or shipped.source(spec), spec.name
        assert [part for part, text in parts.items() if FIGURE.search(text)] == [], spec.name
        assert cards.summary(spec).endswith(".") and len(cards.summary(spec)) < 100


def test_figures_of_accuracy_are_seen():
    assert all(map(FIGURE.search, ["has AP 27.1", "AP50 of 81.2", "recall is 0.6"]))
    assert not any(map(FIGURE.search, ["AP is better", "at stride 4", "a recall. 5 people"]))


def test_pictures_exist_and_are_small(cards):
    for path in cards.cards():
        for picture in re.findall(r"!\[.*?\]\((.*?)\)", path.read_text()):
            assert 0 < (path.parent / picture).stat().st_size < 60_000, picture


def test_every_picture_of_a_card_is_shown_on_one(cards):
    shown = {name for path in cards.cards() for name in re.findall(r"docs/cards/([\w.]+)\)", path.read_text())}
    assert shown == {path.name for path in (cards.ROOT / "docs" / "cards").iterdir()}


def test_the_lines_in_python_run(cards, repository, tmp_path):
    environment = dict(os.environ, PYTHONPATH=str(repository))
    with open_source(str(cards.ROOT / "test" / "data" / "pedestrians.mp4")) as frames:
        cv2.imwrite(str(tmp_path / "people.jpg"), next(iter(frames)).image)
    codes = [re.search(r"```python\n(.*?)```", path.read_text(), re.S).group(1) for path in cards.cards()]
    command = [sys.executable, "-c", "\n".join(codes)]
    output = subprocess.check_output(command, cwd=str(tmp_path), env=environment, universal_newlines=True)
    assert len(re.findall(r"^Poses\(\d+ people, 17 keypoints coco17", output, re.M)) == len(codes)


def test_a_new_model_gets_a_card_whose_parts_are_to_be_filled_in(cards, tmp_path):
    assert cards.parts_by_hand(tmp_path / "new.md") == {"about": "", "accuracy": "", "wrong": ""}
    page = tmp_path / "old.md"
    page.write_text(
        "# a\n<!-- by hand: about -->\n\n<!-- end -->\nx\n<!-- by hand: wrong -->\n* y\n\nz\n<!-- end -->\n"
    )
    assert cards.parts_by_hand(page) == {"about": "", "accuracy": "", "wrong": "* y\n\nz"}
    marked = cards.marked("wrong", cards.parts_by_hand(page))
    assert marked in page.read_text()


def test_rows_of_groups_and_the_hardest(cards, spec):
    by_size = {"to 32": {"people": 3, "AR": 6.66}, "32 to 64": {"people": 10, "AR": 9.4}}
    by_size["from 192"] = {"people": 12, "AR": 20.0}
    run = {"AP": 1.0, "by_group": {"size": by_size}}
    text = cards.groups(spec(accuracy={"plain": {"AP": 2.0}, "a": run}))
    assert "AR of `a` by groups of people. The hardest groups: size 32 to 64 px (9)." in text
    assert "| Size: square root of the area, px | to 32 | 3 | 6.7 |\n|  | 32 to 64 | 10 | 9.4 |\n" in text
    assert cards.groups(spec(accuracy={"a": {"AP": 2.0}})).startswith("Not measured")


def test_the_speed_is_compared_with_the_float32_model_of_the_same_run(cards, spec, monkeypatch, shipped):
    whole = spec("whole")
    made = spec("made", training={"model": "elpn_v1", "export": {"of": "whole"}})
    times = {"whole": {"p50_ms": 8.0, "per": "a person"}, "made": {"p50_ms": 6.0, "per": "a person"}}
    monkeypatch.setattr(cards, "speed", lambda model: times.get(model.name, {}))
    monkeypatch.setattr(cards, "where_timed", lambda: "one thread, X, 2026-12-01")
    assert cards.times(made).startswith("6.0 ms for a person: crop, network and decoding. Median, one thread, X, 2026")
    assert "0.75 of the time of `whole` in the same run" in cards.times(made) and "0.75" not in cards.times(whole)
    times.clear()
    assert cards.times(made).startswith("Not measured for this file.")


def test_an_8_bit_file_of_other_weights_is_named(cards, spec):
    whole = spec("whole")
    export = {"of": "whole", "precision": "int8-cpu", "calibration": "../shared/data/people", "of_sha256": whole.sha256}
    spec("made", training={"model": "elpn_v1", "export": export})
    command = "`pose export models/whole.onnx --precision int8-cpu --calibration data/people`"
    assert f"{command} | yes |" in cards.derived(whole)
    spec("made", training={"model": "elpn_v1", "export": {**export, "of_sha256": "0" * 64}})
    assert f"{command} | no: export it again |" in cards.derived(whole)
