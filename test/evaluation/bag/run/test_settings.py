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
    assert [part.bags for part in evaluation.single_bags()] == [("a",), ("b",)]


@pytest.mark.parametrize(
    "fields, words",
    [
        ({"bags": []}, "expected at least one bag, got none"),
        ({"bags": "abc"}, r"expected bags to be a list, .*, got 'abc'; did you mean \['abc'\]"),
        ({"models": "abc"}, "expected models to be a list, .*, got 'abc'; did you mean"),
        ({"topics": "/abc"}, "expected topics to be a list, .*, got '/abc'; did you mean"),
        ({"bags": ["a", "x/a"]}, "expected bags of different names, got a, x/a, whose results are a"),
        ({"bags": ["a", "a"]}, "expected bags of different names, got a, a,"),
        ({"models": ["m.onnx", "x/m.onnx"]}, "expected models of different names, got m.onnx, x/m.onnx,"),
        ({"options": PipelineOptions(detect_every_s=-1.0)}, "detect_every_s"),
        ({"workers": 0}, "expected workers to be a whole number in 1..1024, got 0"),
        ({"workers": 2, "ray": "auto"}, "expected either --workers or --ray, got both"),
        ({"boxes": "yolo"}, "expected boxes to be one of detector, ground-truth, got 'yolo'"),
        ({"color_by": "mood"}, "expected color_by to be one of side, track, got 'mood'"),
        ({"latency_ms": 5.0}, "--latency-ms above 0 and with --realtime"),
        ({"realtime": True, "latency_ms": 0.0}, "--latency-ms above 0"),
        ({"realtime": True, "latency_ms": float("nan")}, "--latency-ms above 0"),
        ({"bags": [5]}, "expected bags to be a list, each item a name or path, got .5."),
        ({"bags": Path("a")}, "expected bags to be a list, .*; did you mean"),
        ({"out": None}, "expected out to be a name or path, got None"),
        ({"out": 3}, "expected out to be a name or path, got 3"),
        ({"models": None}, "expected models to be a list, .*, got None"),
        ({"topics": [1]}, "expected topics to be a list, each item a text .*, got .1."),
        ({"options": {"threads": 1}}, "expected options to be PipelineOptions, .*, got {'threads': 1}"),
        ({"workers": "2"}, "expected workers to be a whole number in 1..1024, got '2'"),
        ({"workers": None}, "expected workers to be .*, got None"),
        ({"workers": 1.5}, "expected workers to be .*, got 1.5"),
        ({"realtime": True, "latency_ms": "5"}, "expected latency_ms to be a number, or None, got '5'"),
        ({"realtime": "yes"}, "expected realtime to be true or false, got 'yes'"),
        ({"ray": 5}, "expected ray to be a text .*, got 5"),
        ({"truth": 5}, "expected truth to be a name or path, or None, got 5"),
        ({"truth_topic": 5}, "expected truth_topic to be a text .*, got 5"),
        ({"pseudo_truth": 5}, "expected pseudo_truth to be a name or path, or None, got 5"),
        ({"again": 1}, "expected again to be true or false, got 1"),
        ({"video": None}, "expected video to be true or false, got None"),
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
        BagEvaluation(("bag",), "x", ("m",), ("/t",), PipelineOptions(detect_every_s=0.1), truth="t.json", again=True),
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
    evaluation = BagEvaluation(["bag"], "out", options=PipelineOptions(detect_every_s=0.1))
    assert evaluation.with_threads(7).options == PipelineOptions(detect_every_s=0.1, threads=7)


def test_bags_may_come_from_a_generator():
    evaluation = BagEvaluation((bag for bag in ("a", "b")), "out")
    assert evaluation.bags == ("a", "b") and len(evaluation.single_bags()) == 2
