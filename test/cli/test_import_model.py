"""Check the command line of `pose import`: flags become options, errors are one line."""

import argparse
import os
import shlex

import pytest

from pose_estimation_ros.__main__ import main
from pose_estimation_ros.cli import predict as predict_command
from pose_estimation_ros.importing.model_import import usage

pytest.importorskip("onnx", reason="`pose import` needs onnx")


@pytest.fixture
def orders(monkeypatch):
    """Replace the import by one that notes its options, and return the list of them."""
    noted = []

    def note(order, report):
        noted.append(order)
        report("a line")
        return "/models/x.onnx"

    monkeypatch.setattr("pose_estimation_ros.cli.import_model.import_model", note)
    return noted


@pytest.mark.parametrize(
    "argv, options",
    [
        ([], {}),
        (["--like", "hrnet", "--size", "192x256", "--no-check"],
         {"like": "hrnet", "size_wh": (192, 256), "check": False}),
        (["--mean", "0.1", "0.2", "0.3", "--std", "1", "1", "1", "--value-range", "1", "--color", "bgr"],
         {"mean": [0.1, 0.2, 0.3], "std": [1, 1, 1], "value_range": 1, "color": "bgr"}),
        (["--centred", "no", "--resize", "cut", "--grey", "114"], {"centred": False, "resize": "cut", "grey": 114}),
        (["--detector", "--person-class", "dog", "--force"], {"detector": True, "person_class": "dog", "force": True}),
    ],
)  # fmt: skip
def test_flags_become_options(orders, capsys, argv, options):
    assert main(["import", "x.onnx"] + argv) == 0
    (order,) = orders
    assert {name: value for name, value in order._asdict().items() if name in options} == options
    assert order.source == "x.onnx"
    role = "detector" if "detector" in options else "model"
    assert capsys.readouterr().out.splitlines() == ["a line"] + usage("x.onnx", role, False)


@pytest.mark.parametrize("argv, where", [(["--out", "/models"], "/models/x.onnx"), (["--name", "x"], "x")])
def test_the_commands_that_use_it_can_be_pasted(orders, capsys, argv, where):
    main(["import", "x.onnx"] + argv)
    launch, predict = capsys.readouterr().out.splitlines()[-2:]
    assert launch == "ros2 launch pose_estimation_ros cpu.launch.py model:=%s" % where
    parser = argparse.ArgumentParser()
    predict_command.add_arguments(parser)
    args = parser.parse_args(shlex.split(predict)[2:])
    assert os.path.isfile(args.input) and (args.out, args.model) == ("out", where)


@pytest.mark.parametrize(
    "argv, message",
    [
        (["--size", "192"], "WIDTHxHEIGHT"),
        (["--size", "2x2"], "WIDTHxHEIGHT"),
        (["--centred", "maybe"], "yes or no"),
        (["--keypoints", "256"], "1..255"),
        (["--likes", "hrnet"], "did you mean"),
    ],
)
def test_wrong_command_lines(orders, capsys, argv, message):
    with pytest.raises(SystemExit) as caught:
        main(["import", "x.onnx"] + argv)
    error = capsys.readouterr().err
    assert caught.value.code == 2 and message in error and error.count("\n") == 1


def test_errors_are_one_line(tmp_path, capsys):
    assert main(["import", str(tmp_path / "none.onnx"), "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_without_onnx(monkeypatch, capsys):
    def refuse(name):
        raise ImportError("No module named 'onnx'", name="onnx")

    monkeypatch.setattr("pose_estimation_ros.__main__.importlib.import_module", refuse)
    assert main(["import", "x.onnx"]) == 1
    assert "pip install onnx" in capsys.readouterr().err
