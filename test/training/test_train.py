"""`pose train` end to end on the dots: learns, is interrupted, goes on, learns from a teacher, refuses."""

import csv
import dataclasses
import json
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
import yaml

from pose_estimation_ros.__main__ import main
from pose_estimation_ros.core.errors import ConfigError, DataError, ModelError
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.evaluation.accuracy import accuracy_of_pose_model
from pose_estimation_ros.evaluation.benchmarks import open_benchmark
from pose_estimation_ros.inference.backends.find import find_model
from pose_estimation_ros.training.checkpoint import load_checkpoint, save_checkpoint
from pose_estimation_ros.training.export.export import export
from pose_estimation_ros.training.loop import TrainingDiverged
from pose_estimation_ros.training.models import POSE_MODELS
from pose_estimation_ros.training.recipe import Recipe, Source
from pose_estimation_ros.training.run import append_row
from pose_estimation_ros.training.tasks import build_model
from pose_estimation_ros.training.train import check_devices, device_count, lr_factor, only_writer, prepare_model, train

SPEED = {"seconds", "images_per_second", "data_wait"}


def rows(recipe):
    """log.csv without what a clock measured."""
    with (recipe.run_dir / "log.csv").open() as file:
        return [{k: float(v) for k, v in row.items() if k not in SPEED} for row in csv.DictReader(file)]


def assert_same_run(found, expected):
    assert rows(found) == rows(expected)
    found, expected = (load_checkpoint(recipe.run_dir / "last.ckpt")["model"] for recipe in (found, expected))
    assert all(torch.equal(value, found[name]) for name, value in expected.items())


def test_loss_falls_and_files_are_there(recipe):
    recipe.epochs, recipe.augmentation.color, recipe.losses, recipe.pictures = 6, 0.0, {"cross_entropy": 1.0}, 4
    best = train(recipe)
    log = rows(recipe)
    assert [row["epoch"] for row in log] == [1, 2, 3, 4, 5, 6]
    assert log[-1]["train_loss"] < log[0]["train_loss"]
    assert load_checkpoint(best)["recipe"] == dataclasses.asdict(recipe)
    assert yaml.safe_load((recipe.run_dir / "recipe.yaml").read_text())["epochs"] == 6
    assert sorted(p.name for p in (recipe.run_dir / "pictures").iterdir()) == ["epoch_0004.png", "epoch_0006.png"]
    assert len(list(recipe.run_dir.glob("events.*"))) == 6


def test_pictures_show_the_samples(recipe):
    train(recipe)
    picture = cv2.imread(str(recipe.run_dir / "pictures" / "epoch_0002.png"))
    assert picture.shape == (2 * 32, 6 * 32, 3) and len(np.unique(picture.reshape(-1, 3), axis=0)) > 50


@pytest.fixture(scope="module")
def unbroken(recipe_in, tmp_path_factory):
    """The recipe of a run to its end."""
    recipe = recipe_in(tmp_path_factory.mktemp("unbroken"))
    train(recipe)
    return recipe


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_interrupted_run_ends_bit_for_bit_like_an_unbroken_one(recipe, unbroken, monkeypatch, steps, workers):
    """Two steps an epoch: interrupted within the first, at its end, within the second; going on with workers."""
    interrupt_after(monkeypatch, steps)
    assert train(recipe) is None
    monkeypatch.undo()
    train(dataclasses.replace(recipe, workers=workers))
    assert_same_run(recipe, unbroken)


def interrupt_after(monkeypatch, steps):
    """Ctrl-C's signal during the step of that number."""
    from pose_estimation_ros.training import loop as engine

    calls, image_of = [], engine.image_of

    def interrupted(batch, model):
        if model.training:
            calls.append(1)
            if len(calls) == steps:
                os.kill(os.getpid(), signal.SIGINT)
        return image_of(batch, model)

    monkeypatch.setattr(engine, "image_of", interrupted)


PLAIN_NETWORK = """
import sys
from torch import nn
from pose_estimation_ros.__main__ import main
from pose_estimation_ros.training.models import POSE_MODELS

class Plain(nn.Module):
    def __init__(self, num_joints):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 16, 5, 4, 2), nn.ReLU(), nn.Conv2d(16, num_joints, 3, 1, 1))

    def forward(self, image):
        return {"heatmaps": self.body(image / 255)}
"""
REGISTER = """
POSE_MODELS["plain"] = Plain
sys.exit(main())
"""


def test_two_processes_are_one_with_the_same_batch(recipe, tmp_path, repository, monkeypatch):
    """torchrun on two processes (gloo), each with half of every batch, and a network without batch norm.

    Adam's first steps turn the rounding of near-zero gradients into whole steps, so the learning rate is small.
    """
    recipe.batch_size, recipe.name, recipe.lr, recipe.epochs = 6, "recipe", 2e-4, 3
    recipe.model, recipe.model_options, recipe.log_gradients = "plain", {}, True
    one, two = (dataclasses.replace(recipe, out_dir=str(tmp_path / name)) for name in ("one", "two"))
    names = {}
    exec(PLAIN_NETWORK, names)
    monkeypatch.setitem(POSE_MODELS, "plain", names["Plain"])
    train(one)
    (tmp_path / "plain.py").write_text(PLAIN_NETWORK + REGISTER)
    run_with_torchrun(two, [str(tmp_path / "plain.py")], tmp_path, repository)
    for found, expected in zip(rows(two), rows(one), strict=True):
        assert found == pytest.approx(expected, rel=2e-4), "the loss curves differ"
    assert rows(one)[-1]["train_loss"] < rows(one)[0]["train_loss"] and rows(one)[0]["gradient_mse"] > 0


def run_with_torchrun(recipe, program, tmp_path, repository):
    """Train by `torchrun ... PROGRAM train RECIPE` on two processes."""
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump(dataclasses.asdict(recipe)))
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(repository)}
    subprocess.run([sys.executable, *launcher, *program, "train", str(file)], check=True, env=environment)


def test_torchrun_runs_the_package_s_own_command(recipe, tmp_path, repository):
    """A network with batch norm, whose statistics are each process' own: the same samples, nearly the same losses."""
    recipe.batch_size, recipe.name, recipe.lr = 6, "recipe", 2e-4
    one, two = (dataclasses.replace(recipe, out_dir=str(tmp_path / name)) for name in ("one", "two"))
    train(one)
    run_with_torchrun(two, ["-m", "pose_estimation_ros"], tmp_path, repository)
    assert [row["epoch"] for row in rows(two)] == [1, 2]
    assert [row["train_loss"] for row in rows(two)] == pytest.approx([row["train_loss"] for row in rows(one)], rel=0.3)


@pytest.mark.parametrize("gpus, devices, shared", [(0, 1, True), (0, 2, False), (2, 2, True)])
def test_batch_statistics_can_be_shared_by_gpus_alone(recipe, monkeypatch, gpus, devices, shared):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(gpus))
    recipe.batch_size = 2
    check_devices(recipe, devices)
    recipe.sync_batch_norm = True
    if shared:
        return check_devices(recipe, devices)
    with pytest.raises(ConfigError, match="sync_batch_norm: expected GPUs, got 2 processes on CPUs, each of which"):
        check_devices(recipe, devices)


@pytest.mark.parametrize("world_size, kind", [(1, torch.nn.BatchNorm2d), (2, torch.nn.SyncBatchNorm)])
def test_sync_batch_norm_replaces_every_batch_norm_and_keeps_the_weights(recipe, world_size, kind):
    recipe.sync_batch_norm = True
    model = build_model(recipe)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    changed = prepare_model(model, recipe, SimpleNamespace(world_size=world_size))
    norms = [m for m in changed.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    assert norms and {type(norm) for norm in norms} == {kind}
    assert list(changed.state_dict()) == list(before)
    assert all(torch.equal(value, before[name]) for name, value in changed.state_dict().items())


def test_a_run_that_continues_adds_to_its_logs(recipe):
    recipe.epochs = 1
    train(recipe)
    first = (recipe.run_dir / "log.csv").read_text()
    recipe.epochs = 3
    train(recipe)
    assert (recipe.run_dir / "log.csv").read_text().startswith(first)
    assert [row["epoch"] for row in rows(recipe)] == [1, 2, 3]
    events = sorted(recipe.run_dir.glob("events.*"))
    assert [path.suffix for path in events] == [".1", ".2", ".3"]
    assert all(b"train/loss" in path.read_bytes() and b"holdout/pck" in path.read_bytes() for path in events)


def test_a_loss_that_is_not_finite_names_place_and_images(recipe):
    recipe.losses = {"mse": float("inf")}
    with pytest.raises(TrainingDiverged, match=r"epoch 1, step 1: .*'mse': inf.* of \d.png, \d.png, \d.png"):
        train(recipe)


def test_two_processes_interrupted_save_and_go_on(recipe, tmp_path, repository):
    """SIGTERM to both, twice, as a scheduler and torchrun's agent send it."""
    recipe.name, recipe.epochs = "recipe", 10_000
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump(dataclasses.asdict(recipe)))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(repository)}
    command = [sys.executable, "-m", "pose_estimation_ros", "train", str(file), "devices=2", "batch_size=6"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)
    next(line for line in process.stdout if line.startswith("epoch 1"))
    for _ in range(2):
        os.killpg(process.pid, signal.SIGTERM)
    rest = process.stdout.read()
    assert process.wait(120) == 130 and "the same command goes on from there" in rest
    saved = load_checkpoint(recipe.run_dir / "last.ckpt")
    assert saved["epoch"] >= 1
    subprocess.run([*command, f"epochs={saved['epoch'] + 1}"], check=True, env=environment)
    assert load_checkpoint(recipe.run_dir / "last.ckpt")["epoch"] == saved["epoch"] + 1


def test_a_missing_image_is_named_with_its_annotation(recipe, tmp_path):
    bad = [dataclasses.replace(recipe.train[0], images=str(tmp_path))]
    with pytest.raises(DataError, match=r"^[^\n]*\d.png[^\n]*annotation \d of person_keypoints.json\)$"):
        train(dataclasses.replace(recipe, train=bad, workers=1))


def test_a_row_keeps_the_columns_of_the_file(tmp_path):
    for row in ({"epoch": 1, "gpu_gib": 2.5, "loss": 3}, {"epoch": 2, "loss": 4, "new": 5}):
        append_row(tmp_path / "log.csv", row)
    assert (tmp_path / "log.csv").read_text().split() == ["epoch,gpu_gib,loss", "1,2.5,3", "2,,4"]


def test_resume_refuses_another_recipe(recipe):
    recipe.epochs = 1
    train(recipe)
    with pytest.raises(ConfigError, match="other values of .'lr'"):
        train(dataclasses.replace(recipe, lr=0.5))


def test_resume_refuses_data_that_have_changed(recipe, dots, tmp_path):
    content = json.loads((dots / "person_keypoints.json").read_text())
    recipe.train = recipe.holdout = [Source(str(tmp_path / "a.json"), str(dots / "images"))]
    (tmp_path / "a.json").write_text(json.dumps(content))
    recipe.epochs = 1
    train(recipe)
    recipe.epochs = 2
    content["annotations"].append({**content["annotations"][0], "id": 50})
    (tmp_path / "a.json").write_text(json.dumps(content))
    grown = r"number of holdout samples \(was 6, is 7\), number of train samples \(was 6, is 7\); bring the data back"
    with pytest.raises(ConfigError, match=r"other data: content of .*a.json \(was \w{12}, is \w{12}\), " + grown):
        train(recipe)
    del content["annotations"][-1]
    (tmp_path / "a.json").write_text(json.dumps(content))
    assert train(recipe) and len(rows(recipe)) == 2


@pytest.mark.parametrize("spoil", ["weights", "scores"])
def test_a_divergence_in_the_last_step_is_not_best(recipe, monkeypatch, spoil):
    """The loss of the last step is finite; what the step makes of the weights is not."""
    recipe.epochs = 1
    plain = torch.optim.AdamW.step

    def step(self, *args, **kwargs):
        plain(self, *args, **kwargs)
        step.count += 1
        if step.count == 2:
            self.param_groups[0]["params"][0].data.fill_(float("inf"))

    step.count = 0
    if spoil == "weights":
        monkeypatch.setattr(torch.optim.AdamW, "step", step)
        message = "epoch 1, step 2: expected finite weights, got .* the first: "
    else:
        scores = {"loss": float("nan"), "pck": 0.0}
        monkeypatch.setattr("pose_estimation_ros.training.loop.Means.result", lambda self: scores)
        message = "epoch 1: expected finite scores on the holdout set, got {'loss': nan}"
    with pytest.raises(TrainingDiverged, match=message):
        train(recipe)
    assert not list(recipe.run_dir.glob("*.ckpt"))


@pytest.mark.parametrize("suffix", ["ckpt", "onnx"])
def test_a_teacher_supplies_heatmaps(recipe, checkpoint, tmp_path, suffix):
    teacher = checkpoint if suffix == "ckpt" else export(checkpoint, tmp_path / "models")[0]
    losses = {"mse": 0.8, "teacher_mse": 0.2, "teacher_kl": 1}
    student = dataclasses.replace(recipe, epochs=1, teacher=str(teacher), losses=losses)
    train(student)
    (row,) = rows(student)
    assert row["train_teacher_mse"] > 0 and row["train_teacher_kl"] > 0 and row["holdout_teacher_kl"] > 0


def test_a_teacher_of_another_size_is_refused(recipe, checkpoint, tmp_path):
    path, _ = export(checkpoint, tmp_path / "models")
    larger = dataclasses.replace(recipe, teacher=str(path), losses={"teacher_mse": 1.0}, input_size_wh=[64, 64])
    with pytest.raises(ConfigError, match=r"expected an input .*64, 64.*, got \(None, 3, 32, 32\)"):
        train(larger)


def test_a_teacher_of_other_keypoints_is_refused(recipe, tmp_path):
    other = get_skeleton("ap10k")  # as many as coco17 has
    fields = dataclasses.asdict(dataclasses.replace(recipe, skeleton=other.to_json()))
    save_checkpoint(tmp_path / "ap10k.ckpt", model=build_model(recipe).state_dict(), recipe=fields, epoch=1)
    student = dataclasses.replace(recipe, teacher=str(tmp_path / "ap10k.ckpt"), losses={"teacher_mse": 1.0})
    with pytest.raises(ConfigError, match="ap10k.ckpt: expected the keypoints of coco17, got those of ap10k"):
        train(student)


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"model": "resnet"}, "model out of .*elpn_v1, .* got 'resnet'"),
        ({"model_options": {"wings": 2}}, "elpn_v1 with model_options .*wings"),
        ({"task": "dance"}, "task out of top_down, .* got 'dance'"),
        ({"losses": {"l1": 1.0}}, "loss out of mse, .* got 'l1'"),
        ({"skeleton": "horse"}, "skeleton out of .* got 'horse'"),
        ({"batch_size": 5, "accumulate": 2}, "1 devices x 2 accumulated parts share evenly, got 5"),
    ],
)
def test_refused(recipe, fields, message):
    with pytest.raises(ConfigError, match=message):
        train(dataclasses.replace(recipe, **fields))


def test_a_best_checkpoint_that_no_run_can_go_on_from_is_not_replaced(recipe):
    recipe.run_dir.mkdir(parents=True)
    (recipe.run_dir / "best.ckpt").write_bytes(b"imported")
    with pytest.raises(ConfigError, match="expected last.ckpt beside .*best.ckpt, .* got none; choose another name="):
        train(recipe)
    assert [(file.name, file.read_bytes()) for file in recipe.run_dir.iterdir()] == [("best.ckpt", b"imported")]


def test_a_checkpoint_that_cannot_grow_is_named(recipe, checkpoint):
    other = dataclasses.replace(recipe, model="goatpose_bl", model_options={}, grow_from=str(checkpoint))
    with pytest.raises(ModelError, match="dots/best.ckpt: .*smaller network"):
        train(other)


def test_lr_schedules():
    steps = Recipe(lr=1, epochs=10, milestones=[4, 8], warmup_steps=2)
    assert [lr_factor(steps, s, 10) for s in (0, 1, 2, 39, 40, 80)] == pytest.approx([0.5, 1, 1, 1, 0.1, 0.01])
    goatpose = Recipe(lr=1, epochs=10, milestones=[4, 8], lr_decay=0.4)
    assert [lr_factor(goatpose, s, 10) for s in (39, 40, 80)] == pytest.approx([1, 0.4, 0.16])
    cosine = Recipe(lr=1, epochs=10, milestones=[])
    assert [lr_factor(cosine, s, 10) for s in (0, 50, 100)] == pytest.approx([1, 0.5, 0])


def test_a_bottom_up_model_trains_exports_and_is_evaluated(recipe, tmp_path, dots):
    losses = {"weighted_mse": 1.0, "pull": 1e-3, "push": 1e-3}
    network = {"model": "wlitepose_xs", "model_options": {}, "input_size_wh": [64, 64], "sigma": 2.0}
    bottom_up = dataclasses.replace(recipe, task="bottom_up", losses=losses, epochs=1, **network)
    checkpoint, out = train(bottom_up), tmp_path / "out"
    (row,) = rows(bottom_up)
    assert {"train_weighted_mse", "train_pull", "holdout_push", "holdout_pck"} < set(row)
    argv = ["evaluate", "--model", str(checkpoint), "--data", str(dots), "--out", str(out), "--protocol", "litepose"]
    assert main(argv) == 0
    figures = json.loads((out / f"dots_{checkpoint.stem}.json").read_text())
    assert figures["input"] == "short side 64 px, sides multiples of 64" and figures["flip"]
    model = out / "exported" / f"dots_{checkpoint.stem}.onnx"
    figures, _ = accuracy_of_pose_model(find_model(str(model)), open_benchmark(dots))
    assert figures["images"] == 6 and 0 <= figures["AP"] <= 100 and "bottom-up" in figures["boxes"]
    with pytest.raises(DataError, match="finds people by itself: expected no boxes"):
        accuracy_of_pose_model(find_model(str(model)), open_benchmark(dots), "boxes.json")


@pytest.mark.parametrize(
    "gpus, cores, wanted, count", [(0, 4, 1, 1), (0, 4, 4, 4), (0, 4, -1, 1), (2, 4, -1, 2), (2, 4, 2, 2)]
)
def test_devices_that_are_there(monkeypatch, gpus, cores, wanted, count):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    assert device_count(wanted) == count


@pytest.mark.parametrize("gpus, cores, wanted", [(0, 4, 99), (2, 4, 3)])
def test_more_devices_than_there_are_start_no_process(monkeypatch, gpus, cores, wanted):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    with pytest.raises(
        ConfigError, match=f"devices: expected at most the {gpus or cores} of this machine, got {wanted}"
    ):
        device_count(wanted)


def test_two_trainings_do_not_write_into_one_folder(recipe):
    recipe.run_dir.mkdir(parents=True)
    with only_writer(recipe.run_dir), pytest.raises(ConfigError, match="into which no other training writes"):
        train(recipe)
    assert not (recipe.run_dir / "last.ckpt").exists()
    with only_writer(recipe.run_dir):
        pass  # the lock ended with its training


def test_a_folder_that_cannot_be_written_is_told_before_the_training(recipe, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    recipe.out_dir = str(tmp_path / "file")
    monkeypatch.setattr("pose_estimation_ros.training.train.build_task", lambda _: pytest.fail("the data were read"))
    with pytest.raises(DataError, match="expected a folder to write to, got .*file"):
        train(recipe)
