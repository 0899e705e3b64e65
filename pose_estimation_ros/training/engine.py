"""The loop: two functions over named dicts of tensors, the same for every model and task."""

from __future__ import annotations

import math
from typing import Callable, Iterable

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from pose_estimation_ros.core.errors import PoseError

Named = dict[str, Tensor]
Loss = Callable[[Named, Named], Named]


class TrainingDiverged(PoseError):
    """The loss is not finite any more."""


def train_one_epoch(
    fabric: Fabric,
    model: nn.Module,
    batches: Iterable[Named],
    loss: Loss,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    clip_norm: float = 0.0,
) -> dict[str, float]:
    """One pass over the batches, a step of optimizer and schedule per batch.

    Args: batches: dicts with "image" (N, 3, h, w) and named targets; loss: (outputs, batch) -> named weighted terms,
    whose sum is minimised; clip_norm: largest gradient norm, 0 = off. Returns the mean of each term and their "loss".
    Raises TrainingDiverged naming the terms, before the step that would spoil the weights.
    """
    model.train()
    means = Means()
    for batch in batches:
        terms = loss(model(image_of(batch, model)), batch)
        total = sum(terms.values(), torch.zeros(()))
        means.add({**terms, "loss": total}, len(batch["image"]))
        if not math.isfinite(total.item()):
            raise TrainingDiverged(f"expected a finite loss, got { ({k: v.item() for k, v in terms.items()}) }")
        optimizer.zero_grad()
        fabric.backward(total)
        if clip_norm:
            fabric.clip_gradients(model, optimizer, max_norm=clip_norm)
        optimizer.step()
        schedule.step()
    return means.result()


@torch.no_grad()
def evaluate(
    model: nn.Module, batches: Iterable[Named], loss: Loss, metrics: Callable[[Named, Named], dict[str, float]]
) -> dict[str, float]:
    """Means over the batches of the loss terms, their "loss", and ``metrics(outputs, batch)``."""
    model.eval()
    means = Means()
    for batch in batches:
        outputs = model(image_of(batch, model))
        terms = loss(outputs, batch)
        total = sum(terms.values(), torch.zeros(()))
        means.add({**terms, "loss": total, **metrics(outputs, batch)}, len(batch["image"]))
    return means.result()


def image_of(batch: Named, model: nn.Module) -> Tensor:
    """The images in the memory format of the model's own weights: a mix costs a copy at every layer."""
    weight = next(p for p in model.parameters() if p.dim() == 4)
    channels_last = weight.is_contiguous(memory_format=torch.channels_last) and not weight.is_contiguous()
    return batch["image"].to(memory_format=torch.channels_last if channels_last else torch.contiguous_format)


class Means:
    """Running means of named numbers, weighted by the batch size."""

    def __init__(self) -> None:
        self.sums: dict[str, float] = {}
        self.count = 0

    def add(self, values: dict[str, Tensor | float], size: int) -> None:
        for name, value in values.items():
            self.sums[name] = (
                self.sums.get(name, 0.0) + float(value.detach() if isinstance(value, Tensor) else value) * size
            )
        self.count += size

    def result(self) -> dict[str, float]:
        return {name: total / max(self.count, 1) for name, total in self.sums.items()}
