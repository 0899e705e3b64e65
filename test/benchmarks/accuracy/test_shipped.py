"""Check how benchmarks/accuracy/shipped.py repeats what specs say."""

import json
from pathlib import Path

import pytest

from benchmarks.accuracy import shipped
from pose_estimation_ros.evaluation.evaluate import Evaluation

BOXES = "../shared/data/coco_val/boxes.json"


@pytest.mark.parametrize(
    "run, settings",
    [
        ({}, {}),
        ({"recall_at_1_fp": 0.5, "half": "choose", "by_group": {}}, {"half": "choose", "groups": True}),
        ({"protocol": "plain", "flip": True, "boxes": "ground truth"}, {"protocol": "plain", "flip": True}),
        ({"protocol": "hrnet", "flip": True, "boxes": BOXES}, {"protocol": "hrnet", "flip": True, "boxes": BOXES}),
        ({"protocol": "plain", "flip": False, "boxes": "none (bottom-up)"}, {"protocol": "plain", "flip": False}),
        ({"protocol": "end_to_end", "flip": False, "detector": "x"}, {"end_to_end": True, "flip": False}),
    ],
)
def test_the_settings_of_an_evaluation(run, settings):
    expected = Evaluation("../shared/data/coco_val", ["m.onnx"], save="name", out="out/accuracy", **settings)
    assert shipped.repeated(Path("m.onnx"), "name", run) == expected


def test_every_figure_on_these_images_is_measured_again(color_model, save_spec):
    whole = {"protocol": "end_to_end", "flip": False}
    assert shipped.noted(Path(color_model)) == {"coco_val97_end_to_end": whole}
    figures = {"coco_val97": {"AP": 1.0}, "coco_val97_end_to_end": {"AP": 2.0, "flip": True}, "holdout": {"AP": 3.0}}
    save_spec(color_model, accuracy=figures)
    assert shipped.noted(Path(color_model)) == {
        "coco_val97": {"AP": 1.0},
        "coco_val97_end_to_end": {**whole, "AP": 2.0},
    }
    save_spec(color_model, accuracy={"coco_val97": {"recall": 1}}, task="person_detector", skeleton="", decoder="boxes")
    assert list(shipped.noted(Path(color_model))) == ["coco_val97"]


def test_it_prints_before_and_after_and_keeps_them(tmp_path, monkeypatch, dots, model, capsys):
    data, path = dots("coco17"), model("coco17")
    monkeypatch.setattr(shipped, "DATA", str(data))
    monkeypatch.chdir(tmp_path)
    shipped.main([path, "--only", "coco_val97_end_to_end"])
    kept = json.loads(Path(path).with_suffix(".json").read_text())["accuracy"]
    assert list(kept) == ["coco_val97_end_to_end"] and kept["coco_val97_end_to_end"]["protocol"] == "end_to_end"
    assert f"AP - -> {kept['coco_val97_end_to_end']['AP']}" in capsys.readouterr().out
