"""The loop: two functions over named dicts of tensors, the same for every model and task."""

from __future__ import annotations

import math
from typing import Callable, Iterable, Mapping

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from pose_estimation_ros.core.errors import PoseError

Named = dict[str, Tensor]
Loss = Callable[[Named, Named], Named]


class TrainingDiverged(PoseError):
    """The loss is not finite any more. indices: of the batch's samples in the data set."""

    def __init__(self, message: str, indices: list[int]) -> None:
        super().__init__(message)
        self.indices = indices


class Means:
    """Running means of named numbers, weighted by the batch size."""

    def __init__(self) -> None:
        self.sums: dict[str, float] = {}
        self.count = 0

    def add(self, values: Mapping[str, Tensor | float], size: int) -> None:
        for name, value in values.items():
            number = float(value.detach() if isinstance(value, Tensor) else value)
            self.sums[name] = self.sums.get(name, 0.0) + number * size
        self.count += size

    def result(self) -> dict[str, float]:
        return {name: total / max(self.count, 1) for name, total in self.sums.items()}

    def over_processes(self, fabric: Fabric) -> dict[str, float]:
        """The means over the batches of all processes."""
        sums = torch.tensor([self.count, *self.sums.values()], dtype=torch.float64, device=fabric.device)
        count, *totals = fabric.all_reduce(sums, reduce_op="sum").tolist()  # type: ignore[union-attr]
        return {name: total / max(count, 1) for name, total in zip(self.sums, totals)}


def train_one_epoch(
    fabric: Fabric,
    model: nn.Module,
    steps: Iterable[list[Named]],
    loss: Loss,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    means: Means,
    clip_norm: float = 0.0,
) -> None:
    """One pass over the steps, each a list of batches whose gradients are accumulated for one optimizer step.

    Args: steps: of batches, dicts with "image" (N, 3, h, w), "index" (N,) and named targets; loss: (outputs, batch) ->
    named weighted terms, whose sum is minimised; means: gets each term and their "loss"; clip_norm: largest gradient
    norm, 0 = off. Raises TrainingDiverged in all processes, before the step that would spoil the weights.
    """
    model.train()
    for batches in steps:
        optimizer.zero_grad()
        for number, batch in enumerate(batches, 1):
            with fabric.no_backward_sync(model, enabled=number < len(batches)):  # type: ignore[arg-type]
                terms = loss(model(image_of(batch, model)), batch)
                total = sum(terms.values(), torch.zeros((), device=fabric.device))
                means.add({**terms, "loss": total}, len(batch["image"]))
                require_finite(fabric, total, terms, batch)
                fabric.backward(total / len(batches))
        if clip_norm:
            fabric.clip_gradients(model, optimizer, max_norm=clip_norm)
        optimizer.step()
        schedule.step()


def require_finite(fabric: Fabric, total: Tensor, terms: Named, batch: Named) -> None:
    """Raises in every process when one has a loss that is not finite: one alone would leave the others waiting."""
    if math.isfinite(fabric.all_reduce(total.detach(), reduce_op="sum").item()):  # type: ignore[union-attr]
        return
    parts = {name: value.item() for name, value in terms.items()}
    indices = batch["index"].tolist()
    raise TrainingDiverged(f"expected a finite loss, got {parts} on the samples {indices}", indices)


@torch.no_grad()
def evaluate(
    model: nn.Module, batches: Iterable[Named], loss: Loss, metrics: Callable[[Named, Named], dict[str, float]]
) -> Means:
    """Means over the batches of the loss terms, their "loss", and ``metrics(outputs, batch)``."""
    model.eval()
    means = Means()
    for batch in batches:
        outputs = model(image_of(batch, model))
        terms = loss(outputs, batch)
        total = sum(terms.values(), torch.zeros(()))
        means.add({**terms, "loss": total, **metrics(outputs, batch)}, len(batch["image"]))
    return means


def image_of(batch: Named, model: nn.Module) -> Tensor:
    """The images in the memory format of the model's own weights: a mix costs a copy at every layer."""
    weight = next(p for p in model.parameters() if p.dim() == 4)
    channels_last = weight.is_contiguous(memory_format=torch.channels_last) and not weight.is_contiguous()
    return batch["image"].to(memory_format=torch.channels_last if channels_last else torch.contiguous_format)
