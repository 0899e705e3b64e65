"""COCO's AP of person boxes; pycocotools is the judge."""

from __future__ import annotations

import contextlib
import io
from typing import Any, Sequence

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pose_estimation_ros.core.geometry import xyxy_to_xywh
from pose_estimation_ros.datasets.coco_categories import PERSON
from pose_estimation_ros.evaluation.metrics.coco import index, percent
from pose_estimation_ros.evaluation.metrics.detection import Detections, Truth, finite_boxes


def box_ap(detections: Sequence[Detections], truths: Sequence[Truth]) -> dict[str, float]:
    """box_AP (IoU 0.5 to 0.95) and box_AP50 in 0..100 of the detections of every image; -1 where there is nobody.

    Boxes that are not finite count as missed.
    As COCO's: everybody counts, of whatever size and keypoints, and what lies in a crowd is neither right nor wrong.
    """
    _, detections = finite_boxes(detections)
    people = [records(image, truth.box_xyxy, iscrowd=truth.crowd) for image, truth in enumerate(truths)]
    found = [records(image, boxes, score=scores) for image, (boxes, scores) in enumerate(detections)]
    images = [{"id": image} for image in range(len(truths))]
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        evaluation = COCOeval(indexed(images, people), indexed(images, found), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return {name: round(percent(value), 2) for name, value in zip(("box_AP", "box_AP50"), evaluation.stats)}


def records(image: int, box_xyxy: np.ndarray, **columns: np.ndarray) -> list[dict[str, Any]]:
    """The boxes (N, 4) of an image as COCO has them, with further numbers (N,) by name."""
    rows = [{"image_id": image, "category_id": PERSON, "bbox": box.tolist()} for box in xyxy_to_xywh(box_xyxy)]
    for name, values in columns.items():
        for row, value in zip(rows, values):
            row[name] = value.item()
    return rows


def indexed(images: list[dict], of_images: list[list[dict]]) -> COCO:
    annotations = [{"iscrowd": 0, **row} for rows in of_images for row in rows]
    for row in annotations:
        row["area"] = row["bbox"][2] * row["bbox"][3]
    return index(images, annotations)
