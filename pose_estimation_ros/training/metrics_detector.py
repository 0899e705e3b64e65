"""The detector's quick metric on a batch, from network outputs."""

from __future__ import annotations

import numpy as np
import torch

from pose_estimation_ros.core.geometry import box_nms
from pose_estimation_ros.evaluation.metrics.detection import Truth, curve, judge, operating_point
from pose_estimation_ros.training.loop import Metrics, Named
from pose_estimation_ros.training.models.person_detector import decode_boxes

CANDIDATES = 100  # boxes per image that go into the suppression
NMS_IOU = 0.5


def detection_metrics(outputs: Named, batch: Named, false_per_image: float = 1.0) -> Metrics:
    """ "recall": share of the batch's persons found at so many false positives per image (metrics.detection).

    The score threshold is the batch's own: good enough to tell epochs apart, not for a table.
    """
    boxes = decode_boxes(outputs["box"].float()).flatten(2).transpose(1, 2)
    scores = outputs["person"].float().flatten(1).sigmoid()
    best = scores.topk(min(CANDIDATES, scores.shape[1])).indices
    best_boxes = torch.gather(boxes, 1, best[..., None].expand(-1, -1, 4)).cpu().numpy()
    best_scores = torch.gather(scores, 1, best).cpu().numpy()
    kept = [box_nms(b, s, NMS_IOU) for b, s in zip(best_boxes, best_scores)]
    detections = [(b[k], s[k]) for b, s, k in zip(best_boxes, best_scores, kept)]
    truths = [truth_of(rows) for rows in batch["boxes"].cpu().numpy()]
    persons = sum(int(truth.counted.sum()) for truth in truths)
    return {"recall": (operating_point(curve(judge(detections, truths)), false_per_image)[0], persons)}


def truth_of(rows: np.ndarray) -> Truth:
    """A row of BoxesDataset's "boxes" (M, 5) as annotations."""
    rows = rows[rows[:, 4] >= 0]
    counted = rows[:, 4] > 0
    return Truth("", rows[:, :4], counted, ~counted)
