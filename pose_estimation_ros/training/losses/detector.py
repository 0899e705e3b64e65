"""Compute the person detector's losses: quality focal loss on the centre heatmap, GIoU on the boxes."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from pose_estimation_ros.training.loop import Named
from pose_estimation_ros.training.losses.heatmap import Term
from pose_estimation_ros.training.models.person_detector import decode_boxes


def quality_focal_loss(logits: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """Return the cross-entropy of soft targets times the squared error, summed and divided by the targets' sum.

    It is equation 4 of "Generalized Focal Loss" (Li et al. 2020, arXiv:2006.04388). CenterNet's loss asks for a 1 in
    the one cell of the centre. A large person's centre is uncertain by more than a cell, so its score would stay below
    that of clutter; here the network learns the whole Gaussian.

    Args:
        logits: (N, 1, h, w) predicted scores before the sigmoid.
        target: (N, 1, h, w) 0..1.
        known: (N, 1, h, w), 0 where a cell does not count.
    """
    error = (target - logits.sigmoid()).square() * known
    loss = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (error * loss).sum() / (target * known).sum().clamp(min=1)


def giou_loss(boxes: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Return the weighted mean of 1 - GIoU.

    It is from "Generalized Intersection over Union" (Rezatofighi et al. 2019, arXiv:1902.09630).

    Args:
        boxes: (N, 4, h, w) xyxy px.
        target: (N, 4, h, w) xyxy px.
        weight: (N, h, w).
    """
    low, high = torch.maximum(boxes[:, :2], target[:, :2]), torch.minimum(boxes[:, 2:], target[:, 2:])
    shared = (high - low).clamp(min=0).prod(1)
    union = area(boxes) + area(target) - shared
    hull = torch.cat([torch.minimum(boxes[:, :2], target[:, :2]), torch.maximum(boxes[:, 2:], target[:, 2:])], 1)
    giou = shared / union.clamp(min=1e-6) - (1 - union / area(hull).clamp(min=1e-6))
    return ((1 - giou) * weight).sum() / weight.sum().clamp(min=1)


def area(boxes: Tensor) -> Tensor:
    """Return the areas (N, h, w) of boxes (N, 4, h, w) xyxy."""
    return (boxes[:, 2:] - boxes[:, :2]).prod(1)


def person_loss(outputs: Named, targets: Named, prefix: str = "") -> Tensor:
    """Return the quality focal loss of the output "person".

    Args:
        outputs: outputs of the network.
        targets: targets of encode_targets.
        prefix: "teacher_" for the targets of a teacher.
    """
    target, known = (targets[prefix + name] for name in ("person", "known"))
    return quality_focal_loss(outputs["person"].float(), target, known)


def box_loss(outputs: Named, targets: Named, prefix: str = "") -> Tensor:
    """Return the GIoU loss of the output "box".

    Args:
        outputs: outputs of the network.
        targets: targets of encode_targets.
        prefix: "teacher_" for the targets of a teacher.
    """
    target, weight = (targets[prefix + name] for name in ("box_xyxy", "box_weight"))
    return giou_loss(decode_boxes(outputs["box"].float()), target, weight)


DETECTION_TERMS: dict[str, Term] = {
    "person": person_loss,
    "box": box_loss,
    "teacher_person": partial(person_loss, prefix="teacher_"),
    "teacher_box": partial(box_loss, prefix="teacher_"),
}
