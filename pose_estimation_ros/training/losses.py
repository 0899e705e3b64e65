"""Losses on named outputs. Heatmaps (N, K, h, w); weight (N, K) is 0 for joints that are not labelled."""

from __future__ import annotations

import torch
from torch import Tensor

# Softmax temperature at which a heatmap between 0 and 1 can express a sharp peak: exp(1 / 0.1) = 22026.
TEMPERATURE = 0.1


def masked_mse(heatmaps: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Mean squared error over the pixels of the labelled joints; 0 where none is labelled."""
    error = (heatmaps - target).square().mean((2, 3)) * weight
    return error.sum() / weight.sum().clamp(min=1)


def spatial_cross_entropy(heatmaps: Tensor, target: Tensor, weight: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Cross-entropy between the target, normalised to a distribution over pixels, and the softmax of the heatmap.

    MAPD's KL angle (paper 002, eq. 2) up to the target's entropy. Mean over the labelled joints; 0 where none is.
    """
    log_p = torch.log_softmax(heatmaps.flatten(2) / temperature, -1)
    q = target.flatten(2)
    q = q / q.sum(-1, keepdim=True).clamp(min=1e-6)
    return (-(q * log_p).sum(-1) * weight).sum() / weight.sum().clamp(min=1)


HEATMAP_LOSSES = {"mse": masked_mse, "cross_entropy": spatial_cross_entropy}


def heatmap_losses(
    weights: dict[str, float], outputs: dict[str, Tensor], targets: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Named weighted losses of a recipe's ``losses`` on the key "heatmaps"."""
    heatmaps = outputs["heatmaps"].float()
    return {
        name: weight * HEATMAP_LOSSES[name](heatmaps, targets["heatmaps"], targets["weight"])
        for name, weight in weights.items()
    }
