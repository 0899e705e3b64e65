"""Checkpoints: whole or not at all, and clear when they do not fit."""

import dataclasses
import pickle
import zipfile

import pytest
import torch

from pose_estimation_ros.core.errors import DataError, ModelError
from pose_estimation_ros.training.checkpoint import load_checkpoint, load_weights, save_checkpoint
from pose_estimation_ros.training.tasks import build_model


def test_weights_of_a_run(recipe, checkpoint):
    model = build_model(recipe)
    load_weights(model, checkpoint)
    weights = load_checkpoint(checkpoint)["model"]
    assert all(torch.equal(v, weights[k]) for k, v in model.state_dict().items())
    with pytest.raises(ModelError, match="does not fit"):
        load_weights(build_model(dataclasses.replace(recipe, model_options={})), checkpoint)


def test_faults(tmp_path):
    with pytest.raises(DataError, match="cannot read checkpoint"):
        load_checkpoint(tmp_path / "none.ckpt")
    for content in (b"garbage", b"# README\n\nText", b"", b"PK\x03\x04 no zip", b"\x80\x02cos\nsystem\n."):
        (tmp_path / "bad.ckpt").write_bytes(content)
        with pytest.raises(DataError, match="bad.ckpt: expected a checkpoint, got a file that torch") as error:
            load_checkpoint(tmp_path / "bad.ckpt")
        assert len(str(error.value)) < 500 and "\n" not in str(error.value)


def test_a_small_file_that_fills_the_memory_is_not_unpacked(tmp_path):
    save_checkpoint(tmp_path / "a.ckpt", model={"x": torch.zeros(2**22)})
    load_checkpoint(tmp_path / "a.ckpt")
    with zipfile.ZipFile(tmp_path / "a.ckpt") as file, zipfile.ZipFile(tmp_path / "b.ckpt", "w", 8) as packed:
        for name in file.namelist():
            packed.writestr(name, file.read(name))
    torch.load(tmp_path / "b.ckpt", weights_only=True)  # torch itself unpacks it
    with pytest.raises(DataError, match=r"b.ckpt: expected a checkpoint as torch.save writes it, got \d+ bytes that"):
        load_checkpoint(tmp_path / "b.ckpt")


@pytest.mark.parametrize("content, lacking", [({"model": {}}, "recipe"), ({}, "model, recipe"), ([1], "its parts")])
def test_another_programs_file(tmp_path, content, lacking):
    torch.save(content, tmp_path / "a.ckpt")
    with pytest.raises(DataError, match=f"a.ckpt: expected a checkpoint with {lacking}, got one without"):
        load_checkpoint(tmp_path / "a.ckpt", "model", "recipe")


@pytest.mark.parametrize("weights", [[1], None, {"x": torch.zeros(1)}, {"x": "y"}])
def test_weights_of_another_shape(recipe, tmp_path, weights):
    torch.save({"model": weights}, tmp_path / "a.ckpt")
    with pytest.raises(ModelError, match="a.ckpt does not fit the model: ") as error:
        load_weights(build_model(recipe), tmp_path / "a.ckpt")
    assert "\n" not in str(error.value)


def test_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "run" / "last.ckpt"
    save_checkpoint(path, epoch=1)
    with pytest.raises((AttributeError, pickle.PicklingError), match="pickle|local object"):  # as the Python has it
        save_checkpoint(path, epoch=lambda: 2)
    assert load_checkpoint(path) == {"epoch": 1}
