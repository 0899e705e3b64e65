"""Measure how much each term of a loss weighs: the norms of the terms' gradients with regard to the weights."""

from __future__ import annotations

from typing import Iterable, Iterator, Sequence

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.func import functional_call

from pose_estimation_ros.training.loop import Loss, Means, Named, image_of

PREFIX = "gradient_"


def measured_steps(
    steps: Iterable[list[Named]], fabric: Fabric, model: nn.Module, loss: Loss, means: Means
) -> Iterator[list[Named]]:
    """Yield the steps of an epoch; add the norms of the terms' gradients in its first one, "gradient_<term>".

    Args:
        steps: lists of batches, as in train_one_epoch.
        fabric: started on the devices.
        model: set up by fabric.
        loss: (outputs, batch) -> named weighted terms.
        means: gets the norms.
    """
    for number, batches in enumerate(steps):
        if number == 0:
            norms = gradient_norms(fabric, model, batches, loss)
            means.add({PREFIX + name: norm for name, norm in norms.items()}, 1)
        yield batches


def gradient_norms(fabric: Fabric, model: nn.Module, batches: Sequence[Named], loss: Loss) -> dict[str, float]:
    """Return the norm of the gradient of each term, of one optimizer step over all devices and accumulated parts.

    The network runs once more for this, in the precision of its weights, so that no gradient is lost in the range of
    16-bit numbers. Its batch statistics and the random numbers stay as they are: the training goes on as without.

    Args:
        fabric: started on the devices.
        model: set up by fabric.
        batches: parts of the step.
        loss: (outputs, batch) -> named weighted terms.

    Returns:
        The norms by the names of the terms.
    """
    module: nn.Module = model.module  # type: ignore[assignment]
    weights = [weight for weight in module.parameters() if weight.requires_grad]
    totals: dict[str, Tensor] = {}
    module.train()
    with torch.random.fork_rng([fabric.device] if fabric.device.type == "cuda" else []):
        for batch in batches:
            for name, gradient in term_gradients(module, weights, batch, loss).items():
                totals[name] = totals.get(name, 0) + gradient / len(batches)
    over_devices = (fabric.all_reduce(total, reduce_op="mean") for total in totals.values())
    return {name: total.norm().item() for name, total in zip(totals, over_devices)}  # type: ignore[union-attr]


def term_gradients(module: nn.Module, weights: Sequence[Tensor], batch: Named, loss: Loss) -> Named:
    """Return the gradient of each term on a batch with regard to all weights, as one vector.

    Args:
        module: the network.
        weights: its parameters that are trained.
        batch: the batch, as in train_one_epoch.
        loss: (outputs, batch) -> named weighted terms.
    """
    buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}
    outputs = functional_call(module, buffers, (image_of(batch, module).to(weights[0].dtype),))
    gradients = {}
    for name, term in loss(outputs, batch).items():
        if term.requires_grad:
            parts = torch.autograd.grad(term, weights, retain_graph=True, allow_unused=True, materialize_grads=True)
            gradients[name] = torch.cat([part.flatten().float() for part in parts])
        else:
            gradients[name] = torch.zeros(1, device=term.device)
    return gradients
