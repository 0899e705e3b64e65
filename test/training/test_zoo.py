import json

import pytest
from torch import nn

from pose_estimation_ros import __main__ as command
from pose_estimation_ros.training import zoo
from pose_estimation_ros.training.models import BOTTOM_UP_MODELS, DETECTOR_MODELS, POSE_MODELS


def test_the_table_of_one_model(capsys):
    assert command.main(["models", "elpn_v1"]) == 0
    head, *rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert head[0] == "model"
    assert rows == [
        ["elpn_v1", "17", "256x192", "1.1080", "M", "1.1", "M", "+0.7%", "1.2105", "1.2", "+0.9%", "Gi"],
        ["elpn_v1", "16", "256x256", "1.1080", "M", "1.1", "M", "+0.7%", "1.6140", "1.6", "+0.9%", "Gi"],
    ]


def test_the_person_detector_has_no_joints(capsys):
    assert command.main(["models", "person_detector"]) == 0
    (line,) = capsys.readouterr().out.splitlines()[1:]
    assert line.split() == "person_detector - 320x384 0.7460 M - - 0.6239 - - Gi".split()


def test_json(capsys):
    assert command.main(["models", "--json", "elpn_v2"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row.pop("macs") == pytest.approx(1.9899, abs=5e-5)
    assert row == {
        "model": "elpn_v2", "num_joints": 17, "input_size_wh": [192, 256], "convention": "Gi",
        "parameters": 4_705_468, "paper_parameters": 4_700_000, "paper_macs": 2.0,
    }  # fmt: skip


def test_an_unknown_model_ends_in_one_line(capsys):
    assert command.main(["models", "elpn_v1", "hrnet_w23"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and "expected a model out of hrnet_w32" in captured.err and "'hrnet_w23'" in captured.err


def test_every_row_is_a_model_and_every_model_has_a_row():
    known = [*POSE_MODELS, *BOTTOM_UP_MODELS, *DETECTOR_MODELS]
    assert [row for row in zoo.PAPERS if row.model not in known] == []
    assert sorted({row.model for row in zoo.rows_of([])}) == sorted(known)
    assert [row.model for row in zoo.rows_of(["elpn_v2", "hrnet_w48"])] == ["elpn_v2", "hrnet_w48", "hrnet_w48"]


@pytest.mark.parametrize(
    "registry, line",
    [
        ("POSE_MODELS", "own 17 256x192 0.0001 M - - 0.0023 - - Gi"),  # 17 * 3 weights at 256 * 192 pixels / 2^30
        ("BOTTOM_UP_MODELS", "own 17 448x448 0.0001 M - - 0.0102 - - lp"),  # / 10^9
    ],
)
def test_a_model_that_no_paper_lists(registry, line, monkeypatch, capsys):
    monkeypatch.setitem(getattr(zoo, registry), "own", lambda num_joints=17: nn.Conv2d(3, num_joints, 1))
    assert command.main(["models", "own"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == line.split()


@pytest.mark.parametrize(
    "ours, paper, shown",
    [(5, None, "-"), (1.0, 1.0, "+0.0%"), (0.9999, 1.0, "+0.0%"), (1.1, 1.0, "+10.0%"), (0.975, 1.0, "-2.5%")],
)
def test_differences(ours, paper, shown):
    assert zoo.difference(ours, paper) == shown
