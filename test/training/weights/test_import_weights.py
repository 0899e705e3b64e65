"""A published file becomes a checkpoint with which the network computes what the authors' own does."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from published_networks import IMAGES

from pose_estimation_ros.core.errors import ConfigError, DataError, ModelError
from pose_estimation_ros.training.checkpoint import load_checkpoint, load_weights
from pose_estimation_ros.training.export.export import PARITY, export
from pose_estimation_ros.training.recipe import load_recipe, recipe_from_fields
from pose_estimation_ros.training.tasks import build_model
from pose_estimation_ros.training.train import train
from pose_estimation_ros.training.weights.import_weights import import_weights

FORMS = {
    "plain": lambda tensors: tensors,
    "training": lambda tensors: {"epoch": 3, "model": "pose_hrnet", "state_dict": tensors, "perf": 0.7},
    "score": lambda tensors: {"state_dict": tensors, "perf": np.float64(0.7)},
    "best": lambda tensors: {"state_dict": {}, "best_state_dict": tensors, "optimizer": {"state": {}}},
    "data_parallel": lambda tensors: {f"module.{name}": value for name, value in tensors.items()},
    "half": lambda tensors: {f"1.{name}": value for name, value in tensors.items()},
    "old": lambda tensors: {name: value for name, value in tensors.items() if not name.endswith("tracked")},
}


def saved(content, tmp_path):
    torch.save(content, tmp_path / "file.pth")
    return tmp_path / "file.pth"


def without(tensors, *starts):
    return {name: value for name, value in tensors.items() if not name.startswith(starts)}


def outputs_of(checkpoint):
    """The outputs of the checkpoint's network on IMAGES, built as all readers of checkpoints build it."""
    recipe = recipe_from_fields(load_checkpoint(checkpoint)["recipe"], str(checkpoint))
    model = build_model(recipe)
    load_weights(model, checkpoint)
    with torch.no_grad():
        return model.eval()(IMAGES)


@pytest.mark.parametrize("model, joints, skeleton", [
    ("hrnet_w32", 17, "coco17"), ("hrnet_w32", 16, "mpii16"), ("litepose_xs", 17, "coco17"),
    ("litepose_xs", 14, "crowdpose14"), ("higher_hrnet_w32", 17, "coco17"),
    ("simple_baseline_resnet50", 17, "coco17"),
])  # fmt: skip
def test_the_network_computes_what_the_authors_own_does(published, recipe_of, tmp_path, model, joints, skeleton):
    tensors, expected = published(model, joints)
    lines = []
    imported = import_weights(saved(tensors, tmp_path), recipe_of(model, skeleton=skeleton), lines.append)
    assert imported == (tmp_path / "runs" / "a" / "best.ckpt", True)
    outputs = outputs_of(imported.path)
    assert outputs.keys() == expected.keys()
    for name, value in outputs.items():
        assert value.abs().max() > 0.1
        torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-4)
    count = len(tensors)
    assert f"{model} got {count} of {count} tensors" in lines[1] and "left out" not in " ".join(lines)


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_the_file(published, recipe_of, tmp_path, form):
    tensors, expected = published("hrnet_w32")
    imported = import_weights(saved(FORMS[form](tensors), tmp_path), recipe_of("hrnet_w32"))
    torch.testing.assert_close(outputs_of(imported.path)["heatmaps"], expected["heatmaps"], rtol=1e-4, atol=1e-4)


def test_it_can_be_exported(published, recipe_of, tmp_path):
    imported = import_weights(saved(published("hrnet_w32")[0], tmp_path), recipe_of("hrnet_w32"))
    path, difference = export(imported.path, tmp_path / "models")
    assert path.exists() and difference < PARITY
    training = json.loads(path.with_suffix(".json").read_text())["training"]
    assert (training["epochs"], training["init_from"]) == (0, str(tmp_path / "file.pth"))


def test_a_student_begins_with_it_and_learns_from_it(published, recipe_of, recipe, tmp_path):
    tensors, _outputs = published("hrnet_w32")
    teacher = import_weights(saved(tensors, tmp_path), recipe_of("hrnet_w32"))
    start = import_weights(saved(without(tensors, "final_layer"), tmp_path), recipe_of("hrnet_w32", name="start"))
    student = dataclasses.replace(
        recipe, model="hrnet_w32", model_options=recipe_of("hrnet_w32").model_options, init_from=str(start.path),
        teacher=str(teacher.path), losses={"mse": 0.8, "teacher_mse": 0.2}, epochs=1,
    )  # fmt: skip
    assert train(student) == student.run_dir / "best.ckpt"


def test_teachers_of_recipes_are_where_an_import_puts_them(repository):
    """`pose import-weights FILE config/training/NAME.yaml` makes the teacher runs/NAME/best.ckpt."""
    folder = repository / "config" / "training"
    teachers = {load_recipe(file).teacher for file in folder.glob("*.yaml")}
    imported = {str(load_recipe(file).run_dir / "best.ckpt") for file in folder.glob("hrnet_*.yaml")}
    assert {teacher for teacher in teachers if "hrnet" in teacher} == imported and len(imported) == 2


IMAGENET = ("incre_modules.0.0.conv1.weight", "downsamp_modules.0.0.weight", "final_layer.0.weight", "classifier.bias")


def test_a_file_of_imagenet_starts_a_training(published, recipe_of, tmp_path):
    tensors, _outputs = published("hrnet_w32")
    trunk = without(tensors, "final_layer") | {name: torch.ones(2) for name in IMAGENET}
    lines = []
    imported = import_weights(saved(trunk, tmp_path), recipe_of("hrnet_w32"), lines.append)
    assert imported == (tmp_path / "runs" / "a" / "start.ckpt", False)
    assert "random are 2 tensors of the head" in lines[2] and "left out 4 tensors of the file" in lines[3]
    model = build_model(recipe_of("hrnet_w32"))
    load_weights(model, imported.path)  # as init_from does
    assert torch.equal(model.stem[1][0].weight, tensors["conv1.weight"])
    assert 0 < model.head.weight.std() < 0.002 and not model.head.bias.any()  # as HRNet's authors begin


def test_a_resnet_of_imagenet_starts_a_simple_baseline(published, recipe_of, tmp_path):
    tensors, _outputs = published("simple_baseline_resnet50")
    trunk = without(tensors, "final_layer", "deconv_layers") | {"fc.weight": torch.ones(2), "fc.bias": torch.ones(2)}
    recipe = recipe_of("simple_baseline_resnet50", model_options={"width": 8})
    imported = import_weights(saved(trunk, tmp_path), recipe)
    assert imported.path.name == "start.ckpt"
    assert torch.equal(load_checkpoint(imported.path)["model"]["backbone.1.0.weight"], tensors["conv1.weight"])


def test_a_network_that_learned_from_bgr_needs_an_option(published, recipe_of, tmp_path):
    source = saved(published("simple_baseline_resnet50")[0], tmp_path)
    with pytest.raises(
        ConfigError, match="expected model_options bgr: true, because it learned from BGR, got {'width'"
    ):
        import_weights(source, recipe_of("simple_baseline_resnet50", model_options={"width": 8}))


@pytest.mark.parametrize("model", ["hrnet_w32", "litepose_xs", "higher_hrnet_w32"])
def test_a_head_for_other_joints_stays_random(published, recipe_of, tmp_path, model):
    source = saved(published(model)[0], tmp_path)
    imported = import_weights(source, recipe_of(model, skeleton="crowdpose14"))
    assert imported.path.name == "start.ckpt" and outputs_of(imported.path)["heatmaps"].shape[1] == 14


def change(name, value):
    """A function that gives a file's tensor another value; None removes it."""
    return lambda tensors: {n: v for n, v in (tensors | {name: value}).items() if v is not None}


@pytest.mark.parametrize("fault, message", [
    (lambda tensors: {}, "expected tensors by name, or a checkpoint with state_dict, got nothing"),
    (lambda tensors: {"state_dict": {"a": 1}}, r"expected tensors by name, .*got the keys \['a'\]"),
    (lambda tensors: {"epoch": 1, "optimizer": {}}, r"got the keys \['epoch', 'optimizer'\]"),
    (lambda tensors: [1, 2], "expected a checkpoint"),
    (lambda tensors: tensors | {"module.conv1.weight": torch.ones(1)}, "expected each name once"),
    (change("conv1.weight", None), r"does not fit hrnet_w32: expected \d+ tensors, got a file without conv1.weight$"),
    (lambda tensors: without(tensors, "stage4."), r"without stage4.0.branches.0.0.conv1.weight and \d+ more$"),
    (change("final_layer.bias", None), "without final_layer.bias$"),
    (change("conv3.weight", torch.ones(1)), "expected only tensors that the network has, got also conv3.weight$"),
    (change("conv1.weight", torch.ones(64, 3)), r"conv1.weight: expected the shape \(64, 3, 3, 3\), got \(64, 3\)"),
    (change("bn1.bias", torch.full((64,), float("nan"))), "bn1.bias: expected finite values"),
    (change("bn1.bias", torch.zeros(64, dtype=torch.complex64)), "bn1.bias: expected plain numbers, got torch.comp"),
    (change("bn1.bias", torch.zeros(64).to_sparse()), "bn1.bias: expected plain numbers"),
    (change("bn1.bias", torch.zeros(64, device="meta")), "bn1.bias: expected plain numbers, got .*, meta$"),
    (change("bn1.bias", torch.quantize_per_tensor(torch.zeros(64), 1, 0, torch.qint8)), "expected plain numbers"),
    (change("final_layer.bias", torch.nested.nested_tensor([torch.ones(1)])), "layer.bias: expected plain numbers"),
    (change("bn1.bias", torch.zeros(64, dtype=torch.int8)), "bn1.bias: expected numbers as torch.float32, got .*int8"),
    (change("bn1.bias", torch.full((64,), 1e300, dtype=torch.float64)), "bn1.bias: expected finite values of torch.fl"),
])  # fmt: skip
def test_faults_of_the_content(published, recipe_of, tmp_path, fault, message):
    source = saved(fault(published("hrnet_w32")[0]), tmp_path)
    with pytest.raises((DataError, ModelError), match=message) as error:
        import_weights(source, recipe_of("hrnet_w32"))
    assert "\n" not in str(error.value) and not (tmp_path / "runs").exists()


class Bomb:
    """Writes a file where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_code_in_the_file_is_not_run(recipe_of, tmp_path):
    source = saved({"conv1.weight": Bomb(tmp_path / "was_run")}, tmp_path)
    with pytest.raises(DataError, match="file.pth: expected a checkpoint, got a file that torch cannot load"):
        import_weights(source, recipe_of("hrnet_w32"))
    assert not (tmp_path / "was_run").exists()


@pytest.mark.parametrize("content", [b"", b"garbage", b"PK\x03\x04 no zip"])
def test_files_that_torch_cannot_read(recipe_of, tmp_path, content):
    (tmp_path / "file.pth").write_bytes(content)
    with pytest.raises(DataError, match="file.pth: expected a checkpoint"):
        import_weights(tmp_path / "file.pth", recipe_of("hrnet_w32"))
    with pytest.raises(DataError, match="cannot read .*none.pth"):
        import_weights(tmp_path / "none.pth", recipe_of("hrnet_w32"))


def test_a_giant_file_is_not_loaded(recipe_of, tmp_path):
    with (tmp_path / "file.pth").open("wb") as file:
        file.truncate(2**33)  # a hole, which takes no place on the disk
    with pytest.raises(DataError, match=r"file.pth: expected a file of at most \d+ MiB for this network, got 8192 MiB"):
        import_weights(tmp_path / "file.pth", recipe_of("hrnet_w32"))


@pytest.mark.parametrize("model, other", [("hrnet_w32", "litepose_xs"), ("litepose_xs", "hrnet_w32")])
def test_a_file_of_another_family(published, recipe_of, tmp_path, model, other):
    with pytest.raises(ModelError, match=f"does not fit {model}: expected .* tensors, got a file without .* more"):
        import_weights(saved(published(other)[0], tmp_path), recipe_of(model))


@pytest.mark.parametrize("changes, message", [
    ({"model": "elpn_v1"}, "expected a model with published weights out of hrnet_w32, .*, got 'elpn_v1'"),
    ({"model": "hrnet_w64"}, "did you mean 'hrnet_w"),
    ({"model_options": {"width": 8}}, "expected .* tensors, got a file without stage3.2"),
    ({"model_options": {"width": "wide"}}, "width.*wide"),
])  # fmt: skip
def test_recipes_that_do_not_fit(published, recipe_of, tmp_path, changes, message):
    with pytest.raises((ConfigError, ModelError), match=message):
        import_weights(
            saved(published("hrnet_w32")[0], tmp_path), dataclasses.replace(recipe_of("hrnet_w32"), **changes)
        )


@pytest.mark.parametrize("there", ["best.ckpt", "last.ckpt"])
def test_what_is_there_is_not_replaced(published, recipe_of, tmp_path, there):
    folder = tmp_path / "runs" / "a"
    folder.mkdir(parents=True)
    (folder / there).write_bytes(b"of a training")
    with pytest.raises(ConfigError, match=rf"expected a folder without {there} \(another name= makes one\), got .*"):
        import_weights(saved(published("hrnet_w32")[0], tmp_path), recipe_of("hrnet_w32"))
    assert [file.name for file in folder.iterdir()] == [there]
