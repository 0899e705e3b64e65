"""What the tables of models take from the specs, and the times that hold for these very files alone."""

import json

import pytest

HALF = {"AP": 5.0, "protocol": "end_to_end", "half": "choose"}
WHOLE = {"AP": 8.06, "protocol": "end_to_end"}
NETWORK = {"AP": 12.34}


@pytest.fixture
def shipped(documentation):
    return documentation("shipped_models")


@pytest.mark.parametrize(
    "accuracy, alone, end_to_end",
    [
        ({}, {}, {}),
        ({"note": "x", "fp32": {"a": NETWORK}}, {}, {}),
        ({"a": NETWORK, "b": {"AP": 99.0}}, NETWORK, {}),
        ({"half": HALF, "whole": WHOLE, "a": NETWORK}, NETWORK, WHOLE),
    ],
)
def test_figures_of_the_network_and_of_the_pipeline(shipped, spec, accuracy, alone, end_to_end):
    made = spec(accuracy=accuracy)
    assert (shipped.alone(made), shipped.end_to_end(made)) == (alone, end_to_end)


def test_the_best_comes_first_and_detectors_last(shipped, spec):
    made = {"export": {"of": "b"}, "model": "elpn_v1", "name": "run"}
    spec("a", task="person_detector", skeleton="", decoder="boxes")
    spec("b", accuracy={"x": WHOLE})
    spec("c", accuracy={"x": WHOLE}, training=made)
    spec("d")
    spec("e", accuracy={"x": {**WHOLE, "AP": 9.0}})
    assert [found.name for found in shipped.specs()] == ["e", "b", "c", "d", "a"]


def test_a_time_is_that_of_this_very_file(shipped, spec, monkeypatch, tmp_path):
    made = spec()
    monkeypatch.setattr(shipped, "SPEED", tmp_path / "speed.json")
    assert shipped.speed(made) == {}
    row = {"sha256": made.sha256, "p50_ms": 3.0}
    shipped.SPEED.write_text(json.dumps({"threads": 1, "cpu": "X", "date": "2026-12-01", "models": {"tiny": row}}))
    assert shipped.speed(made) == row and shipped.where_timed() == "one thread, X, 2026-12-01"
    assert shipped.speed(made._replace(sha256="0" * 64)) == {} == shipped.speed(made._replace(name="other"))
