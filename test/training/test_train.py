"""`pose train` end to end on the dots: learns, resumes, refuses."""

import csv
import dataclasses

import pytest
import torch

from pose_estimation_ros.core.errors import ConfigError, DataError, ModelError
from pose_estimation_ros.training.checkpoint import load_checkpoint, load_weights, save_checkpoint
from pose_estimation_ros.training.config import Recipe
from pose_estimation_ros.training.tasks import build_model, heatmap_metrics
from pose_estimation_ros.training.train import epoch_indices, lr_factor, train


def rows(recipe):
    with (recipe.run_dir / "log.csv").open() as file:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]


def test_loss_falls_and_files_are_there(recipe):
    recipe.epochs, recipe.augmentation.color, recipe.losses = 6, 0.0, {"cross_entropy": 1.0}
    best = train(recipe)
    log = rows(recipe)
    assert [row["epoch"] for row in log] == [1, 2, 3, 4, 5, 6]
    assert log[-1]["train_loss"] < log[0]["train_loss"]
    assert best.exists() and (recipe.run_dir / "recipe.yaml").exists()
    assert load_checkpoint(best)["recipe"] == dataclasses.asdict(recipe)


def test_interrupted_run_ends_like_an_uninterrupted_one(recipe, tmp_path):
    recipe.epochs = 3
    whole = dataclasses.replace(recipe, out_dir=str(tmp_path / "whole"))
    train(whole)
    cut = dataclasses.replace(recipe, out_dir=str(tmp_path / "cut"), milestones=[])
    stop_after(cut, 1)
    train(cut)
    expected, found = (load_checkpoint(r.run_dir / "last.ckpt") for r in (whole, cut))
    assert found["epoch"] == 3
    for name, value in expected["model"].items():
        torch.testing.assert_close(found["model"][name], value, msg=name)


def stop_after(recipe, epochs):
    """Interrupts a run with Ctrl-C's exception at the start of the epoch after."""
    from pose_estimation_ros.training import train as module

    plain, calls = module.train_one_epoch, []

    def interrupted(*args):
        calls.append(1)
        if len(calls) > epochs:
            raise KeyboardInterrupt
        return plain(*args)

    module.train_one_epoch = interrupted
    try:
        with pytest.raises(KeyboardInterrupt):
            train(recipe)
    finally:
        module.train_one_epoch = plain


def test_resume_refuses_another_recipe(recipe):
    recipe.epochs = 1
    train(recipe)
    with pytest.raises(ConfigError, match="other values of .'lr'"):
        train(dataclasses.replace(recipe, lr=0.5))


def test_init_from(recipe, tmp_path):
    recipe.epochs = 1
    first = train(recipe)
    model = build_model(recipe)
    load_weights(model, first)
    weights = load_checkpoint(first)["model"]
    assert all(torch.equal(v, weights[k]) for k, v in model.state_dict().items())
    with pytest.raises(ModelError, match="does not fit"):
        load_weights(build_model(dataclasses.replace(recipe, model="elpn_v2")), first)


def test_checkpoint_faults(tmp_path):
    with pytest.raises(DataError, match="cannot read checkpoint"):
        load_checkpoint(tmp_path / "none.ckpt")
    (tmp_path / "bad.ckpt").write_bytes(b"garbage")
    with pytest.raises(DataError, match="bad.ckpt"):
        load_checkpoint(tmp_path / "bad.ckpt")


def test_checkpoint_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "run" / "last.ckpt"
    save_checkpoint(path, epoch=1)
    with pytest.raises(Exception, match="pickle"):
        save_checkpoint(path, epoch=lambda: 2)
    assert load_checkpoint(path) == {"epoch": 1}


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"model": "resnet"}, "model out of elpn_v1, .* got 'resnet'"),
        ({"task": "dance"}, "task out of top_down, .* got 'dance'"),
        ({"losses": {"l1": 1.0}}, "loss out of mse, .* got 'l1'"),
        ({"skeleton": "horse"}, "skeleton out of .* got 'horse'"),
    ],
)
def test_unknown_names(recipe, fields, message):
    with pytest.raises(ConfigError, match=message):
        train(dataclasses.replace(recipe, **fields))


def test_lr_schedules():
    steps = Recipe(lr=1, epochs=10, milestones=[4, 8], warmup_steps=2)
    assert [lr_factor(steps, s, 10) for s in (0, 1, 2, 39, 40, 80)] == pytest.approx([0.5, 1, 1, 1, 0.1, 0.01])
    cosine = Recipe(lr=1, epochs=10, milestones=[])
    assert [lr_factor(cosine, s, 10) for s in (0, 50, 100)] == pytest.approx([1, 0.5, 0])


class Rank:
    world_size = 2

    def __init__(self, rank):
        self.global_rank = rank


class Ten:
    train_set = range(10)


@pytest.mark.parametrize("samples, expected", [(0, 10), (4, 4), (25, 24)])
def test_processes_share_the_epoch_without_overlap(samples, expected):
    shares = []
    for rank in range(2):
        torch.manual_seed(0)
        shares.append(epoch_indices(Rank(rank), Recipe(epoch_samples=samples), Ten()))
    assert len(shares[0]) == len(shares[1]) == expected // 2
    if expected <= 10:
        assert len(set(shares[0]) | set(shares[1])) == expected


def test_pck_by_hand():
    heatmaps = torch.zeros(1, 2, 40, 40)
    heatmaps[0, 0, 10, 10] = heatmaps[0, 1, 30, 30] = 1.0
    batch = {"xy": torch.tensor([[[10.0, 11.0], [10.0, 10.0]]]), "weight": torch.tensor([[1.0, 1.0]])}
    assert heatmap_metrics({"heatmaps": heatmaps}, batch) == {"pck": 0.5}
    assert heatmap_metrics({"heatmaps": heatmaps}, {**batch, "weight": torch.zeros(1, 2)}) == {"pck": 0.0}
