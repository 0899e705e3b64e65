import pytest

from pose_estimation_ros.__main__ import main
from pose_estimation_ros.core.model_spec import load_model_spec
from pose_estimation_ros.training.train import train


@pytest.fixture
def checkpoint(recipe):
    recipe.epochs = 1
    return str(train(recipe))


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_checkpoint_becomes_float32_and_what_is_asked_for(checkpoint, dots, tmp_path, capsys):
    out = tmp_path / "models"
    options = ["--precision", "int8-cpu", "--calibration", str(dots), "--count", "2", "--name", "small"]
    assert main(["export", checkpoint, "--out", str(out), *options]) == 0
    assert files(out) == ["dots.json", "dots.onnx", "small.json", "small.onnx"]
    assert load_model_spec(str(out / "small.onnx")).training["export"]["of"] == "dots"
    assert main(["export", str(out / "dots.onnx"), "--out", str(out), "--precision", "fp16"]) == 0
    assert f"wrote {out / 'dots_fp16.onnx'} and {out / 'dots_fp16.json'}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "options, message",
    [
        (["x.onnx"], "expected one of fp16, int8-tensorrt, int8-cpu as --precision"),
        (["x.onnx", "--precision", "fp16", "--free-size"], "and no size, for x.onnx"),
        (["x.onnx", "--precision", "fp16"], "expected a model file x.onnx, there is none"),
        (["x.ckpt", "--precision", "int8-cpu"], "expected calibration data"),
    ],
)
def test_faults_are_one_line(options, message, capsys):
    assert main(["export", *options]) == 1
    assert message in capsys.readouterr().err
