"""Persons of COCO's keypoint JSON: the official layout, CrowdPose, which has the same, and the crop pack."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pose_estimation_ros.core.geometry import xywh_to_xyxy
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.datasets.coco_doubts import warn_of_persons
from pose_estimation_ros.datasets.coco_faults import Size, size_of
from pose_estimation_ros.datasets.coco_fields import is_counted
from pose_estimation_ros.datasets.coco_ids import Id
from pose_estimation_ros.datasets.coco_json import (
    checked_content,
    joined,
    read_detections,
)
from pose_estimation_ros.evaluation.metrics.detection import assign


class Person(NamedTuple):
    """One annotated person.

    annotation: its id in the file (MPII has none: its index). box_xyxy (4,) px; keypoints (K, 3): x, y px of the image,
    visibility 0 unlabelled, 1 hidden, 2 visible; size: of the image as annotated, where it is known.
    """

    annotation: Id
    file_name: str
    box_xyxy: np.ndarray
    keypoints: np.ndarray
    size: Size | None = None


def coco_persons(content: Any, path: str | Path, skeleton: Skeleton, detections: str | Path = "") -> list[Person]:
    """Persons with at least one labelled keypoint, crowds left out.

    ``num_keypoints`` decides: CrowdPose does not count head and neck, and its own evaluation leaves out who has nothing
    else. Args: content: the JSON file's; path: for messages; detections: see detected_boxes.
    Raises DataError as checked_content and read_detections.
    """
    checked, categories = checked_content(content, path, skeleton)
    images = {image["id"]: image for image in checked["images"]}
    warn_of_persons([a for a in checked["annotations"] if is_counted(a)], images, path)
    found = read_detections(detections, images, categories=categories) if detections else {}
    persons = []
    for image, items in joined(checked):
        own = [coco_person(image, item) for item in items if is_counted(item)]
        persons += detected_boxes(own, *found[image["id"]]) if detections else own
    return persons


def coco_person(image: dict, item: dict) -> Person:
    keypoints = np.array(item["keypoints"], np.float32).reshape(-1, 3)
    return Person(item.get("id", -1), image["file_name"], xywh_to_xyxy(item["bbox"])[0], keypoints, size_of(image))


def detected_boxes(persons: list[Person], box_xyxy: np.ndarray, score: np.ndarray) -> list[Person]:
    """One image's persons with the boxes that a detector (D, 4), (D,) gave them, as the papers' test protocol does.

    Best score first, each detection goes to the person it overlaps most (IoU >= 0.5) among those without one; persons
    that no detection found keep their annotated box, so that every label is learned from.
    """
    boxes = np.array([person.box_xyxy for person in persons], np.float32).reshape(-1, 4)
    person = assign(box_xyxy, score, boxes)
    boxes[person[person >= 0]] = box_xyxy[person >= 0]
    return [p._replace(box_xyxy=box) for p, box in zip(persons, boxes)]
