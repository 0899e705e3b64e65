import pytest

pytest.importorskip("yaml", reason="reads the catalogue with PyYAML")
from pose_estimation_ros import __main__ as command  # noqa: E402
from pose_estimation_ros.cli import get  # noqa: E402
from pose_estimation_ros.core.errors import DataError  # noqa: E402
from pose_estimation_ros.importing.catalogue import read_catalogue, table  # noqa: E402
from pose_estimation_ros.importing.get import ModelGet  # noqa: E402


def test_no_names(capsys):
    assert command.main(["get"]) == 1
    assert capsys.readouterr().err == "pose: error: expected names of models, or one with --name, or --list alone\n"


@pytest.mark.parametrize("arguments", [["--list", "rtmpose_m"], ["rtmpose_m", "rtmpose_s", "--name", "x"]])
def test_arguments_that_do_not_fit(arguments, capsys):
    assert command.main(["get"] + arguments) == 1
    assert "expected names of models, or one with --name, or --list alone" in capsys.readouterr().err


def test_list(capsys):
    assert command.main(["get", "--list"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(table(read_catalogue())) and "tried: whether" in text


def test_an_unknown_name(capsys):
    assert command.main(["get", "rtmpose-m"]) == 1
    assert capsys.readouterr().err.count("did you mean 'rtmpose_m'?") == 1


@pytest.mark.parametrize(
    "name, words", [("yolo11n_pose", "AGPL-3.0"), ("hrnet_w32", "mmdeploy"), ("picodet_s_pedestrian", "paddle2onnx")]
)
def test_a_model_that_nobody_publishes_as_onnx(name, words, capsys):
    assert command.main(["get", name]) == 1
    text, error = capsys.readouterr()
    assert (
        words in text
        and "then: pose import " in text
        and text.rstrip().split("--name ")[-1].startswith(name)
        and error == ""
    )


def test_every_name_is_one_order(monkeypatch, capsys):
    orders = []

    def fake(order, report):
        orders.append(order)
        report("got %s" % order.name)
        return "x.onnx"

    monkeypatch.setattr(get, "get_model", fake)
    assert command.main(["get", "a", "b", "--out", "here"]) == 0
    assert command.main(["get", "c", "--name", "d", "--force"]) == 0
    assert orders == [ModelGet("a", "here"), ModelGet("b", "here"), ModelGet("c", save_as="d", force=True)]
    assert capsys.readouterr().out == "got a\ngot b\ngot c\n"


def test_an_error_is_one_line(monkeypatch, capsys):
    def fails(_order, _report):
        raise DataError("expected a model, got a web page")

    monkeypatch.setattr(get, "get_model", fails)
    assert command.main(["get", "a"]) == 1
    assert capsys.readouterr().err == "pose: error: expected a model, got a web page\n"
