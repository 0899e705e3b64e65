"""Accuracy by groups of people: of which size, how much of them is to be seen, how crowded."""

from __future__ import annotations

from types import ModuleType
from typing import Any, Callable, Iterable, NamedTuple, Sequence

import numpy as np
from pycocotools.coco import COCO

from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.evaluation.metrics import detection
from pose_estimation_ros.evaluation.metrics.localization_errors import KINDS, error_kinds, shares
from pose_estimation_ros.evaluation.metrics.matches import People, match, people_of


class Attribute(NamedTuple):
    """What people are grouped by. value_of: People -> (P,); groups: name -> from, up to but without."""

    name: str
    title: str
    value_of: Callable[[People], np.ndarray]
    groups: dict[str, tuple[float, float]]

    def members(self, people: People) -> dict[str, np.ndarray]:
        """(P,) bool of every group that has somebody."""
        value = self.value_of(people)
        chosen = {name: (value >= low) & (value < high) for name, (low, high) in self.groups.items()}
        return {name: own for name, own in chosen.items() if own.any()}


ATTRIBUTES = [
    Attribute(
        "size",
        "Size: square root of the area, px",
        lambda people: np.sqrt(people.area),
        {"to 32": (0, 32), "32 to 64": (32, 64), "64 to 96": (64, 96), "96 to 192": (96, 192),
         "from 192": (192, np.inf)},
    ),
    Attribute(
        "labelled",
        "Labelled keypoints",
        lambda people: people.labelled.sum(1),
        {"1 to 5": (1, 6), "6 to 10": (6, 11), "11 to 14": (11, 15), "15 to 17": (15, np.inf)},
    ),
    Attribute(
        "hidden",
        "Hidden keypoints, % of the labelled",
        lambda people: 100 * (people.keypoints[..., 2] == 1).sum(1) / np.maximum(people.labelled.sum(1), 1),
        {"none": (0, 1e-9), "up to 25": (1e-9, 25), "25 to 50": (25, 50), "from 50": (50, np.inf)},
    ),
    Attribute(
        "crowding",
        "Crowding: largest IoU with another person's box, %",
        lambda people: 100 * people.crowding,
        {"none": (0, 1e-9), "up to 10": (1e-9, 10), "10 to 30": (10, 30), "from 30": (30, np.inf)},
    ),
]  # fmt: skip


def of_poses(judge: ModuleType, truth: COCO, results: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """by_group: AR of each group of people, whose mean over all people is the AR; kinds_of_errors: % of keypoints."""
    skeleton, people = get_skeleton(judge.SKELETON), people_of(truth)
    _, matches = match(truth, people, results, skeleton)
    parts = 100 * shares(error_kinds(truth, people, matches, skeleton))
    kinds = {kind: round(float(part), 1) for kind, part in zip(KINDS, parts)}
    return {"by_group": by_group(people, "AR", matches.recall), "kinds_of_errors": kinds}


def of_boxes(truth: COCO, results: Sequence[dict[str, Any]], score: float) -> dict[str, Any]:
    """by_group: recall in % of a detector's boxes with at least this score, of the people whom detection.load_truth
    counts; boxes as accuracy_of_detector gives them."""
    people = people_of(truth)
    counted = (people.labelled.sum(1) >= detection.MIN_KEYPOINTS) & (height(people) >= detection.MIN_HEIGHT)
    people = People(*(column[counted] for column in people))
    found = np.zeros(len(people.area), bool)
    for image_id in np.unique(people.image_id):
        name, own = truth.imgs[image_id]["file_name"], np.flatnonzero(people.image_id == image_id)
        boxes = [r for r in results if r["file_name"] == name and r["score"] >= score]
        box_xyxy = np.array([box["box_xyxy"] for box in boxes]).reshape(-1, 4)
        person = detection.assign(box_xyxy, np.array([box["score"] for box in boxes]), people.box_xyxy[own])
        found[own[person[person >= 0]]] = True
    return {"by_group": by_group(people, "recall", found)}


def height(people: People) -> np.ndarray:
    """(P,) px."""
    return people.box_xyxy[:, 3] - people.box_xyxy[:, 1]


def by_group(people: People, metric: str, value: np.ndarray) -> dict[str, dict[str, dict[str, float]]]:
    """attribute -> group -> {"people": count, metric: mean in % of a value (P,) in 0..1}."""
    return {
        attribute.name: {
            name: {"people": int(own.sum()), metric: round(100 * float(value[own].mean()), 1)}
            for name, own in attribute.members(people).items()
        }
        for attribute in ATTRIBUTES
    }
