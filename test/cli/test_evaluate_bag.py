"""The command makes settings of its arguments, prints what comes of them, and tells by its exit code how it went."""

import argparse

import pytest

from pose_estimation_ros.__main__ import main
from pose_estimation_ros.cli import evaluate_bag as command
from pose_estimation_ros.evaluation.bag.run.jobs import Outcome
from pose_estimation_ros.evaluation.bag.run.settings import BagEvaluation
from pose_estimation_ros.inference.options import PipelineOptions


def settings(*argv):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.evaluation_of(parser.parse_args([*argv, "--out", "out"]), PipelineOptions())


def test_the_defaults_are_those_of_the_settings():
    assert settings("a", "b") == BagEvaluation(["a", "b"], "out", [], [])


@pytest.mark.parametrize(
    "argv, fields",
    [
        (["--model", "m", "--model", "n"], {"models": ["m", "n"]}),
        (["--topic", "/l", "--topic", "/r"], {"topics": ["/l", "/r"]}),
        (["--every-frame"], {}),
        (["--realtime", "--latency-ms", "5"], {"realtime": True, "latency_ms": 5.0}),
        (["--truth", "t.json"], {"truth": "t.json"}),
        (["--truth-topic", "/t"], {"truth_topic": "/t"}),
        (["--pseudo-truth", "m"], {"pseudo_truth": "m"}),
        (["--boxes", "ground-truth"], {"boxes": "ground-truth"}),
        (["--workers", "3"], {"workers": 3}),
        (["--ray", "auto"], {"ray": "auto"}),
        (["--again"], {"again": True}),
        (["--no-video"], {"video": False}),
        (["--color-by", "side"], {"color_by": "side"}),
    ],
)
def test_each_argument_is_a_setting(argv, fields):
    assert settings("bag", *argv) == BagEvaluation(
        **{"bags": ["bag"], "out": "out", "models": [], "topics": [], **fields}
    )


def run(partial=False, **more):
    """An entry of the summary."""
    results = {"bag": "b", "topic": "/t", "model": "m", "frames": {"answered": 2, "in_bag": 3, "dropped": 1}}
    results |= {"people": {"found": 4}, "partial": partial, "partial_reason": "it is cut" if partial else "", **more}
    return {"folder": "out/b/m", "interrupted": False, "results": results}


@pytest.mark.parametrize(
    "outcomes, code",
    [
        ([Outcome([run()]), Outcome([run()])], 0),
        ([Outcome([run()]), Outcome([], "no such bag")], 1),
        ([Outcome([run(partial=True)]), Outcome([], "no such bag")], 1),
        ([Outcome([run()]), Outcome([run(partial=True)])], 3),
        ([Outcome([run()], interrupted=True), Outcome([], "no such bag")], 130),
        ([Outcome([run()])], 130),  # of two bags: the second was not begun
    ],
)
def test_the_exit_code(monkeypatch, capsys, outcomes, code):
    monkeypatch.setattr(command, "evaluate_bags", lambda evaluation, report, note: outcomes)
    assert main(["evaluate-bag", "a", "b", "--out", "out"]) == code
    assert capsys.readouterr().out == "wrote out/report.html\n"


@pytest.mark.parametrize(
    "outcome, out, err",
    [
        (Outcome([run()]), "b /t m: 2 of 3 images; 4 people\n  out/b/m\n", ""),
        (
            Outcome([run(age_ms={"p50": 10.4, "p99": 20.6})]),
            "b /t m: 2 of 3 images; 4 people; 1 dropped, age 10 ms (p99 21)\n  out/b/m\n",
            "",
        ),
        (
            Outcome([run(truth={"AP": 12.34, "judged": 2}, pseudo_truth={"AP": 5.0, "judged": 3})]),
            "b /t m: 2 of 3 images; 4 people; AP 12.3 on 2 images; pseudo-AP 5.0 on 3 images\n  out/b/m\n",
            "",
        ),
        (Outcome([run(partial=True)]), "b /t m: 2 of 3 images; 4 people; PARTIAL: it is cut\n  out/b/m\n", ""),
        (Outcome([], "no such bag"), "", "pose: error: no such bag\n"),
        (Outcome([], "its process died", retry=True), "", "pose: to be tried once more: its process died\n"),
    ],
)
def test_what_is_printed(capsys, outcome, out, err):
    command.print_outcome(outcome)
    assert capsys.readouterr() == (out, err)


def test_parameters_of_the_node_alone_are_named(monkeypatch, capsys):
    monkeypatch.setattr(command, "evaluate_bags", lambda evaluation, report, note: [Outcome([])])
    assert main(["evaluate-bag", "a", "--out", "out", "-p", "marker_lifetime_s:=1.0", "-p", "detect_every_s:=0.2"]) == 0
    assert capsys.readouterr().err == "ignored parameters, which only the node uses: marker_lifetime_s\n"
