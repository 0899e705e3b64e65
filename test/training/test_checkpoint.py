"""Checkpoints: whole or not at all, and clear when they do not fit."""

import dataclasses

import pytest
import torch

from pose_estimation_ros.core.errors import DataError, ModelError
from pose_estimation_ros.training.checkpoint import load_checkpoint, load_weights, save_checkpoint
from pose_estimation_ros.training.tasks import build_model
from pose_estimation_ros.training.train import train


def test_weights_of_a_run(recipe):
    recipe.epochs = 1
    first = train(recipe)
    model = build_model(recipe)
    load_weights(model, first)
    weights = load_checkpoint(first)["model"]
    assert all(torch.equal(v, weights[k]) for k, v in model.state_dict().items())
    with pytest.raises(ModelError, match="does not fit"):
        load_weights(build_model(dataclasses.replace(recipe, model="elpn_v2")), first)


def test_faults(tmp_path):
    with pytest.raises(DataError, match="cannot read checkpoint"):
        load_checkpoint(tmp_path / "none.ckpt")
    (tmp_path / "bad.ckpt").write_bytes(b"garbage")
    with pytest.raises(DataError, match="bad.ckpt"):
        load_checkpoint(tmp_path / "bad.ckpt")


def test_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "run" / "last.ckpt"
    save_checkpoint(path, epoch=1)
    with pytest.raises(Exception, match="pickle"):
        save_checkpoint(path, epoch=lambda: 2)
    assert load_checkpoint(path) == {"epoch": 1}
