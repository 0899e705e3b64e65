"""Compute COCO's AP of person boxes with pycocotools."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pose_estimation_ros.core.geometry import xyxy_to_xywh
from pose_estimation_ros.datasets.coco_categories import PERSON
from pose_estimation_ros.datasets.coco_faults import Entry
from pose_estimation_ros.datasets.coco_index import index
from pose_estimation_ros.evaluation.metrics.coco import percent
from pose_estimation_ros.evaluation.metrics.detection import Detections, Truth, finite_boxes


def box_ap(detections: Sequence[Detections], truths: Sequence[Truth]) -> dict[str, float]:
    """Compute box_AP (IoU 0.5 to 0.95) and box_AP50.

    As COCO does: everybody counts, of whatever size and keypoints, and a box in a crowd is neither right nor wrong.

    Args:
        detections: detections of each image. Boxes that are not finite count as missed.
        truths: the annotations of each image.

    Returns:
        0..100 by name; -1 where there is nobody.
    """
    _, detections = finite_boxes(detections)
    people = [records(image, truth.box_xyxy, iscrowd=truth.crowd) for image, truth in enumerate(truths)]
    boxes_by_image = [records(image, boxes, score=scores) for image, (boxes, scores) in enumerate(detections)]
    images = [{"id": image} for image in range(len(truths))]
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        evaluation = COCOeval(indexed(images, people), indexed(images, boxes_by_image), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return {name: round(percent(value), 2) for name, value in zip(("box_AP", "box_AP50"), evaluation.stats)}


def records(image: int, box_xyxy: np.ndarray, **columns: np.ndarray) -> list[Entry]:
    """Convert the boxes of an image to COCO's annotations.

    Args:
        image: id of the image.
        box_xyxy: (N, 4) px.
        columns: (N,) further fields by name.
    """
    rows: list[dict[str, Any]] = [
        {"image_id": image, "category_id": PERSON, "bbox": box.tolist()} for box in xyxy_to_xywh(box_xyxy)
    ]
    for name, values in columns.items():
        for row, value in zip(rows, values):
            row[name] = value.item()
    return rows


def indexed(images: list[Entry], rows_by_image: list[list[Entry]]) -> COCO:
    """Make pycocotools' index of images and their boxes, whose areas are added.

    Args:
        images: the entries of the images.
        rows_by_image: annotations or results of each image.
    """
    annotations = [{"iscrowd": 0, **row} for rows in rows_by_image for row in rows]
    for row in annotations:
        row["area"] = row["bbox"][2] * row["bbox"][3]
    return index(images, annotations)
