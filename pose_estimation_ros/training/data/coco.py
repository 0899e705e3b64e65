"""Read the persons of a keypoint file in COCO's layout, which CrowdPose and the crop pack have, too."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, Sequence

import numpy as np

from pose_estimation_ros.core.geometry import xywh_to_xyxy
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.datasets.coco_faults import Size, finite_numbers, named, refuse, size_of
from pose_estimation_ros.datasets.coco_fields import is_counted
from pose_estimation_ros.datasets.coco_ids import Id
from pose_estimation_ros.datasets.coco_json import (
    checked_content,
    joined,
    read_detections,
)
from pose_estimation_ros.datasets.coco_warnings import warn_of_persons
from pose_estimation_ros.evaluation.metrics.detection import assign

ABSENT = 0.1  # a keypoint of which a teacher is less sure is not in the picture


class Person(NamedTuple):
    """Hold one annotated person.

    Attributes:
        annotation: its id in the file; its index in files of MPII, which have no ids.
        file_name: file name of the image.
        box_xyxy: (4,) px.
        keypoints: (K, 3), x and y in px of the image, visibility 0 unlabelled, 1 occluded, 2 visible.
        size: width and height of the image as annotated, where they are known.
        scores: (K,) how sure a teacher is of each keypoint, in 0..1; None for labels by people.
    """

    annotation: Id
    file_name: str
    box_xyxy: np.ndarray
    keypoints: np.ndarray
    size: Size | None = None
    scores: np.ndarray | None = None


def coco_persons(content: Any, path: str | Path, skeleton: Skeleton, detections: str | Path = "") -> list[Person]:
    """Read the persons with at least one labelled keypoint, without crowds.

    ``num_keypoints`` decides: CrowdPose does not count head and neck, and its own evaluation leaves out persons with
    nothing else.

    Args:
        content: content of the JSON file.
        path: path of the file, for messages.
        skeleton: skeleton whose keypoints the file must have.
        detections: file of person boxes, see detected_boxes; empty for the annotated boxes.

    Returns:
        The persons.

    Raises:
        DataError: as checked_content, refuse_odd_keypoint_scores and read_detections.
    """
    checked, categories = checked_content(content, path, skeleton)
    refuse_odd_keypoint_scores(path, checked["annotations"], skeleton)
    images = {image["id"]: image for image in checked["images"]}
    warn_of_persons([a for a in checked["annotations"] if is_counted(a)], images, path)
    boxes = read_detections(detections, images, categories=categories) if detections else {}
    persons = []
    for image, items in joined(checked):
        annotated = [coco_person(image, item) for item in items if is_counted(item)]
        persons += detected_boxes(annotated, *boxes[image["id"]]) if detections else annotated
    return persons


def refuse_odd_keypoint_scores(path: str | Path, persons: Sequence[dict[str, Any]], skeleton: Skeleton) -> None:
    """Raise DataError for "keypoint_scores" that are not a number from 0 to 1 for each keypoint; they may be absent.

    Args:
        path: path of the file, for the message.
        persons: annotations.
        skeleton: skeleton of the keypoints.
    """
    shape = (skeleton.num_keypoints,)
    scored = [(a, a["keypoint_scores"]) for a in persons if "keypoint_scores" in a]
    fit = [finite_numbers(scores, shape) and 0 <= min(scores) and max(scores) <= 1 for _, scores in scored]
    unfit = [named(a, "keypoint_scores") for (a, _), is_fit in zip(scored, fit) if not is_fit]
    refuse(path, "persons whose keypoint_scores are not a number from 0 to 1 for each keypoint", unfit)


def refuse_odd_scores(path: str | Path, persons: Sequence[dict[str, Any]]) -> None:
    """Raise DataError for a detector's "score" that is not a finite number; it may be absent.

    Args:
        path: path of the file, for the message.
        persons: annotations.
    """
    wrong = [named(a, "score") for a in persons if not finite_numbers(a.get("score", 1), ())]
    refuse(path, "persons with a score that is not a finite number", wrong)


def coco_person(image: dict[str, Any], item: dict[str, Any]) -> Person:
    """Make a person from its image and annotation, as COCO's layout has them.

    Args:
        image: entry of the image.
        item: annotation of the person.
    """
    keypoints = np.array(item["keypoints"], np.float32).reshape(-1, 3)
    scores = np.array(item["keypoint_scores"], np.float32) if "keypoint_scores" in item else None
    box = xywh_to_xyxy(item["bbox"])[0]
    return Person(item.get("id", -1), image["file_name"], box, keypoints, size_of(image), scores)


def detected_boxes(persons: list[Person], box_xyxy: np.ndarray, score: np.ndarray) -> list[Person]:
    """Give one image's persons the boxes of a detector, as the papers' test protocol does.

    Best score first, each detection goes to the person it overlaps most (IoU >= 0.5) among those without one. Persons
    that no detection found keep their annotated box, so that every label is learned from.

    Args:
        persons: persons of the image.
        box_xyxy: (D, 4) px of the detections.
        score: (D,) of the detections.

    Returns:
        The persons with their new boxes.
    """
    boxes = np.array([person.box_xyxy for person in persons], np.float32).reshape(-1, 4)
    person = assign(box_xyxy, score, boxes)
    boxes[person[person >= 0]] = box_xyxy[person >= 0]
    return [p._replace(box_xyxy=box) for p, box in zip(persons, boxes)]
