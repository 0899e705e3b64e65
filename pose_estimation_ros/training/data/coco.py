"""Persons of COCO's keypoint JSON: the official layout, CrowdPose, which has the same, and the crop pack."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pose_estimation_ros.core.geometry import xywh_to_xyxy
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.evaluation.coco_json import annotated_images, read_detections, refuse
from pose_estimation_ros.evaluation.detection import assign


class Person(NamedTuple):
    """One annotated person.

    annotation: its id in the file (MPII has none: its index). box_xyxy (4,) px; keypoints (K, 3): x, y px of the image,
    visibility 0 unlabelled, 1 hidden, 2 visible.
    """

    annotation: int
    file_name: str
    box_xyxy: np.ndarray
    keypoints: np.ndarray


def coco_persons(content: Any, path: str | Path, skeleton: Skeleton, detections: str | Path = "") -> list[Person]:
    """Persons with at least one labelled keypoint, crowds left out.

    ``num_keypoints`` decides where the file has it: CrowdPose does not count head and neck, and its own evaluation
    leaves out who has nothing else. Args: content: the JSON file's; path: for messages; detections: see detected_boxes.
    Raises DataError: as annotated_images and read_detections, or other than K keypoints.
    """
    images = annotated_images(content, path)
    found = read_detections(detections, {image["id"] for image, _ in images}) if detections else {}
    expected, strays, persons = 3 * skeleton.num_keypoints, [], []
    for image, items in images:
        items = [item for item in items if has_keypoints(item)]
        strays += [f"annotation {a.get('id')} with {n}" for a in items if (n := len(a["keypoints"])) != expected]
        if not strays:
            own = [coco_person(image["file_name"], item) for item in items]
            persons += detected_boxes(own, *found[image["id"]]) if detections else own
    refuse(path, f"annotations without the {expected} keypoint numbers of {skeleton.name}", strays)
    return persons


def has_keypoints(item: dict) -> bool:
    if item.get("iscrowd") or not item.get("keypoints"):
        return False
    return item.get("num_keypoints", any(item["keypoints"][2::3])) > 0


def coco_person(file_name: str, item: dict) -> Person:
    keypoints = np.array(item["keypoints"], np.float32).reshape(-1, 3)
    return Person(item.get("id", -1), file_name, xywh_to_xyxy(item["bbox"])[0], keypoints)


def detected_boxes(persons: list[Person], box_xyxy: np.ndarray, score: np.ndarray) -> list[Person]:
    """One image's persons with the boxes that a detector (D, 4), (D,) gave them, as the papers' test protocol does.

    Best score first, each detection goes to the person it overlaps most (IoU >= 0.5) among those without one; persons
    that no detection found keep their annotated box, so that every label is learned from.
    """
    boxes = np.array([person.box_xyxy for person in persons], np.float32).reshape(-1, 4)
    person = assign(box_xyxy, score, boxes)
    boxes[person[person >= 0]] = box_xyxy[person >= 0]
    return [p._replace(box_xyxy=box) for p, box in zip(persons, boxes)]
