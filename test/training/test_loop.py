"""The two loop functions on a network of one weight, whose steps can be computed by hand."""

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from pose_estimation_ros.training.loop import Means, TrainingDiverged, evaluate, train_one_epoch


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


def batch(*values):
    x = torch.tensor(values)
    return {"image": x[:, None, None, None], "y": 3 * x, "index": torch.arange(len(values)) + 7}


class Trainer:
    def __init__(self):
        self.fabric, model = Fabric(accelerator="cpu", devices=1), Line()
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
        self.model, self.optimizer = self.fabric.setup(model, optimizer)

    def __call__(self, steps, **options):
        means = Means()
        train_one_epoch(self.fabric, self.model, steps, squared, self.optimizer, self.schedule, means, **options)
        return means.result()

    @property
    def weight(self):
        return self.model.conv.weight.item()


def test_no_steps():
    trainer = Trainer()
    assert trainer([]) == {}
    assert evaluate(trainer.model, [], squared, lambda *_: {}).result() == {}


def test_learns_and_reports_means():
    trainer = Trainer()
    assert trainer([[batch(1.0)]]) == {"squared": 9.0, "loss": 9.0}
    assert trainer.weight == pytest.approx(0.6)  # 0 + 0.1 * 2 * 3
    for _ in range(40):
        trainer([[batch(1.0)], [batch(-1.0)]])
    scores = evaluate(trainer.model, [batch(2.0)], squared, lambda outputs, batch: {"answer": (42.0, 1)}).result()
    assert scores["loss"] < 1e-6 and scores["answer"] == 42


def test_accumulated_batches_make_the_step_of_one_batch():
    whole, parts = Trainer(), Trainer()
    assert whole([[batch(1.0, 2.0)]]) == parts([[batch(1.0), batch(2.0)]])
    assert whole.weight == pytest.approx(parts.weight) and whole.schedule.last_epoch == parts.schedule.last_epoch == 1


def test_a_loss_that_is_not_finite_stops_before_the_step_and_names_samples():
    trainer = Trainer()
    with pytest.raises(TrainingDiverged, match=r"squared.*nan.* samples \[7, 8\]"):
        trainer([[batch(1.0, float("nan"))]])
    assert trainer.weight == 0


def test_gradient_is_clipped():
    trainer = Trainer()
    trainer([[batch(1.0)]], clip_norm=0.5)
    assert trainer.weight == pytest.approx(0.05, rel=1e-3)


def test_means_weigh_by_batch_size():
    means = Means()
    means.add({"a": 1.0}, 3)
    means.add({"a": torch.tensor(5.0)}, 1)
    means.add({"b": 7.0}, 0)
    assert means.result() == {"a": np.mean([1, 1, 1, 5]), "b": 0}
    assert means.over_processes(Fabric(accelerator="cpu", devices=1)).sums == means.sums


@pytest.mark.parametrize("size", [1, 2, 4])
def test_a_ratio_does_not_depend_on_how_the_set_is_cut(size):
    hits = torch.tensor([1.0, 0, 0, 1])
    batches = [{**batch(*hits[n : n + size].tolist()), "y": hits[n : n + size]} for n in range(0, 4, size)]

    def of_the_hits(outputs, found):  # of the labelled ones, here those that are 1
        return {"ratio": (1.0 if found["y"].any() else 0.0, found["y"].sum().item())}

    assert evaluate(Trainer().model, batches, squared, of_the_hits).result()["ratio"] == 1.0
