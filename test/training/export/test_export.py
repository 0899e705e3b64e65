import dataclasses
import json

import numpy as np
import onnx
import pytest
import torch
from live_models import live

from pose_estimation_ros.core.errors import ConfigError, ModelError
from pose_estimation_ros.core.model_spec import load_model_spec
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.importing.tensorrt_operators import refused
from pose_estimation_ros.inference.backends.open import open_model
from pose_estimation_ros.inference.decoders.heatmaps import Dark, QuarterOffset
from pose_estimation_ros.inference.decoders.make import make_decoder
from pose_estimation_ros.training.checkpoint import save_checkpoint
from pose_estimation_ros.training.export import export as module
from pose_estimation_ros.training.export.export import export
from pose_estimation_ros.training.models import BOTTOM_UP_MODELS, POSE_MODELS
from pose_estimation_ros.training.tasks import build_model


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


@pytest.mark.parametrize(
    "decoder, expected, options",
    [(None, "quarter_offset", {}), ("quarter_offset", "quarter_offset", {}), ("dark", "dark", {"kernel": 7})],
)
def test_the_spec_names_the_decoder_and_the_runtime_takes_it(checkpoint, tmp_path, decoder, expected, options):
    path, _ = export(checkpoint, tmp_path / "models", decoder=decoder)
    spec = load_model_spec(str(path))
    assert (spec.decoder, spec.decoder_options) == (expected, options)
    assert type(make_decoder(spec)) is {"quarter_offset": QuarterOffset, "dark": Dark}[expected]


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


def test_the_spec_holds_any_skeleton_without_its_file(recipe, tmp_path):
    hand = Skeleton("hand", ("wrist", "thumb", "index"), ((0, 1), (0, 2)), (), None)
    recipe = dataclasses.replace(recipe, skeleton=hand.to_json())
    checkpoint = tmp_path / "best.ckpt"
    save_checkpoint(checkpoint, model=build_model(recipe).state_dict(), recipe=dataclasses.asdict(recipe), epoch=1)
    path, _difference = export(checkpoint, tmp_path / "models")
    backend, spec = open_model(str(path), "top_down", 1)
    assert spec.skeleton == hand and backend(np.zeros((1, 3, 32, 32), np.float32))["heatmaps"].shape == (1, 3, 8, 8)


@pytest.fixture
def bottom_up_checkpoint(recipe, tmp_path):
    """Of a network whose outputs depend on the image: live at twice the recipe's size, for parity at larger ones."""
    recipe = dataclasses.replace(
        recipe, task="bottom_up", model="wlitepose_xs", model_options={}, input_size_wh=[64, 64]
    )
    model, path = live(build_model(recipe), 128), tmp_path / "run" / "best.ckpt"
    save_checkpoint(path, model=model.state_dict(), recipe=dataclasses.asdict(recipe), epoch=1)
    return path, model


def test_a_free_size_agrees_with_torch_at_sizes_that_export_did_not_try(bottom_up_checkpoint, tmp_path):
    checkpoint, model = bottom_up_checkpoint
    path, difference = export(checkpoint, tmp_path / "models", free_size=True)
    backend, spec = open_model(str(path), "bottom_up", 1)
    assert difference <= 1e-4 and spec.input_size_wh == (64, 64) and backend.input_shape == (None, 3, None, None)
    batch = np.random.default_rng(1).uniform(0, 255, (1, 3, 128, 192)).astype(np.float32)
    with backend, torch.no_grad():
        found, expected = backend(batch), model(torch.tensor(batch))
    assert {name: maps.shape[2:] for name, maps in found.items()} == {
        "heatmaps": (32, 48), "tags": (32, 48), "heatmaps_2x": (64, 96)
    }  # fmt: skip
    for name, maps in expected.items():
        assert maps.std() > 1e-2
        np.testing.assert_allclose(found[name], maps, atol=1e-4 * max(1.0, float(maps.abs().max())))


def test_parity_is_asked_for_at_two_sizes(bottom_up_checkpoint, tmp_path, monkeypatch):
    sizes = []
    monkeypatch.setattr(module, "parity", lambda model, content, size: sizes.append(size) or 2e-4 * (len(sizes) == 2))
    with pytest.raises(ModelError, match="nothing written"):
        export(bottom_up_checkpoint[0], tmp_path / "models", free_size=True)
    assert sizes == [[64, 64], [128, 192]]


def test_a_decoder_is_for_top_down_models(bottom_up_checkpoint, tmp_path):
    with pytest.raises(ConfigError, match="expected a top-down model for the decoder dark, got .* for bottom_up"):
        export(bottom_up_checkpoint[0], tmp_path / "models", decoder="dark")


def test_a_free_size_is_for_bottom_up_models(checkpoint, tmp_path):
    with pytest.raises(ConfigError, match="expected a bottom-up model for a free size, got dots for top_down"):
        export(checkpoint, tmp_path / "models", free_size=True)


@pytest.mark.parametrize("name", ["elpn_v1", "wlitepose_xs"])
def test_what_is_exported_is_for_tensorrt_8_2(name, tmp_path):
    """Two families here, all of them in `make check-trt`."""
    model = (POSE_MODELS | BOTTOM_UP_MODELS)[name](num_joints=17).eval()
    (tmp_path / "model.onnx").write_bytes(module.to_onnx(model, [64, 64]))
    assert refused(tmp_path / "model.onnx", "8.2") == []
