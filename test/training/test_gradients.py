"""Norms of the terms' gradients, on a network of one weight by hand and in runs of `pose train`.

That two processes have those of one with the same batch, test_train.py tests.
"""

import csv
import dataclasses

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from pose_estimation_ros.training.checkpoint import load_checkpoint
from pose_estimation_ros.training.gradients import gradient_norms, measured_steps
from pose_estimation_ros.training.loop import Means
from pose_estimation_ros.training.train import train


class Line(nn.Module):
    """y = a norm(x) + b per image; b is frozen."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.drop = nn.Conv2d(1, 1, 1, bias=False), nn.BatchNorm2d(1), nn.Dropout(0.5)
        nn.init.constant_(self.conv.weight, 2.0)
        self.norm.weight.requires_grad_(False)
        self.norm.bias.requires_grad_(False)

    def forward(self, image):
        return {"y": self.conv(image).flatten(), "noise": self.drop(self.norm(image))}


def batch(*values):
    x = torch.tensor(values)
    return {"image": x[:, None, None, None], "index": torch.arange(len(values))}


def terms(outputs, batch):
    return {"mean": outputs["y"].mean(), "square": 5 * outputs["y"].square().mean(), "still": torch.zeros(())}


@pytest.fixture
def fabric_and_model():
    fabric = Fabric(accelerator="cpu", devices=1)
    return fabric, fabric.setup(Line(), torch.optim.SGD(Line().parameters(), 0.1), move_to_device=False)[0]


@pytest.mark.parametrize(
    "parts, mean, square",
    [
        ([batch(3.0)], 3, 5 * 2 * 2 * 9),  # d/da a x = x; d/da 5 (a x)^2 = 10 a x^2
        ([batch(1.0, 3.0)], 2, 5 * 2 * 2 * 5),
        ([batch(1.0), batch(3.0)], 2, 5 * 2 * 2 * 5),  # accumulated: as if in one batch
        ([batch(1.0, -1.0)], 0, 5 * 2 * 2),
    ],
)
def test_norms_by_hand(fabric_and_model, parts, mean, square):
    parts = [{**part, "image": part["image"].repeat(1, 1, 2, 2)} for part in parts]
    assert gradient_norms(*fabric_and_model, parts, terms) == pytest.approx(
        {"mean": mean, "square": square, "still": 0}
    )


def test_no_steps_have_no_norms(fabric_and_model):
    means = Means()
    assert list(measured_steps([], *fabric_and_model, terms, means)) == [] and means.result() == {}


def test_the_first_step_is_measured_and_nothing_else_changes(fabric_and_model):
    fabric, model = fabric_and_model
    before, random = {k: v.clone() for k, v in model.state_dict().items()}, torch.get_rng_state()
    steps, means = [[batch(3.0, 1.0)], [batch(9.0, 2.0)]], Means()
    assert list(measured_steps(steps, fabric, model, terms, means)) == steps
    assert means.result()["gradient_mean"] == 2
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random) and all(p.grad is None for p in model.parameters())


def log(recipe):
    with (recipe.run_dir / "log.csv").open() as file:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "bf16-true"])
@pytest.mark.parametrize("losses", [{"mse": 1.0}, {"mse": 0.5, "cross_entropy": 1e-3}])
def test_a_run_logs_a_norm_of_every_term_and_learns_the_same(recipe, tmp_path, precision, losses):
    recipe = dataclasses.replace(recipe, precision=precision, losses=losses, epochs=2)
    plain, logged = (
        dataclasses.replace(recipe, out_dir=str(tmp_path / str(on)), log_gradients=on) for on in (False, True)
    )
    train(plain), train(logged)
    found, expected = (load_checkpoint(r.run_dir / "last.ckpt")["model"] for r in (logged, plain))
    assert all(torch.equal(value, found[name]) for name, value in expected.items())
    norms = {f"gradient_{name}" for name in losses}
    for row, bare in zip(log(logged), log(plain)):
        assert set(row) - set(bare) == norms and all(0 < row[name] < 1e4 for name in norms)
    half = dataclasses.replace(logged, losses={k: 0.5 * v for k, v in losses.items()}, out_dir=str(tmp_path / "half"))
    train(half)
    for name in norms:
        assert log(half)[0][name] == pytest.approx(0.5 * log(logged)[0][name], rel=1e-4), "of the weighted term"
