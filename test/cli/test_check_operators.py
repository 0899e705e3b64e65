"""Check the command line of `pose check-operators`."""

import pytest

pytest.importorskip("onnx", reason="`pose check-operators` needs onnx")
from pose_estimation_ros.__main__ import main  # noqa: E402


def test_an_unknown_name(capsys):
    assert main(["check-operators", "lite0_fpn"]) == 1
    assert "did you mean 'lite0_fpn_coco'?" in capsys.readouterr().err


def test_a_model_has_a_name_or_a_path(capsys, repository):
    for model in ("lite0_fpn_coco", str(repository / "models" / "lite0_fpn_coco.onnx")):
        assert main(["check-operators", model]) == 0
        assert capsys.readouterr().out == "all operators are known\n"
