import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from pose_estimation_ros.training.engine import Means, TrainingDiverged, evaluate, train_one_epoch


class Line(nn.Module):
    """y = a x per image, a convolution with one weight."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 1, bias=False)
        nn.init.zeros_(self.conv.weight)

    def forward(self, image):
        return {"y": self.conv(image).flatten()}


def squared(outputs, batch):
    return {"squared": (outputs["y"] - batch["y"]).square().mean()}


def batches(values):
    return [{"image": torch.tensor([[[[x]]]]), "y": torch.tensor([3 * x])} for x in values]


def parts():
    model = Line()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    fabric = Fabric(accelerator="cpu", devices=1)
    model, optimizer = fabric.setup(model, optimizer)
    return fabric, model, optimizer, schedule


def test_learns_and_reports_means():
    fabric, model, optimizer, schedule = parts()
    first = train_one_epoch(fabric, model, batches([1.0]), squared, optimizer, schedule)
    assert first == {"squared": 9.0, "loss": 9.0}
    assert model.conv.weight.item() == pytest.approx(0.6)  # 0 + 0.1 * 2 * 3
    for _ in range(40):
        train_one_epoch(fabric, model, batches([1.0, -1.0]), squared, optimizer, schedule)
    scores = evaluate(model, batches([2.0]), squared, lambda outputs, batch: {"answer": 42.0})
    assert scores["loss"] < 1e-6 and scores["answer"] == 42


def test_no_batches():
    fabric, model, optimizer, schedule = parts()
    assert train_one_epoch(fabric, model, [], squared, optimizer, schedule) == {}
    assert evaluate(model, [], squared, lambda *_: {}) == {}


def test_a_loss_that_is_not_finite_stops_before_the_step():
    fabric, model, optimizer, schedule = parts()
    with pytest.raises(TrainingDiverged, match="squared.*nan"):
        train_one_epoch(fabric, model, batches([float("nan")]), squared, optimizer, schedule)
    assert model.conv.weight.item() == 0


def test_gradient_is_clipped():
    fabric, model, optimizer, schedule = parts()
    train_one_epoch(fabric, model, batches([1.0]), squared, optimizer, schedule, clip_norm=0.5)
    assert model.conv.weight.item() == pytest.approx(0.05, rel=1e-3)


def test_means_weigh_by_batch_size():
    means = Means()
    means.add({"a": 1.0}, 3)
    means.add({"a": torch.tensor(5.0)}, 1)
    assert means.result() == {"a": np.mean([1, 1, 1, 5])}
