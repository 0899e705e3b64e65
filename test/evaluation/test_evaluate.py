"""evaluate.py: evaluations as values, what they return, and that files are read once."""

import json
import shutil
from pathlib import Path

import pytest
from colored_dots import save

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.evaluation.evaluate import Evaluation, distinct_names, evaluate
from pose_estimation_ros.inference.options import PipelineOptions


@pytest.mark.parametrize(
    "paths, names",
    [
        ([], []),
        (["a.onnx"], ["a"]),
        (["runs/a.onnx", "b.json"], ["a", "b"]),
        (["x/keypoints.json", "y/keypoints.json", "a.json"], ["x_keypoints", "y_keypoints", "a"]),
        (["x/a.onnx", "x/a.json"], None),
        (["a.json", "a.json"], None),
    ],
)
def test_names_of_several(paths, names):
    if names is None:
        with pytest.raises(ConfigError, match="expected files of different names, got 2 like"):
            distinct_names([Path(path) for path in paths])
    else:
        assert distinct_names([Path(path) for path in paths]) == names


@pytest.mark.parametrize(
    "fields, words",
    [
        ({"data": None}, "expected data to be a name or path, got None"),
        ({"models": "lite0_fpn_coco"}, r"expected models to be a list, .*; did you mean \['lite0_fpn_coco'\]"),
        ({"models": Path("m.onnx")}, r"expected models to be a list, .*; did you mean \["),
        ({"models": [5]}, "expected models to be a list, each item a name or path, got .5."),
        ({"models": None}, "expected models to be a list"),
        ({"predictions": "results.json"}, r"expected predictions to be a list, .*mean \['results.json'\]"),
        ({"protocol": "x"}, "expected protocol to be one of plain, "),
        ({"flip": "yes"}, "expected flip to be true or false, or None, got 'yes'"),
        ({"boxes": 5}, "expected boxes to be a name or path, or None, got 5"),
        ({"end_to_end": "yes"}, "expected end_to_end to be true or false, got 'yes'"),
        ({"pipeline": PipelineOptions(score_threshold=2)}, r"expected score_threshold in 0.0..1.0, got 2"),
        ({"half": "x"}, "expected half to be one of choose, report, or None, got 'x'"),
        ({"groups": "no"}, "expected groups to be true or false, got 'no'"),
        ({"out": None}, "expected out to be a name or path, got None"),
        ({"report": 1}, "expected report to be a name or path, or None, got 1"),
        ({"draws": -1}, "expected draws to be a whole number in 1..1000000, got -1"),
        ({"draws": "a"}, "expected draws to be a whole number in 1..1000000, got 'a'"),
        ({"save": 1}, "expected save to be a text"),
        ({"threads": 10**6}, "expected threads in 0..256, got 1000000"),
        ({"threads": 5000}, "expected threads in 0..256, got 5000"),
        ({"threads": -1}, "expected threads in 0..256, got -1"),
        ({"threads": 1.5}, "expected threads to be a whole number in 0..256, got 1.5"),
        ({"threads": "2"}, "expected threads to be a whole number in 0..256, got '2'"),
        ({"device": "x"}, "expected device to be one of auto, cpu, cuda, tensorrt-ep, openvino, engine, got 'x'"),
    ],
)
def test_fields_are_checked_when_an_evaluation_is_made(fields, words):
    with pytest.raises(ConfigError, match=words):
        Evaluation(**{"data": "data", **fields})


def test_lists_and_paths_are_converted_once():
    evaluation = Evaluation(Path("data"), (model for model in ("a", Path("b"))), out=Path("out"))
    assert evaluation == Evaluation("data", ("a", "b"), out="out") and evaluation.models == ("a", "b")


def test_an_evaluation_from_python(tmp_path, dots, model, capsys):
    """It returns what it writes, prints nothing, and says when each file is done."""
    data, out = dots("coco17"), tmp_path / "out"
    first = evaluate(Evaluation(data, models=[model("coco17")], threads=1, out=out))
    (network,) = first.evaluated
    results = save(tmp_path / "copy.json", network.source.results)
    done = []
    both = Evaluation(data, [model("coco17")], [results], groups=True, out=out, report=out, draws=5, threads=1)
    result = evaluate(both, done.append)
    assert result.evaluated == done and first.report is None and result.report == out / "report.html"
    assert [outcome.source.name for outcome in done] == ["coco17", "copy"]
    assert [outcome.file for outcome in done] == [out / "coco17.json", out / "copy_accuracy.json"]
    for outcome in done:
        written = json.loads(outcome.file.read_text())
        assert outcome.figures.items() <= written.items() and outcome.figures["AP"] > 80
        own = {"reliability"} if outcome.source.kind == "model" else set()
        assert set(outcome.figures) - set(outcome.source.figures) == {"by_group", "kinds_of_errors"} | own
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("skeleton, of_image", [("coco17", {}), ("crowdpose14", {"crowdIndex": 0.5}), ("mpii16", {})])
def test_every_file_is_read_once(tmp_path, dots, model, counts, skeleton, of_image):
    """Two models, what the first one predicted, and a report; with the groups of COCO and CrowdPose."""
    data, path = dots(skeleton, **of_image), model(skeleton)
    second = Path(shutil.copy(path, str(tmp_path / "second.onnx")))
    shutil.copy(Path(path).with_suffix(".json"), second.with_suffix(".json"))
    results = save(
        tmp_path / "all.json", evaluate(Evaluation(data, [path], out=tmp_path / "first")).evaluated[0].source.results
    )
    counts.clear()
    options = {"groups": skeleton != "mpii16", "out": tmp_path / "out", "threads": 1, "draws": 5}
    evaluate(Evaluation(data, [path, second], [results], save="part", report=tmp_path, **options))
    assert counts[data.name] == 1
    assert counts[f"find {Path(path).name}"] == counts["find second.onnx"] == 1
    assert counts[f"hash {second.stat().st_size}"] == 2, "both models have the same content"


def test_poses_and_boxes_are_judged_by_one_reading(tmp_path, dots, model, counts):
    """A pose model and a detector in one evaluation."""
    data = dots("coco17")
    evaluate(Evaluation(data, [model("coco17"), "person_detector"], out=tmp_path / "out", threads=1, groups=True))
    assert counts[data.name] == 1 and counts["find person_detector"] == counts["find coco17.onnx"] == 1
