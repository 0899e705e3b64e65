"""Measure quickly, from the network outputs of a batch, how good a model is, to compare epochs."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from pose_estimation_ros.core import heatmap
from pose_estimation_ros.core.geometry import box_nms
from pose_estimation_ros.evaluation.metrics.detection import Truth, curve, judge, operating_point
from pose_estimation_ros.training.loop import Metrics, Named
from pose_estimation_ros.training.models.person_detector import decode_boxes

PEAK = 0.1  # the detection threshold of the bottom-up grouping
CANDIDATES = 100  # boxes per image that go into the suppression
NMS_IOU = 0.5


def heatmap_metrics(outputs: Named, batch: Named, tolerance: float = 0.05) -> Metrics:
    """Return the "pck" of a top-down network: the share of the labelled joints found near their place.

    Args:
        outputs: "heatmaps" (N, K, h, w).
        batch: "xy" (N, K, 2) heatmap px and "peak" (N, K), 0 where there is no joint, and "weight" (N, K), 0 where
            nothing is known of it.
        tolerance: largest distance, relative to the crop's height.
    """
    xy, _ = heatmap.decode(outputs["heatmaps"].float().cpu().numpy())
    distance = torch.linalg.norm(torch.from_numpy(xy) - batch["xy"].cpu(), dim=-1)
    labelled = (batch["weight"] * batch["peak"]).cpu() > 0
    hits = distance[labelled] < tolerance * outputs["heatmaps"].shape[2]
    return {"pck": (hits.float().mean().item() if len(hits) else 0.0, len(hits))}


def bottom_up_metrics(outputs: Named, batch: Named, tolerance: float = 0.03) -> Metrics:
    """Return the shares of the labelled joints that a bottom-up network finds near their place.

    "pck" counts a joint where any peak above PEAK of its heatmap is near, "pck_highest" where the highest value is, as
    in a top-down network: a measure for images of one person, which needs no peak to be high.

    Args:
        outputs: "heatmaps" (N, K, h, w).
        batch: "cells" (N, P, K) int64, index y * w + x of each person's joints, -1 where a joint is not labelled.
        tolerance: largest distance along x and y, relative to the map's height.
    """
    maps = outputs["heatmaps"].float()
    peaks = (maps >= functional.max_pool2d(maps, 5, 1, 2)) & (maps > PEAK)
    radius = max(round(tolerance * maps.shape[2]), 1)
    is_highest = functional.one_hot(maps.flatten(2).argmax(2), maps[0, 0].numel()).view_as(maps)
    cells = batch["cells"].transpose(1, 2)  # (N, K, P)
    metrics: Metrics = {}
    for name, places in (("pck", peaks), ("pck_highest", is_highest)):
        is_near = functional.max_pool2d(places.float(), 2 * radius + 1, 1, radius).flatten(2)  # (N, K, h w)
        hits = torch.gather(is_near, 2, cells.clamp(min=0))[cells >= 0]
        metrics[name] = hits.mean().item() if len(hits) else 0.0, len(hits)
    return metrics


def detection_metrics(outputs: Named, batch: Named, false_per_image: float = 1.0) -> Metrics:
    """Return the "recall" of the person detector: the share of the batch's persons that it finds.

    The score threshold is the one at which this batch has so many false positives per image. That is good enough to
    tell epochs apart, not for a table.

    Args:
        outputs: "person" (N, 1, h, w) logits and "box" (N, 4, h, w) log distances, as PersonDetector gives them.
        batch: "boxes" (N, M, 5), as BoxesDataset gives them.
        false_per_image: false positives per image that are accepted.
    """
    boxes = decode_boxes(outputs["box"].float()).flatten(2).transpose(1, 2)
    scores = outputs["person"].float().flatten(1).sigmoid()
    best = scores.topk(min(CANDIDATES, scores.shape[1])).indices
    best_boxes = torch.gather(boxes, 1, best[..., None].expand(-1, -1, 4)).cpu().numpy()
    best_scores = torch.gather(scores, 1, best).cpu().numpy()
    kept = [box_nms(b, s, NMS_IOU) for b, s in zip(best_boxes, best_scores)]
    detections = [(b[k], s[k]) for b, s, k in zip(best_boxes, best_scores, kept)]
    ground_truths = [truth_of(rows) for rows in batch["boxes"].cpu().numpy()]
    persons = sum(int(truth.counted.sum()) for truth in ground_truths)
    return {"recall": (operating_point(curve(judge(detections, ground_truths)), false_per_image)[0], persons)}


def truth_of(rows: np.ndarray) -> Truth:
    """Return the annotations of an image from a row of BoxesDataset's "boxes" (M, 5)."""
    rows = rows[rows[:, 4] >= 0]
    counted = rows[:, 4] > 0
    return Truth("", rows[:, :4], counted, ~counted)
