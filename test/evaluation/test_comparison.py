"""comparison.py: figures by hand, and that files are read once."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("matplotlib")

from pose_estimation_ros.core.errors import ConfigError  # noqa: E402
from pose_estimation_ros.evaluation.comparison import (  # noqa: E402
    COLUMNS,
    Candidate,
    Comparison,
    as_csv,
    cells,
    compare,
    cost,
    points,
    speed,
)
from pose_estimation_ros.inference.options import PipelineOptions  # noqa: E402

FULL = PipelineOptions(detector="full_frame", score_threshold=0.3)


def candidate(path, name="m", network=len, figures=None):
    return Candidate(name, path, "top_down", np.zeros((1, 3, 64, 48), np.float32), network, lambda: figures)


def test_speed_by_hand():
    times, first = np.array([1.0, 2, 3, 4, 5]), np.array([1.0, 1, 2, 1, 2])
    assert speed(times, first) == {"p50_ms": 3.0, "p90_ms": 4.6, "ratio": 2.0}  # the median of 1, 2, 1.5, 4, 2.5


def test_cost_by_hand(color_model):
    size = Path(color_model).stat().st_size
    assert cost(candidate(Path(color_model))) == {"parameters": 51, "macs": 51 * 16 * 12, "file_bytes": size}


def test_an_engine_does_not_tell_what_it_costs(tmp_path):
    path = tmp_path / "x.engine"
    path.write_bytes(b"1234")
    assert cost(candidate(path)) == {"parameters": None, "macs": None, "file_bytes": 4}


@pytest.mark.parametrize(
    "figures, counts, first, last",
    [
        ({"AP": 12.34}, (1_500_000, 3 * 2**30), "AP 12.3", ("1.500", "3.000")),
        ({"Mean@0.5": 88.37, "Head@0.5": 9.0}, (1_500_000, 2**29), "PCKh@0.5 88.4", ("1.500", "0.500")),
        ({"recall_at_1_fp": 0.486}, (None, None), "recall at 1 false positive 48.6", ("-", "-")),
    ],
)
def test_a_line_of_the_table(figures, counts, first, last):
    counted = {"parameters": counts[0], "macs": counts[1], "file_bytes": 1.25e6}
    row = {"model": "m", **figures, "p50_ms": 3.0, "p90_ms": 4.6, "ratio": 2.0, **counted}
    line, whole = cells(row), cells({**row, "end_to_end_AP": 9.96, "frame_ms": 30.04})
    assert (
        line[:7] == ("m", "-", first, "-", "3.00", "4.60", "2.00") and line[7:9] == last and len(line) == len(COLUMNS)
    )
    assert whole[:4] == ("m", "AP 10.0", first, "30.0") and whole[4:] == line[4:]


def test_the_points_of_a_plot():
    row = {"model": "m", "AP": 12.0, "p50_ms": 3.0}
    assert points(row) == [("m", "AP", 3.0, 12.0)]
    whole = ("m", "AP end to end", 30.0, 9.0)
    assert points({**row, "end_to_end_AP": 9.0, "frame_ms": 30.0}) == [whole, ("m", "AP", 3.0, 12.0)]


def test_csv_of_models_with_different_figures():
    rows = [{"model": "a", "AP": 1.5, "macs": None}, {"model": "b", "recall_at_1_fp": 0.5}]
    assert as_csv(rows) == b"model,AP,macs,recall_at_1_fp\na,1.5,,\nb,,,0.5\n"


@pytest.mark.parametrize(
    "fields, words",
    [
        ({"models": "m"}, r"expected models to be a list, .*; did you mean \['m'\]"),
        ({"data": 5}, "expected data to be a name or path, got 5"),
        ({"flip": "yes"}, "expected flip to be true or false, or None, got 'yes'"),
        ({"threads": 10**6}, "expected threads in 0..256, got 1000000"),
        ({"pipeline": {"detector": "x"}}, "expected pipeline to be PipelineOptions, such as"),
        ({"rounds": 0}, "expected rounds to be a whole number of 1 or more, got 0"),
        ({"rounds": "5"}, "expected rounds to be a whole number of 1 or more, got '5'"),
        ({"out": None}, "expected out to be a name or path, got None"),
    ],
)
def test_fields_are_checked_when_a_comparison_is_made(fields, words):
    with pytest.raises(ConfigError, match=words):
        Comparison(**{"models": ["m"], "data": "data", **fields})


def test_a_comparison_of_nothing_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="expected at least one model, got none"):
        compare(Comparison([], "data", out=tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_comparison_from_python(tmp_path, dots, model, counts, capsys):
    """The annotations are read once, and each model is found once; nothing is printed."""
    data, path = dots("coco17"), model("coco17")
    counts.clear()
    measured = []
    order = Comparison([path, "person_detector"], data, pipeline=FULL, threads=1, rounds=2, out=tmp_path / "out")
    additional = candidate(Path(path), "more", figures={"AP": 12.0})
    rows = compare(order, [additional], measured.append)
    assert measured == [rows] and [row["model"] for row in rows] == ["coco17", "person_detector", "more"]
    assert rows[0]["AP"] > 80 and rows[2]["AP"] == 12
    assert rows[0]["end_to_end_people_found"] == 100 and rows[0]["frame_ms"] > 0 and "frame_ms" not in rows[1]
    assert counts[data.name] == counts["find coco17.onnx"] == counts["find person_detector"] == 1
    assert counts[f"hash {Path(path).stat().st_size}"] == 1
    written = json.loads((tmp_path / "out" / "compare.json").read_text())
    assert (written["detector"], written["score_threshold"]) == ("full_frame", 0.3)
    assert written["models"] == rows and capsys.readouterr().out == ""
