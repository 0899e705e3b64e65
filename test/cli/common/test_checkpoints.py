"""checkpoints.py: a checkpoint is evaluated as the ONNX file that an export makes of it."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("onnx")
pytest.importorskip("pycocotools", reason="evaluation needs Python 3.10")

from pose_estimation_ros.cli.common.checkpoints import onnx_files  # noqa: E402
from pose_estimation_ros.core.errors import ConfigError, ModelError  # noqa: E402
from pose_estimation_ros.training.export.model_export import ModelExport  # noqa: E402

EXPORT = "pose_estimation_ros.training.export.model_export"


@pytest.fixture
def exports(monkeypatch):
    """A stand-in for the module that needs torch: what its function was called with."""
    calls = []

    def export_model(order):
        calls.append(order)
        return Path(order.out, f"{order.name}.onnx")

    module = ModuleType(EXPORT)
    module.ModelExport, module.export_model = ModelExport, export_model
    monkeypatch.setitem(sys.modules, EXPORT, module)
    return calls


def test_what_is_no_checkpoint_stays(exports, tmp_path, capsys):
    models = ["a.onnx", "person_detector", "b.engine"]
    assert onnx_files(models, tmp_path, None, None) == models and not exports
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("protocol, free_size", [(None, False), ("litepose", True)])
def test_a_checkpoint_is_exported(exports, tmp_path, capsys, protocol, free_size):
    folder = tmp_path / "exported"
    models = onnx_files(["a.onnx", "runs/elpn/best.ckpt"], str(tmp_path), protocol, None)
    assert models == ["a.onnx", str(folder / "elpn_best.onnx")]
    assert exports == [ModelExport("runs/elpn/best.ckpt", str(folder), "elpn_best", free_size=free_size)]
    assert capsys.readouterr().out == f"exporting runs/elpn/best.ckpt into {folder}\n"


def test_an_export_that_fails_says_why(exports, tmp_path, monkeypatch):
    def export_model(_order):
        raise ConfigError("cannot read checkpoint b.ckpt")

    monkeypatch.setattr(sys.modules[EXPORT], "export_model", export_model)
    with pytest.raises(ModelError, match=r"^cannot export a/b.ckpt: cannot read checkpoint b.ckpt$"):
        onnx_files(["a/b.ckpt"], str(tmp_path), None, None)


def test_without_torch(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, EXPORT, None)  # as where an import within it fails
    with pytest.raises(ModelError, match=r"^cannot export a/b.ckpt: it needs something that is not installed \(pip"):
        onnx_files(["a/b.ckpt"], str(tmp_path), None, None)
