import json

import pytest

torch = pytest.importorskip("torch", reason="counts torch's layers")

from torch import nn  # noqa: E402

from pose_estimation_ros import __main__ as command  # noqa: E402
from pose_estimation_ros.training import model_table  # noqa: E402


def test_the_table_of_one_model(capsys):
    assert command.main(["models", "elpn_v1"]) == 0
    head, *rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert head[0] == "model"
    assert rows == [
        ["elpn_v1", "17", "256x192", "1.1083", "M", "1.1", "M", "+0.8%", "1.2105", "1.2", "+0.9%", "Gi"],
        ["elpn_v1", "16", "256x256", "1.1083", "M", "1.1", "M", "+0.8%", "1.6140", "1.6", "+0.9%", "Gi"],
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
        "parameters": 4_705_870, "paper_parameters": 4_700_000, "paper_macs": 2.0, "source": "",
    }  # fmt: skip


def test_an_unknown_model_ends_in_one_line(capsys):
    assert command.main(["models", "elpn_v1", "hrnet_w23"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and "expected a model out of hrnet_w32" in captured.err and "'hrnet_w23'" in captured.err


@pytest.mark.parametrize(
    "registry, line",
    [
        ("POSE_MODELS", "own 17 256x192 0.0001 M - - 0.0023 - - Gi"),  # 17 * 3 weights at 256 * 192 pixels / 2^30
        ("BOTTOM_UP_MODELS", "own 17 448x448 0.0001 M - - 0.0102 - - lp"),  # / 10^9
    ],
)
def test_a_model_that_no_paper_lists(registry, line, monkeypatch, capsys):
    monkeypatch.setitem(getattr(model_table, registry), "own", lambda num_joints=17: nn.Conv2d(3, num_joints, 1))
    assert command.main(["models", "own"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == line.split()


@pytest.mark.parametrize(
    "names, units",
    [
        (["elpn_v1"], []),
        (["litepose_xs"], ["lp"]),
        (["simple_baseline_resnet50", "simple_baseline_mobilenet_v2", "higher_hrnet_w48"], ["Gi+", "G+", "mm", "lp"]),
    ],
)
def test_other_units_are_explained_below_the_table(names, units, capsys):
    assert command.main(["models", *names]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = model_table.rows_of(names)
    assert [line.split(":")[0] for line in lines[1 + len(rows) :] if line[0] != " "] == units
    assert {row.convention for row in rows} - {"Gi"} == set(units)


def test_a_row_of_another_paper_names_it(capsys):
    assert command.main(["models", "higher_hrnet_w16"]) == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert line.split()[:3] + line.split()[-2:] == ["higher_hrnet_w16", "14", "512x512", "lp", "WLitePose"]
