import json

import numpy as np
import onnx
import pytest
import torch

from pose_estimation_ros.core.errors import ConfigError, ModelError
from pose_estimation_ros.core.model_spec import load_model_spec
from pose_estimation_ros.inference.backend import open_model
from pose_estimation_ros.training import export as module
from pose_estimation_ros.training.export import export
from pose_estimation_ros.training.tasks import build_model
from pose_estimation_ros.training.train import train


@pytest.fixture
def checkpoint(recipe):
    recipe.epochs = 1
    return train(recipe)


def test_export_agrees_with_torch_and_opens_in_the_runtime(recipe, checkpoint, tmp_path):
    path, difference = export(checkpoint, tmp_path / "models")
    assert difference <= 1e-4
    assert (path.name, load_model_spec(str(path)).task) == ("dots.onnx", "top_down")
    graph = onnx.load(str(path))
    assert graph.ir_version <= 7 and graph.opset_import[0].version == 13
    model = build_model(recipe).eval()
    model.load_state_dict(torch.load(checkpoint, weights_only=True)["model"])
    batch = np.random.default_rng(1).uniform(0, 255, (3, 3, 32, 32)).astype(np.float32)
    backend, spec = open_model(str(path), "top_down")
    with backend, torch.no_grad():
        np.testing.assert_allclose(backend(batch)["heatmaps"], model(torch.tensor(batch))["heatmaps"], atol=1e-4)
    assert spec.training["epochs"] == 1
    assert json.loads(path.with_suffix(".json").read_text())["flip_pairs"][0] == [1, 2]


def test_a_graph_that_differs_is_refused_and_nothing_is_written(checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "parity", lambda *_: 2e-4)
    with pytest.raises(ModelError, match="nothing written"):
        export(checkpoint, tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_parity_sees_a_difference(recipe):
    model, other = build_model(recipe).eval(), build_model(recipe).eval()
    other.head.bias.data += 0.01
    content = module.to_onnx(other, recipe.input_size_wh)
    assert module.parity(other, content, recipe.input_size_wh) <= 1e-4
    assert module.parity(model, content, recipe.input_size_wh) > 1e-3


def test_exporting_leaves_the_model_in_evaluation_mode(recipe):
    model = build_model(recipe).eval()
    module.to_onnx(model, recipe.input_size_wh)
    assert not any(m.training for m in model.modules())


def test_another_input_size(checkpoint, tmp_path):
    path, difference = export(checkpoint, tmp_path, "larger", [64, 96])
    backend, spec = open_model(str(path), "top_down")
    assert difference <= 1e-4 and spec.input_size_wh == (64, 96)
    assert backend(np.zeros((1, 3, 96, 64), np.float32))["heatmaps"].shape == (1, 17, 24, 16)
    with pytest.raises(ConfigError, match="multiples of 32"):
        export(checkpoint, tmp_path, "odd", [50, 96])
