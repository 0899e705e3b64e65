import shutil
from pathlib import Path

import pytest

from pose_estimation_ros.__main__ import main
from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.model_spec import load_model_spec
from pose_estimation_ros.evaluation.accuracy import accuracy_of_pose_model
from pose_estimation_ros.evaluation.benchmarks import open_benchmark
from pose_estimation_ros.evaluation.protocols import find_protocol
from pose_estimation_ros.inference.backends.find import find_model
from pose_estimation_ros.training.export.model_export import ModelExport


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_checkpoint_becomes_float32_and_what_is_asked_for(checkpoint, dots, tmp_path, capsys):
    out = tmp_path / "models"
    options = ["--precision", "int8-cpu", "--calibration", str(dots), "--count", "2", "--name", "small"]
    assert main(["export", str(checkpoint), "--out", str(out), *options]) == 0
    assert files(out) == ["dots.json", "dots.onnx", "small.json", "small.onnx"]
    assert load_model_spec(str(out / "small.onnx")).training["export"]["of"] == "dots"
    assert main(["export", str(out / "dots.onnx"), "--out", str(out), "--precision", "fp16"]) == 0
    assert f"wrote {out / 'dots_fp16.onnx'} and {out / 'dots_fp16.json'}" in capsys.readouterr().out


def test_accuracy_before_and_after_in_one_command(checkpoint, dots, tmp_path, capsys):
    """The same figures as `pose evaluate` gives, for both files, beside those that the source had."""
    out, data = tmp_path / "models", tmp_path / "copy"
    shutil.copytree(dots, data)
    assert main(["export", str(checkpoint), "--out", str(out), "--accuracy-data", str(data)]) == 0
    full = load_model_spec(str(out / "dots.onnx")).accuracy
    options = ["--precision", "int8-cpu", "--calibration", str(dots), "--accuracy-data", str(data), "--flip"]
    assert main(["export", str(out / "dots.onnx"), "--out", str(out), *options]) == 0
    accuracy = load_model_spec(str(out / "dots_int8_cpu.onnx")).accuracy
    assert accuracy["fp32"]["copy"] == full["copy"] and not full["copy"]["flip"] and set(accuracy) >= {"copy_flip"}
    for file, found in (("dots_int8_cpu", accuracy), ("dots", accuracy["fp32"])):
        by_hand, _ = accuracy_of_pose_model(
            find_model(str(out / f"{file}.onnx")), open_benchmark(data), protocol=find_protocol(None, True)
        )
        assert found["copy_flip"] == by_hand
    assert f"copy_flip, fp32: images 6  AP {by_hand['AP']}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "options, message",
    [
        (["x.onnx"], "expected one of fp16, int8-tensorrt, int8-cpu as --precision"),
        (["x.onnx", "--precision", "fp16", "--free-size"], "and no size or decoder, for x.onnx"),
        (["x.onnx", "--precision", "fp16", "--decoder", "dark"], "and no size or decoder, for x.onnx"),
        (["x.ckpt", "--decode-head", "--decoder", "dark"], "expected --decoder quarter_offset with --decode-head"),
        (["x.onnx", "--precision", "fp16"], "model file x.onnx does not exist"),
        (["x.ckpt", "--precision", "int8-cpu"], "expected calibration data"),
        (
            ["x.onnx", "--precision", "fp16", "--calibration", "y"],
            "expected calibration data with int8 alone, got it with",
        ),
        (["x.ckpt", "--calibration", "y"], "expected calibration data with int8 alone, got it with fp32"),
        (["x.ckpt", "--flip"], "expected --flip with --accuracy-data"),
        (["x.ckpt", "--flip", "--decode-head", "--accuracy-data", "y"], "and without --decode-head"),
        (["x.ckpt", "--accuracy-data", "nowhere"], "nowhere: expected a JSON file"),
        (["x.ckpt", "--precision", "int8-cpu", "--calibration", "y", "--accuracy-data", "./y"], "got ./y for both"),
    ],
)
def test_faults_are_one_line(options, message, capsys):
    assert main(["export", *options]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "fields, words",
    [
        ({"source": None}, "expected source to be a name or path, got None"),
        ({"source": 5}, "expected source to be a name or path, got 5"),
        ({"out": 5}, "expected out to be a name or path, got 5"),
        ({"name": 5}, "expected name to be a text .*, got 5"),
        ({"precision": "int4"}, "expected precision to be one of fp32, fp16, .*, got 'int4'"),
        ({"decode_head": "yes"}, "expected decode_head to be true or false, got 'yes'"),
        ({"size_wh": 64}, "expected size_wh to be a list, .*, got 64"),
        ({"size_wh": [64, "64"]}, "expected size_wh to be a list"),
        ({"free_size": 1}, "expected free_size to be true or false, got 1"),
        ({"decoder": "simcc"}, "expected decoder to be one of quarter_offset, dark, or None, got 'simcc'"),
        ({"calibration": 5}, "expected calibration to be a name or path, or None, got 5"),
        ({"count": "a"}, "expected count to be a whole number in 1..1000000, got 'a'"),
        ({"count": 0}, "expected count to be a whole number in 1..1000000, got 0"),
        ({"accuracy_data": 5}, "expected accuracy_data to be"),
        ({"flip": "no"}, "expected flip to be true or false, got 'no'"),
    ],
)
def test_fields_are_checked_when_an_export_is_made(fields, words):
    with pytest.raises(ConfigError, match=words):
        ModelExport(**{"source": "x.ckpt", **fields})


def test_paths_need_not_be_texts():
    assert ModelExport(Path("x.ckpt"), Path("out")) == ModelExport("x.ckpt", "out")


def test_a_size_has_two_sides():
    with pytest.raises(ConfigError, match="expected size_wh to be a width and a height, got"):
        ModelExport("x.ckpt", size_wh=[64]).check()
