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
from pose_estimation_ros.training.losses.heatmap import Term, over_pixels, spatial_cross_entropy, teacher_terms
from pose_estimation_ros.training.recipe import LossOptions

IMPOSSIBLE = -1e4  # a heatmap value that gets no share of a softmax, but whose product with 0 is 0


def masked_squared_error(predicted: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Return the mean of the squared error over all pixels, where those with mask 0 count 0.

    Args:
        predicted: (N, K, h, w) heatmaps.
        target: (N, K, h, w) heatmaps.
        mask: (N, K, h, w).
    """
    return ((predicted - target).square() * mask).mean()


def weighted_squared_error(predicted: Tensor, target: Tensor, mask: Tensor, tau: float, is_live: bool) -> Tensor:
    """Return the mean of the heatmap weighted loss W (P - H)^2 with W = |P| (1 - H^tau) + |1 - P| H^tau.

    It is from "Lightweight Human Pose Estimation Based on Heatmap Weighted Loss Function" (WLitePose), equations 2 and
    4. The paper does not say whether W carries a gradient. With one, the loss rewards P = 1 anywhere on a Gaussian's
    slope, because W vanishes there: at H = 0.1 any P above 0.72 is drawn to 1 and not to H.

    Args:
        predicted: (N, K, h, w) heatmaps, P.
        target: (N, K, h, w) heatmaps, H.
        mask: (N, K, h, w), 0 where pixels count 0.
        tau: exponent of H.
        is_live: whether W carries a gradient.
    """
    positive, found = target.pow(tau), predicted if is_live else predicted.detach()
    weight = found.abs() * (1 - positive) + (1 - found).abs() * positive
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


def bottom_up_terms(options: LossOptions) -> dict[str, Term]:
    """Return the terms of a bottom-up model by name, as the recipe's options of the losses have them."""

    def squared(predicted: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        return over_pixels(masked_squared_error(predicted, target, mask), predicted, options)

    def weighted(predicted: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        error = weighted_squared_error(predicted, target, mask, options.tau, options.live_weights)
        return over_pixels(error, predicted, options)

    return {
        "mse": both_scales(squared),
        "weighted_mse": both_scales(weighted),
        "cross_entropy": both_scales(masked_cross_entropy),
        "pull": pull_loss,
        "push": push_loss,
        **teacher_terms(options),
    }
