"""A network gets its weights back from its exported file, and training can go on where it stood."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from torch import nn

from pose_estimation_ros.core.errors import DataError, ModelError
from pose_estimation_ros.training.checkpoint import load_checkpoint, load_weights
from pose_estimation_ros.training.export.export import export, to_onnx
from pose_estimation_ros.training.models import BOTTOM_UP_MODELS, DETECTOR_MODELS, POSE_MODELS
from pose_estimation_ros.training.recipe import recipe_from_fields
from pose_estimation_ros.training.tasks import build_model, serving_model
from pose_estimation_ros.training.train import train
from pose_estimation_ros.training.weights.exported_file import load_exported, place_of
from pose_estimation_ros.training.weights.import_weights import import_weights

KNOWN = POSE_MODELS | BOTTOM_UP_MODELS | DETECTOR_MODELS
IMAGES = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(2)) * 255


def trained(name):
    """A network with weights and batch statistics as a training leaves them: no two alike."""
    torch.manual_seed(1)
    model = KNOWN[name]()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.1)
        if isinstance(module, (nn.Linear, nn.LayerNorm)):  # GCNet's last layer begins with zeros
            nn.init.normal_(module.weight, 0.3, 0.3)
            nn.init.normal_(module.bias, 0, 0.3)
    with torch.no_grad():
        for _ in range(30):  # statistics near those of the images
            model.train()(IMAGES)
    return model.eval()


def exported(model, path, free_size=False):
    path.write_bytes(to_onnx(serving_model(model).eval(), [64, 64], free_size))
    return path


def largest_difference(ones, others):
    assert ones.keys() == others.keys()
    return max(float((ones[name] - others[name]).abs().max() / (1 + ones[name].abs().max())) for name in ones)


@pytest.mark.parametrize("name, free_size", [
    ("lite0_fpn", False), ("elpn_v1", False), ("hrnet_w32", False), ("simple_baseline_resnet50", False),
    ("person_detector", False), ("higher_lite0_fpn", False), ("higher_lite0_fpn", True),
])  # fmt: skip
def test_the_network_computes_what_the_file_does_in_both_modes(name, free_size, tmp_path):
    model = trained(name)
    path = exported(model, tmp_path / "a.onnx", free_size)
    torch.manual_seed(5)
    again = KNOWN[name]()
    load_exported(again, path, IMAGES)
    assert again.training
    with torch.no_grad():
        expected = serving_model(model.eval())(IMAGES)
        assert largest_difference(expected, serving_model(again.eval())(IMAGES)) < 1e-4
        assert largest_difference(expected, serving_model(again.train())(IMAGES)) < 1e-3


@pytest.mark.parametrize("name", ["lite0_fpn", "elpn_v1", "hrnet_w32"])
def test_a_head_for_other_keypoints_stays_random(name, tmp_path):
    model = trained(name)
    path = exported(model, tmp_path / "a.onnx")
    again = KNOWN[name](num_joints=5)
    before = {name: value.clone() for name, value in again.state_dict().items()}
    left = load_exported(again, path, IMAGES)
    assert left and all(torch.equal(before[name], again.state_dict()[name]) for name in left)
    heads, expected = again.state_dict(), model.state_dict()
    for weight in left:  # with the file's head the network is the file's
        heads[weight] = expected[weight]
    whole = KNOWN[name]()
    whole.load_state_dict(heads)
    with torch.no_grad():
        assert largest_difference(model(IMAGES), whole.eval()(IMAGES)) < 1e-4


@pytest.mark.parametrize("name, other, words", [
    ("lite0_fpn", "elpn_v1", "expected one convolution"), ("wlitepose_xs", "wlitepose_xs", "for good"),
    ("hrnet_w32", "hrnet_w48", "expected the shape"),
])  # fmt: skip
def test_a_file_of_another_network_and_one_without_a_way_back_are_refused(name, other, words, tmp_path):
    model = KNOWN[name]().eval()
    path = exported(model, tmp_path / "a.onnx")
    with pytest.raises(ModelError, match=f"a.onnx does not fit the network: .*{words}"):
        load_exported(KNOWN[other](), path, IMAGES)


def test_a_module_is_found_by_the_name_of_its_node():
    places = ["backbone.parts.0.1.0", "backbone.parts.1.0.body.0", "top.head"]
    assert place_of("/model/backbone/parts.0/parts.0.1/parts.0.1.0/Conv", places) == places[0]
    assert place_of("/model/backbone/parts.1/parts.1.0/body/body.0/Conv", places) == places[1]
    assert place_of("/model/head/Conv", places) == "top.head"
    with pytest.raises(ModelError, match="got 0"):
        place_of("/model/neck/Conv", places)
    with pytest.raises(ModelError, match="got 2"):
        place_of("/model/head/Conv", [*places, "side.head"])


def test_training_goes_on_from_an_exported_file(recipe, tmp_path):
    train(recipe)
    path, _ = export(recipe.run_dir / "best.ckpt", tmp_path, "shipped")
    again = dataclasses.replace(recipe, name="again")
    lines = []
    imported = import_weights(path, again, lines.append)
    assert imported == (again.run_dir / "best.ckpt", True)
    assert any("training images" in line for line in lines)
    state = load_checkpoint(imported.path)
    model, first = build_model(recipe_from_fields(state["recipe"], "a")), build_model(recipe)
    load_weights(model, imported.path)
    load_weights(first, recipe.run_dir / "best.ckpt")
    images = torch.rand(2, 3, 32, 32) * 255
    with torch.no_grad():
        assert largest_difference(first.eval()(images), model.eval()(images)) < 1e-4
    further = dataclasses.replace(recipe, name="further", init_from=str(imported.path), epochs=1)
    assert train(further) == further.run_dir / "best.ckpt"


def test_of_a_file_for_other_keypoints_all_but_the_head_is_taken(recipe, tmp_path):
    train(recipe)
    path, _ = export(recipe.run_dir / "best.ckpt", tmp_path, "shipped")
    skeleton = {"name": "own", "keypoints": ["a", "b"], "links": [[0, 1]], "flip_pairs": []}
    people = json.loads((Path(recipe.data_root) / "person_keypoints.json").read_text())
    for person in people["annotations"]:
        person.update(keypoints=person["keypoints"][:6], num_keypoints=2)
    people["categories"] = [{"id": 1, "name": "person", "keypoints": skeleton["keypoints"], "skeleton": [[1, 2]]}]
    (tmp_path / "own.json").write_text(json.dumps(people))
    source = dataclasses.replace(recipe.train[0], annotations=str(tmp_path / "own.json"))
    own = dataclasses.replace(recipe, name="own", skeleton=skeleton, train=[source], holdout=[source])
    lines = []
    imported = import_weights(path, own, lines.append)
    assert imported == (own.run_dir / "start.ckpt", False)
    assert any("head" in line and "stay random" in line for line in lines)
    assert train(dataclasses.replace(own, name="further", init_from=str(imported.path), epochs=1))


def test_the_training_data_are_needed_and_other_inputs_of_the_recipe_are_not(recipe, tmp_path):
    train(recipe)
    path, _ = export(recipe.run_dir / "best.ckpt", tmp_path, "shipped")
    unready = dataclasses.replace(recipe, name="again", teacher="none.onnx", init_from="none.ckpt")
    assert import_weights(path, unready).is_whole
    without = dataclasses.replace(recipe, name="without", data_root=str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match=r"person_keypoints.json \(train\)"):
        import_weights(path, without)
