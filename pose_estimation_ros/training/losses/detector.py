"""The person detector's losses: quality focal loss on the centre heatmap, GIoU on the boxes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from pose_estimation_ros.training.loop import Named
from pose_estimation_ros.training.models.person_detector import decode_boxes


def quality_focal_loss(logits: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """Cross-entropy of soft targets times the squared error (Generalized Focal Loss, Li et al. 2020, eq. 4).

    Over all cells (N, 1, h, w), divided by the targets' sum. CenterNet's loss wants a 1 in the one cell of the centre:
    a large person's centre is vague by more than a cell, so its score stays below that of clutter; here it learns the
    whole Gaussian. known: 0 where a cell does not count.
    """
    error = (target - logits.sigmoid()).square() * known
    loss = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (error * loss).sum() / (target * known).sum().clamp(min=1)


def giou_loss(boxes: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean of 1 - GIoU (Rezatofighi et al. 2019). boxes, target (N, 4, h, w) xyxy; weight (N, h, w)."""
    low, high = torch.maximum(boxes[:, :2], target[:, :2]), torch.minimum(boxes[:, 2:], target[:, 2:])
    shared = (high - low).clamp(min=0).prod(1)
    union = area(boxes) + area(target) - shared
    hull = torch.cat([torch.minimum(boxes[:, :2], target[:, :2]), torch.maximum(boxes[:, 2:], target[:, 2:])], 1)
    giou = shared / union.clamp(min=1e-6) - (1 - union / area(hull).clamp(min=1e-6))
    return ((1 - giou) * weight).sum() / weight.sum().clamp(min=1)


def area(boxes: Tensor) -> Tensor:
    return (boxes[:, 2:] - boxes[:, :2]).prod(1)


def person_loss(outputs: Named, targets: Named) -> Tensor:
    return quality_focal_loss(outputs["person"].float(), targets["person"], targets["known"])


def box_loss(outputs: Named, targets: Named) -> Tensor:
    return giou_loss(decode_boxes(outputs["box"].float()), targets["box_xyxy"], targets["box_weight"])


DETECTION_TERMS = {"person": person_loss, "box": box_loss}
