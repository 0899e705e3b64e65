"""What an evaluation of bags accepts, and its way to another process."""

import json
from pathlib import Path

import pytest

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.evaluation.bag.run.settings import BagEvaluation
from pose_estimation_ros.inference.options import PipelineOptions


def test_only_bags_and_a_folder_are_needed():
    evaluation = BagEvaluation(["a", Path("b")], Path("out"))
    assert evaluation.pose_models == (PipelineOptions().model,)
    assert [part.bags for part in evaluation.single_bags()] == [("a",), (Path("b"),)]


@pytest.mark.parametrize(
    "fields, words",
    [
        ({"bags": []}, "expected at least one bag, got none"),
        ({"bags": "abc"}, "expected bags as a list, got 'abc'"),
        ({"models": "abc"}, "expected models as a list, got 'abc'"),
        ({"topics": "/abc"}, "expected topics as a list, got '/abc'"),
        ({"bags": ["a", "x/a"]}, "expected bags of different names, got a, x/a, whose results are a"),
        ({"bags": ["a", "a"]}, "expected bags of different names, got a, a,"),
        ({"models": ["m.onnx", "x/m.onnx"]}, "expected models of different names, got m.onnx, x/m.onnx,"),
        ({"options": PipelineOptions(detect_every=0)}, "detect_every"),
        ({"workers": 0}, "expected --workers in 1..1024, got 0"),
        ({"workers": 2, "ray": "auto"}, "expected either --workers or --ray, got both"),
        ({"boxes": "yolo"}, "expected --boxes out of detector, ground-truth, got 'yolo'"),
        ({"color_by": "mood"}, "expected --color-by out of side, track, got 'mood'"),
        ({"latency_ms": 5.0}, "--latency-ms above 0 and with --realtime"),
        ({"realtime": True, "latency_ms": 0.0}, "--latency-ms above 0"),
        ({"realtime": True, "latency_ms": float("nan")}, "--latency-ms above 0"),
        ({"truth": "t.json", "bags": ["a", "b"]}, "expected one bag with --truth, got 2"),
        ({"truth": "t.json", "truth_topic": "/t"}, "expected either --truth or --truth-topic, got both"),
    ],
)
def test_what_is_refused(fields, words):
    with pytest.raises(ConfigError, match=words):
        BagEvaluation(**{"bags": ["bag"], "out": "out", **fields})


@pytest.mark.parametrize(
    "evaluation",
    [
        BagEvaluation(("bag",), "out"),
        BagEvaluation(("bag",), "x", ("m",), ("/t",), PipelineOptions(detect_every=3), truth="t.json", again=True),
        BagEvaluation(("a", "b"), "x", realtime=True, latency_ms=5.0, pseudo_truth="m", workers=3, color_by="side"),
    ],
)
def test_settings_survive_the_way_through_json(evaluation):
    assert BagEvaluation.from_json(json.loads(json.dumps(evaluation.to_json()))) == evaluation


def test_paths_and_lists_go_through_json_too():
    evaluation = BagEvaluation([Path("bag")], Path("out"), ["m"], truth=Path("t.json"))
    back = BagEvaluation.from_json(json.loads(json.dumps(evaluation.to_json())))
    assert back == BagEvaluation(("bag",), "out", ("m",), truth="t.json")


def test_other_threads_change_nothing_else():
    evaluation = BagEvaluation(["bag"], "out", options=PipelineOptions(detect_every=3))
    assert evaluation.with_threads(7).options == PipelineOptions(detect_every=3, threads=7)
