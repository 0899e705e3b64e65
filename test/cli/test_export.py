"""Check which file `pose export` reads."""

import os

import pytest

pytest.importorskip("torch", reason="`pose export` needs torch")
from pose_estimation_ros import __main__ as command  # noqa: E402
from pose_estimation_ros.cli import export  # noqa: E402


@pytest.mark.parametrize("source", ["lite0_fpn_coco", "models/lite0_fpn_coco.onnx", "best.ckpt"])
def test_a_model_has_a_name_or_a_path(source, monkeypatch, repository):
    orders = []
    monkeypatch.setattr(export, "export_model", lambda order, report: orders.append(order))
    monkeypatch.chdir(repository)
    assert command.main(["export", source]) == 0
    wanted = source if source.endswith(".ckpt") else str(repository / "models" / "lite0_fpn_coco.onnx")
    assert os.path.abspath(orders[0].source) == os.path.abspath(wanted)


def test_an_unknown_name(capsys):
    assert command.main(["export", "lite0_fpn"]) == 1
    assert "did you mean 'lite0_fpn_coco'?" in capsys.readouterr().err
