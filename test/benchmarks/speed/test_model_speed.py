"""Check what benchmarks/speed/model_speed.py writes of models, for which the tables read it."""

import hashlib
import json

import pytest

from benchmarks.speed import model_speed


@pytest.fixture
def detector(constant_model, save_spec):
    path = constant_model("detector", {"boxes_xyxy": [[[1.0, 1.0, 9.0, 9.0]]], "scores": [[0.9]]})
    save_spec(path, name="detector", task="person_detector", skeleton="", decoder="boxes", input_size_wh=(64, 64))
    return path


def test_it_writes_a_row_for_each_model(color_model, detector, tmp_path, capsys):
    out = tmp_path / "speed.json"
    model_speed.main([str(color_model), str(detector), "--rounds", "2", "--out", str(out)])
    written = json.loads(out.read_text())
    assert (written["threads"], written["rounds"], written["command"]) == (1, 2, "make model-speed")
    assert written["cpu"] == written["machine"]["cpu"] and len(written["date"]) == len("2026-12-01")
    assert [row["per"] for row in written["models"].values()] == ["a person", "an image"]
    assert set(written["models"]) == {"color_model", "detector"}
    row = written["models"]["detector"]
    with open(str(detector), "rb") as file:
        assert row["sha256"] == hashlib.sha256(file.read()).hexdigest()
    assert 0 <= row["p50_ms"] <= row["p90_ms"] and row["engine"].startswith("onnxruntime")
    assert "detector" in capsys.readouterr().out


@pytest.mark.parametrize(
    "task, words",
    [
        ("top_down", "a person"),
        ("bottom_up", "an image with all its people"),
        ("one_stage", "an image with all its people"),
        ("person_detector", "an image"),
    ],
)
def test_what_a_time_is_for(task, words):
    assert model_speed.per(task) == words
