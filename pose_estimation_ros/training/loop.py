"""Train and evaluate for one epoch: two functions over named dicts of tensors, for every model and task."""

from __future__ import annotations

import math
from typing import Callable, Iterable, Mapping, Sequence

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from pose_estimation_ros.core.errors import PoseError

Named = dict[str, Tensor]
Loss = Callable[[Named, Named], Named]
Metrics = dict[str, tuple[float, float]]  # name -> value, and the number of joints or persons that it is the mean of


class TrainingDiverged(PoseError):
    """Report that loss, weights or scores are not finite.

    Attributes:
        indices: the batch's samples, by their places in the data set.
    """

    def __init__(self, message: str, indices: Sequence[int] = ()) -> None:
        super().__init__(message)
        self.indices = list(indices)


class Means:
    """Keep running means of named numbers.

    Attributes:
        sums: name -> (weighted sum, sum of weights).
    """

    def __init__(self, sums: Mapping[str, tuple[float, float]] | None = None) -> None:
        self.sums = dict(sums or {})

    def add(self, values: Mapping[str, Tensor | float], weight: float) -> None:
        """Add values that are means over ``weight`` samples, joints or persons.

        Args:
            values: means by name.
            weight: number of samples, joints or persons.
        """
        for name, value in values.items():
            number = float(value.detach() if isinstance(value, Tensor) else value)
            total, weights = self.sums.get(name, (0.0, 0.0))
            self.sums[name] = total + number * weight, weights + weight

    def result(self) -> dict[str, float]:
        """Return the means, 0 where nothing was added."""
        return {name: total / weights if weights else 0.0 for name, (total, weights) in self.sums.items()}

    def over_processes(self, fabric: Fabric) -> Means:
        """Return the means over all processes, which must have the same names."""
        names = sorted(self.sums)
        sums = torch.tensor([self.sums[name] for name in names], dtype=torch.float64, device=fabric.device)
        totals = fabric.all_reduce(sums, reduce_op="sum").tolist()  # type: ignore[union-attr]
        return Means({name: tuple(pair) for name, pair in zip(names, totals)})


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
    """Train on all steps, each a list of batches whose gradients are accumulated for one optimizer step.

    Args:
        fabric: started on the devices.
        model: set up by fabric.
        steps: lists of batches, dicts with "image" (N, 3, h, w), "index" (N,) and named targets.
        loss: (outputs, batch) -> named weighted terms, whose sum is minimised.
        optimizer: set up by fabric.
        schedule: schedule of the learning rate, advanced after each optimizer step.
        means: gets each term of the loss and their sum, "loss".
        clip_norm: largest norm of the gradient; 0 = off.

    Raises:
        TrainingDiverged: the loss is not finite; in all processes, before the step that would spoil the weights.
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
    """Raise TrainingDiverged in every process when one of them has a loss that is not finite.

    An error in one alone would leave the others waiting.

    Args:
        fabric: started on the devices.
        total: this process's loss.
        terms: its parts, for the message.
        batch: its samples, for the message.

    Raises:
        TrainingDiverged: it names the samples in the process that has them.
    """
    if math.isfinite(fabric.all_reduce(total.detach(), reduce_op="sum").item()):  # type: ignore[union-attr]
        return
    if math.isfinite(total.item()):
        raise TrainingDiverged(
            "expected a finite loss, got another one in a different process, which names the samples", []
        )
    parts = {name: value.item() for name, value in terms.items()}
    indices = batch["index"].tolist()
    raise TrainingDiverged(f"expected a finite loss, got {parts} on the samples {indices}", indices)


def require_finite_weights(fabric: Fabric, model: nn.Module) -> None:
    """Raise TrainingDiverged in every process when one of them has weights or statistics that are not finite.

    After the last step of an epoch there is no loss in which this would show.

    Args:
        fabric: Fabric of the run.
        model: the model.
    """
    tensors = [(name, t) for name, t in model.state_dict().items() if t.is_floating_point()]
    not_finite = [name for name, tensor in tensors if not torch.isfinite(tensor).all()]
    count = fabric.all_reduce(torch.tensor(float(len(not_finite)), device=fabric.device), reduce_op="sum")
    if count.item():  # type: ignore[union-attr]
        first = f", the first: {not_finite[0]}" if not_finite else ""
        raise TrainingDiverged(f"expected finite weights, got {len(not_finite)} of {len(tensors)} that are not{first}")


def require_finite_scores(scores: Mapping[str, float], epoch: int) -> None:
    """Raise TrainingDiverged where a score on the holdout set is not finite; all processes have the same scores.

    Args:
        scores: by name, the loss among them.
        epoch: number of the epoch, for the message.
    """
    not_finite = {name: value for name, value in scores.items() if not math.isfinite(value)}
    if not_finite:
        raise TrainingDiverged(f"epoch {epoch}: expected finite scores on the holdout set, got {not_finite}")


@torch.no_grad()
def evaluate(
    model: nn.Module, batches: Iterable[Named], loss: Loss, metrics: Callable[[Named, Named], Metrics]
) -> Means:
    """Return the means of loss terms and metrics over the batches.

    Args:
        model: set up by fabric.
        batches: batches of the holdout set, as in train_one_epoch.
        loss: (outputs, batch) -> named weighted terms.
        metrics: (outputs, batch) -> named values with their weights.

    Returns:
        Means of the terms, their sum "loss" and the metrics.
    """
    model.eval()
    means = Means()
    for batch in batches:
        outputs = model(image_of(batch, model))
        terms = loss(outputs, batch)
        total = sum(terms.values(), torch.zeros(()))
        means.add({**terms, "loss": total}, len(batch["image"]))
        for name, (value, weight) in metrics(outputs, batch).items():
            means.add({name: value}, weight)
    return means


def image_of(batch: Named, model: nn.Module) -> Tensor:
    """Return the images in the memory format of the model's weights, because a mix costs a copy at every layer.

    Args:
        batch: the batch with "image".
        model: the model.
    """
    weight = next(p for p in model.parameters() if p.dim() == 4)
    channels_last = weight.is_contiguous(memory_format=torch.channels_last) and not weight.is_contiguous()
    return batch["image"].to(memory_format=torch.channels_last if channels_last else torch.contiguous_format)
