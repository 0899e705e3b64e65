"""The person detector's losses: CenterNet's focal loss on the centre heatmap, GIoU on the boxes (TTFNet's pair)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from pose_estimation_ros.training.engine import Named
from pose_estimation_ros.training.models.person_detector import decode_boxes


def centre_focal_loss(logits: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """Focal loss (CenterNet, eq. 1) over all cells (N, 1, h, w), divided by the number of centres.

    target: 1 at the centres, Gaussians around, where a high score is forgiven. known: 0 where a cell does not count.
    """
    score = logits.sigmoid()
    centre = (target == 1).float() * known
    found = centre * (1 - score).square() * functional.logsigmoid(logits)
    empty = (known - centre) * (1 - target) ** 4 * score.square() * functional.logsigmoid(-logits)
    return -(found + empty).sum() / centre.sum().clamp(min=1)


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
    return centre_focal_loss(outputs["person"].float(), targets["person"], targets["known"])


def box_loss(outputs: Named, targets: Named) -> Tensor:
    return giou_loss(decode_boxes(outputs["box"].float()), targets["box_xyxy"], targets["box_weight"])


DETECTION_LOSSES = {"person": person_loss, "box": box_loss}


def detection_losses(weights: dict[str, float], outputs: Named, targets: Named) -> Named:
    """Weighted terms of a recipe's ``losses``: PersonDetector's outputs against BoxesDataset's targets."""
    return {name: weight * DETECTION_LOSSES[name](outputs, targets) for name, weight in weights.items()}
