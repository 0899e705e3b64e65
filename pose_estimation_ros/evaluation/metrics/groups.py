"""Compute accuracy by groups of people: by their size, visibility and crowding."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from pycocotools.coco import COCO

from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.datasets.predictions import Result
from pose_estimation_ros.evaluation.metrics import detection
from pose_estimation_ros.evaluation.metrics.localization_errors import KINDS, error_kinds, shares
from pose_estimation_ros.evaluation.metrics.matches import People, match, people_of


class Attribute(NamedTuple):
    """Group people by a number.

    Attributes:
        name: in JSON files.
        title: in reports.
        value_of: computes the numbers (P,) of P people.
        groups: from and below by name.
    """

    name: str
    title: str
    value_of: Callable[[People], np.ndarray]
    groups: dict[str, tuple[float, float]]

    def members(self, people: People) -> dict[str, np.ndarray]:
        """Tell (P,) who belongs to each group, without groups that have nobody."""
        value = self.value_of(people)
        masks = {name: (value >= low) & (value < high) for name, (low, high) in self.groups.items()}
        return {name: mask for name, mask in masks.items() if mask.any()}


LABELLED = (5, 10, 14, 17)  # most labelled keypoints of the groups, of COCO's 17; in proportion of other numbers


def attributes(keypoints: int) -> list[Attribute]:
    """Return the attributes by which people with so many keypoints are grouped."""
    return [
        SIZE,
        Attribute("labelled", "Labelled keypoints", lambda people: people.labelled.sum(1), labelled_groups(keypoints)),
        HIDDEN,
        CROWDING,
    ]


def labelled_groups(keypoints: int) -> dict[str, tuple[float, float]]:
    """Return the groups by the number of labelled keypoints, such as "1 to 5", out of so many."""
    last = sorted({max(1, round(most * keypoints / LABELLED[-1])) for most in LABELLED})
    limits = [(low + 1, high) for low, high in zip([0, *last], last)]
    return {f"{low} to {high}" if low < high else f"{low}": (low, high + 1) for low, high in limits}


SIZE = Attribute(
    "size",
    "Size: square root of the area, px",
    lambda people: np.sqrt(people.area),
    {"to 32": (0, 32), "32 to 64": (32, 64), "64 to 96": (64, 96), "96 to 192": (96, 192), "from 192": (192, np.inf)},
)
HIDDEN = Attribute(
    "hidden",
    "Hidden keypoints, % of the labelled",
    lambda people: 100 * (people.keypoints[..., 2] == 1).sum(1) / np.maximum(people.labelled.sum(1), 1),
    {"none": (0, 1e-9), "up to 25": (1e-9, 25), "25 to 50": (25, 50), "from 50": (50, np.inf)},
)
CROWDING = Attribute(
    "crowding",
    "Crowding: largest IoU with another person's box, %",
    lambda people: 100 * people.crowding,
    {"none": (0, 1e-9), "up to 10": (1e-9, 10), "10 to 30": (10, 30), "from 30": (30, np.inf)},
)


def poses_by_group(truth: COCO, results: Iterable[Result], skeleton: Skeleton) -> dict[str, Any]:
    """Compute the accuracy of poses by groups of people.

    Args:
        truth: the annotations.
        results: the predictions.
        skeleton: their skeleton.

    Returns:
        "by_group": AR of each group, whose mean over all people is the AR; "kinds_of_errors": % of keypoints.
    """
    people = people_of(truth)
    _, matches = match(truth, people, results, skeleton)
    parts = 100 * shares(error_kinds(truth, people, matches, skeleton))
    kinds = {kind: round(float(part), 1) for kind, part in zip(KINDS, parts)}
    return {"by_group": by_group(people, "AR", matches.recall), "kinds_of_errors": kinds}


def boxes_by_group(truth: COCO, results: Sequence[Result], score: float) -> dict[str, Any]:
    """Compute the recall of a detector by groups of the people whom detection.load_truth counts.

    Args:
        truth: the annotations.
        results: the boxes, as accuracy_of_detector returns them.
        score: boxes of a lower score are left out.

    Returns:
        "by_group": recall of each group, %.
    """
    people = people_of(truth)
    fewest = min(detection.MIN_KEYPOINTS, people.keypoints.shape[1])
    counted = (people.labelled.sum(1) >= fewest) & (height(people) >= detection.MIN_HEIGHT)
    people = People(*(column[counted] for column in people))
    is_found = np.zeros(len(people.area), bool)
    for image_id in np.unique(people.image_id):
        name, indices = truth.imgs[image_id]["file_name"], np.flatnonzero(people.image_id == image_id)
        boxes = [r for r in results if r["file_name"] == name and r["score"] >= score]
        box_xyxy = np.array([box["box_xyxy"] for box in boxes]).reshape(-1, 4)
        person = detection.assign(box_xyxy, np.array([box["score"] for box in boxes]), people.box_xyxy[indices])
        is_found[indices[person[person >= 0]]] = True
    return {"by_group": by_group(people, "recall", is_found)}


def height(people: People) -> np.ndarray:
    """Return the heights (P,) of the boxes, px."""
    return np.asarray(people.box_xyxy[:, 3] - people.box_xyxy[:, 1])


def by_group(people: People, metric: str, value: np.ndarray) -> dict[str, dict[str, dict[str, float]]]:
    """Average a number over each group of people.

    Args:
        people: P of them.
        metric: name of the number.
        value: (P,) 0..1.

    Returns:
        {"people": count, metric: mean in %} by group, by attribute.
    """
    return {
        attribute.name: {
            name: {"people": int(mask.sum()), metric: round(100 * float(value[mask].mean()), 1)}
            for name, mask in attribute.members(people).items()
        }
        for attribute in attributes(people.keypoints.shape[1])
    }
