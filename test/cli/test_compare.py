"""`pose compare`: what it writes and prints, and what it refuses before it measures."""

import csv
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("matplotlib")

from pose_estimation_ros.__main__ import main  # noqa: E402
from pose_estimation_ros.evaluation import comparison as module  # noqa: E402
from pose_estimation_ros.evaluation.accuracy import accuracy_of_pose_model  # noqa: E402
from pose_estimation_ros.evaluation.benchmarks import open_benchmark  # noqa: E402
from pose_estimation_ros.evaluation.protocols import find_protocol  # noqa: E402
from pose_estimation_ros.inference.backends.find import find_model  # noqa: E402


@pytest.fixture
def images(folder):
    """The folder of COCO's layout with its two images."""
    (folder / "images").mkdir()
    for number in (1, 2):
        frame = np.random.default_rng(number).integers(0, 256, (200, 200, 3), np.uint8)
        cv2.imwrite(str(folder / "images" / f"{number}.png"), frame)
    return folder


@pytest.fixture
def make_model(save_onnx, save_spec):
    """A function: name, skeleton's name and joints -> a model of 24x32 px, whose joints are where it is reddest."""

    def make(name, skeleton="coco17", joints=17):
        nodes = [("Conv", ["images", "weight"], ["heatmaps"], {"strides": [4, 4]})]
        shapes = {"images": ["n", 3, 32, 24]}, {"heatmaps": ["n", joints, 8, 6]}
        weight = np.zeros((joints, 3, 1, 1))
        weight[:, 0] = 1 / 255.0
        path = save_onnx(name, nodes, shapes[0], shapes[1], {"weight": weight})
        save_spec(path, input_size_wh=(24, 32), name=name, skeleton=skeleton)
        return path

    return make


def test_pose_compare(images, color_model, make_model, tmp_path, capsys):
    smaller_model = make_model("smaller")
    out = tmp_path / "out"
    argv = ["compare", color_model, smaller_model, "--data", str(images), "--out", str(out), "--rounds", "3", "--flip"]
    assert main([*argv, "--threads", "1"]) == 0
    written = json.loads((out / "compare.json").read_text())
    first, second = written["models"]
    assert written["threads"] == 1 and written["rounds"] == 3 and written["machine"]
    assert written["device"] == "auto"
    assert (first["model"], first["ratio"], second["model"]) == ("color_model", 1.0, "smaller")
    assert first["macs"] == 4 * second["macs"] and first["flip"] and first["parameters"] == 51
    alone, _ = accuracy_of_pose_model(
        find_model(smaller_model), open_benchmark(images), protocol=find_protocol(None, True)
    )
    assert alone.items() <= second.items()
    with open(out / "compare.csv") as file:
        lines = list(csv.DictReader(file))
    assert [line["p50_ms"] for line in lines] == [str(m["p50_ms"]) for m in written["models"]]
    assert cv2.imread(str(out / "compare.png")).shape[1] > 600
    printed = capsys.readouterr().out
    assert "ratio" in printed and f"{second['p50_ms']:.2f}" in printed
    assert sorted(path.name for path in out.iterdir()) == ["compare.csv", "compare.json", "compare.png"]


@pytest.mark.parametrize(
    "models, options, message",
    [
        (["none.onnx"], [], "expected a model file or one out of"),
        (["specless.onnx"], [], "has no .json spec beside it"),
        (["good.onnx", "mpii.onnx"], [], "expected a model with the skeleton coco17, got "),
        (["good.onnx", "good.onnx"], [], "expected files of different names, got 2 like "),
        (["good.onnx"], ["--out", "person_keypoints.json"], "expected a folder to write into as --out"),
        (["good.onnx"], ["--protocol", "litepose"], "protocol litepose is for bottom_up models"),
        (["good.onnx"], ["--boxes", "none.json"], "none.json: expected a JSON file"),
        (["good.onnx"], ["--device", "openvino"], "device openvino needs openvino"),
    ],
)
def test_refused_before_anything_is_measured(images, make_model, capsys, monkeypatch, models, options, message):
    monkeypatch.chdir(images)  # which is where the models are, too
    monkeypatch.setattr(module, "take_turns", None)
    monkeypatch.setitem(sys.modules, "openvino", None)  # as where it is not installed
    make_model("good"), make_model("mpii", "mpii16", 16)
    (images / "specless.onnx").write_bytes(Path(make_model("other")).read_bytes())
    assert main(["compare", *models, "--data", ".", *options]) == 1
    assert message in capsys.readouterr().err
    assert not list(images.glob("out/compare/*"))


def test_no_model_at_all(images):
    with pytest.raises(SystemExit):
        main(["compare", "--data", str(images)])
