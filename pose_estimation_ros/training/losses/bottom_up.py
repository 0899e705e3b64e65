"""Losses of bottom-up networks: what a recipe's ``losses`` names.

A term is a function (outputs, batch) -> scalar. outputs: "heatmaps" (N, K, h, w), "tags" (N, T K, h, w), the first tag
of all joints before the second, and "heatmaps_2x" (N, K, 2 h, 2 w). batch: "heatmaps" and "heatmaps_2x" alike; "mask"
and "mask_2x", too, 1 where pixels count and 0 where it is not known whether the joint is there; "cells" (N, P, K)
int64, index y * w + x of a joint in the 1/4 map, -1 where it is not labelled. Means are over all pixels, ignored ones
counting 0, and over all images, those without people counting 0, as in LitePose: so the mean over devices, or over
accumulated parts, is the mean over the batch.
"""

from __future__ import annotations

from typing import Callable

import torch
from torch import Tensor

from pose_estimation_ros.training.loop import Named
from pose_estimation_ros.training.losses.heatmap import Term, spatial_cross_entropy

TAU = 0.01  # paper 003, Table VIII
IMPOSSIBLE = -1e4  # a heatmap's value that gets no share of a softmax, whose product with 0 is still 0


def masked_squared_error(found: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean of the squared error, 0 where the mask is."""
    return ((found - target).square() * mask).mean()


def weighted_squared_error(found: Tensor, target: Tensor, mask: Tensor, tau: float = TAU) -> Tensor:
    """WLitePose's heatmap weighted loss (paper 003, eq. 2 and 4): W (P - H)^2, W = |P| (1 - H^tau) + |1 - P| H^tau.

    W carries no gradient, on which the paper is silent. It would otherwise reward P = 1 anywhere on a Gaussian's slope,
    as W vanishes there: at H = 0.1 any P above 0.72 would be drawn to 1 and not to H.
    """
    positive = target.pow(tau)
    weight = found.detach().abs() * (1 - positive) + (1 - found.detach()).abs() * positive
    return ((found - target).square() * weight * mask).mean()


def masked_cross_entropy(found: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """losses.spatial_cross_entropy over the pixels that count, everybody's peaks of a joint being one distribution;
    maps without a peak count 0. Of no paper.
    """
    target = target * mask
    shown = (target.amax((2, 3)) > 0).float()
    return spatial_cross_entropy(found.masked_fill(mask == 0, IMPOSSIBLE), target, shown)


def labelled_tags(outputs: Named, batch: Named) -> tuple[Tensor, Tensor]:
    """Tags at the joints (N, P, K, T), and 1 where labelled, else 0 (N, P, K)."""
    cells = batch["cells"].transpose(1, 2)  # (N, K, P)
    tags = outputs["tags"].float().flatten(2).unflatten(1, (-1, cells.shape[1]))  # (N, T, K, h w)
    at_joints = tags.gather(3, cells.clamp(min=0)[:, None].expand(-1, tags.shape[1], -1, -1))
    return at_joints.permute(0, 3, 2, 1), (batch["cells"] >= 0).float()


def person_means(tags: Tensor, labelled: Tensor) -> tuple[Tensor, Tensor]:
    """Each person's mean tags (N, P, T), and 1 for those with a labelled joint, else 0 (N, P)."""
    mean = (tags * labelled[..., None]).sum(2) / labelled.sum(2).clamp(min=1)[..., None]
    return mean, labelled.amax(2)


def pull_loss(outputs: Named, batch: Named) -> Tensor:
    """Associative embedding: mean over joints, then people, of the squared distance to the person's mean tag."""
    tags, labelled = labelled_tags(outputs, batch)
    mean, present = person_means(tags, labelled)
    squared = (tags - mean[:, :, None]).square().sum(-1)
    distance = (squared * labelled).sum(2) / labelled.sum(2).clamp(min=1)
    return (distance.sum(1) / present.sum(1).clamp(min=1)).mean()


def push_loss(outputs: Named, batch: Named) -> Tensor:
    """Associative embedding: half the mean of exp(-(m_i - m_j)^2) over pairs of people i != j; 0 for one person.

    The "exp" kind of HigherHRNet's and LitePose's code and configurations.
    """
    mean, present = person_means(*labelled_tags(outputs, batch))
    pairs = present[:, :, None] * present[:, None] * (1 - torch.eye(mean.shape[1], device=mean.device))
    closeness = torch.exp(-(mean[:, :, None] - mean[:, None]).square().sum(-1)) * pairs
    return 0.5 * (closeness.sum((1, 2)) / pairs.sum((1, 2)).clamp(min=1)).mean()


def both_scales(error: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Term:
    """The term that sums an error over the heatmaps at 1/4 and at 1/2."""

    def term(outputs: Named, batch: Named) -> Tensor:
        quarter = error(outputs["heatmaps"].float(), batch["heatmaps"], batch["mask"])
        return quarter + error(outputs["heatmaps_2x"].float(), batch["heatmaps_2x"], batch["mask_2x"])

    return term


BOTTOM_UP_TERMS: dict[str, Term] = {
    "mse": both_scales(masked_squared_error),
    "weighted_mse": both_scales(weighted_squared_error),
    "cross_entropy": both_scales(masked_cross_entropy),
    "pull": pull_loss,
    "push": push_loss,
}
