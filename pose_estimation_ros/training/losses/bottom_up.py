"""Compute the losses of bottom-up networks.

A term is a function (outputs, batch) -> scalar. The outputs are "heatmaps" (N, K, h, w), "heatmaps_2x" (N, K, 2 h, 2 w)
and "tags" (N, T K, h, w), the first tag of all joints before the second. The batch has "heatmaps" and "heatmaps_2x" of
the same shapes; "mask" and "mask_2x", 1 where pixels count and 0 where it is not known whether the joint is there; and
"cells" (N, P, K) int64, index y * w + x of a joint in the 1/4 map, -1 where it is not labelled. Means are over all
pixels and all images, as in LitePose; ignored pixels and images without people count 0. So the mean over devices, or
over accumulated parts, is the mean over the batch.
"""

from __future__ import annotations

from typing import Callable

import torch
from torch import Tensor

from pose_estimation_ros.training.loop import Named
from pose_estimation_ros.training.losses.heatmap import Term, spatial_cross_entropy

TAU = 0.01  # WLitePose, Table VIII
IMPOSSIBLE = -1e4  # a heatmap value that gets no share of a softmax, but whose product with 0 is 0


def masked_squared_error(predicted: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Return the mean of the squared error over all pixels, where those with mask 0 count 0.

    Args:
        predicted: (N, K, h, w) heatmaps.
        target: (N, K, h, w) heatmaps.
        mask: (N, K, h, w).
    """
    return ((predicted - target).square() * mask).mean()


def weighted_squared_error(predicted: Tensor, target: Tensor, mask: Tensor, tau: float = TAU) -> Tensor:
    """Return the mean of the heatmap weighted loss W (P - H)^2 with W = |P| (1 - H^tau) + |1 - P| H^tau.

    It is from "Lightweight Human Pose Estimation Based on Heatmap Weighted Loss Function" (WLitePose), equations 2 and
    4. W carries no gradient, about which the paper says nothing. With a gradient it would reward P = 1 anywhere on a
    Gaussian's slope, because W vanishes there: at H = 0.1 any P above 0.72 would be drawn to 1 and not to H.

    Args:
        predicted: (N, K, h, w) heatmaps, P.
        target: (N, K, h, w) heatmaps, H.
        mask: (N, K, h, w), 0 where pixels count 0.
        tau: exponent of H.
    """
    positive = target.pow(tau)
    weight = predicted.detach().abs() * (1 - positive) + (1 - predicted.detach()).abs() * positive
    return ((predicted - target).square() * weight * mask).mean()


def masked_cross_entropy(predicted: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Return the spatial cross-entropy over the pixels that count; no paper does so for several people.

    All people's peaks of a joint are one distribution. Maps without a peak count 0.

    Args:
        predicted: (N, K, h, w) heatmaps.
        target: (N, K, h, w) heatmaps.
        mask: (N, K, h, w), 0 where pixels do not count.
    """
    target = target * mask
    has_peak = (target.amax((2, 3)) > 0).float()
    return spatial_cross_entropy(predicted.masked_fill(mask == 0, IMPOSSIBLE), target, has_peak)


def labelled_tags(outputs: Named, batch: Named) -> tuple[Tensor, Tensor]:
    """Return the tags at the joints (N, P, K, T), and (N, P, K) with 1 where a joint is labelled, else 0.

    Args:
        outputs: outputs of the network.
        batch: targets, see the module.
    """
    cells = batch["cells"].transpose(1, 2)  # (N, K, P)
    tags = outputs["tags"].float().flatten(2).unflatten(1, (-1, cells.shape[1]))  # (N, T, K, h w)
    at_joints = tags.gather(3, cells.clamp(min=0)[:, None].expand(-1, tags.shape[1], -1, -1))
    return at_joints.permute(0, 3, 2, 1), (batch["cells"] >= 0).float()


def person_means(tags: Tensor, labelled: Tensor) -> tuple[Tensor, Tensor]:
    """Return each person's mean tags (N, P, T), and (N, P) with 1 for persons with a labelled joint, else 0.

    Args:
        tags: (N, P, K, T).
        labelled: (N, P, K), 1 where a joint is labelled.
    """
    mean = (tags * labelled[..., None]).sum(2) / labelled.sum(2).clamp(min=1)[..., None]
    return mean, labelled.amax(2)


def pull_loss(outputs: Named, batch: Named) -> Tensor:
    """Return the mean over joints, then people, of the squared distance of a tag to the person's mean tag.

    It is from "Associative Embedding: End-to-End Learning for Joint Detection and Grouping" (arXiv:1611.05424).

    Args:
        outputs: outputs of the network.
        batch: targets, see the module.
    """
    tags, labelled = labelled_tags(outputs, batch)
    mean, present = person_means(tags, labelled)
    squared = (tags - mean[:, :, None]).square().sum(-1)
    distance = (squared * labelled).sum(2) / labelled.sum(2).clamp(min=1)
    return (distance.sum(1) / present.sum(1).clamp(min=1)).mean()


def push_loss(outputs: Named, batch: Named) -> Tensor:
    """Return half the mean of exp(-(m_i - m_j)^2) over pairs of people i != j, 0 for one person.

    m is a person's mean tag. It is the "exp" kind of the code and configurations of HigherHRNet and LitePose.

    Args:
        outputs: outputs of the network.
        batch: targets, see the module.
    """
    mean, present = person_means(*labelled_tags(outputs, batch))
    pairs = present[:, :, None] * present[:, None] * (1 - torch.eye(mean.shape[1], device=mean.device))
    closeness = torch.exp(-(mean[:, :, None] - mean[:, None]).square().sum(-1)) * pairs
    return 0.5 * (closeness.sum((1, 2)) / pairs.sum((1, 2)).clamp(min=1)).mean()


def both_scales(error: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Term:
    """Make the term that is the sum of an error (predicted, target, mask) of the heatmaps at 1/4 and at 1/2."""

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
