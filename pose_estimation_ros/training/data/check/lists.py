"""Check lists of boxes that a detector found, and of predicted keypoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pose_estimation_ros.core.skeleton import SKELETONS, Skeleton, get_skeleton
from pose_estimation_ros.datasets import mpii
from pose_estimation_ros.datasets.coco_categories import COCO_CATEGORIES, Categories
from pose_estimation_ros.datasets.coco_ids import Id, plain_id
from pose_estimation_ros.datasets.coco_json import read_detections
from pose_estimation_ros.datasets.predictions import read_results
from pose_estimation_ros.training.data.check.annotations import ask
from pose_estimation_ros.training.data.check.report import Report

USUAL = ("coco17", "mpii16", "crowdpose14")  # of several skeletons with as many keypoints, the one that is meant

Known = tuple[Mapping[Id, Any], Categories, Skeleton]  # images by id, categories and skeleton of annotations


def is_predictions(content: list[Any]) -> bool:
    """Tell whether a list has predicted keypoints, in COCO's results format."""
    return any(isinstance(entry, dict) and {"image_id", "keypoints"} <= set(entry) for entry in content)


def is_detections(content: list[Any]) -> bool:
    """Tell whether a list has boxes that a detector found, in COCO's detections format."""
    return any(isinstance(entry, dict) and {"image_id", "bbox"} <= set(entry) for entry in content)


def check_detections(path: str, content: list[Any], known: Known | None) -> Report:
    """Check a list of boxes.

    Args:
        path: path of the file.
        content: its content.
        known: what the annotations of the same images hold, None where they are not at hand.
    """
    report = Report(path, "boxes of a detector, COCO's detections format")
    images, categories, _ = known or (ids_of(content), COCO_CATEGORIES, None)
    ask(report, content, {"": lambda part: read_detections(path, images, categories=categories, content=part)})
    report.facts = {"images": len(ids_of(content)), "boxes": len(content), **comparison(known)}
    return report


def check_predictions(path: str, content: list[Any], known: Known | None) -> Report:
    """Check a list of predicted keypoints.

    Args:
        path: path of the file.
        content: its content.
        known: what the annotations of the same images hold, None where they are not at hand.
    """
    report = Report(path, "predicted keypoints, COCO's results format")
    images, categories, skeleton = known or (ids_of(content), COCO_CATEGORIES, skeleton_of(content))
    ask(report, content, {"": lambda part: read_results(path, images, skeleton, categories, part)})
    report.facts = {"images": len(ids_of(content)), "people": len(content), "skeleton": skeleton.name}
    report.facts.update(comparison(known))
    return report


def check_mpii_predictions(path: str) -> Report:
    """Check the h5 of predictions for MPII's persons."""
    report = Report(path, "predicted joints of MPII's persons, h5")
    (preds,) = mpii.read_h5(path, ("preds",))
    report.facts["shape"] = "x".join(map(str, preds.shape))
    return report


def ids_of(content: list[Any]) -> dict[Id, dict[str, Any]]:
    """Return the images that the entries of a list name, by id, without a size."""
    found = [plain_id(entry.get("image_id")) for entry in content if isinstance(entry, dict)]
    return {image_id: {} for image_id in found if image_id is not None}


def skeleton_of(content: list[Any]) -> Skeleton:
    """Return the known skeleton with as many keypoints as the first prediction has; COCO's where there is none."""
    lists = [entry["keypoints"] for entry in content if isinstance(entry, dict) and "keypoints" in entry]
    count = len(lists[0]) / 3 if lists and isinstance(lists[0], list) else 0
    names = [name for name in (*USUAL, *SKELETONS) if SKELETONS[name].num_keypoints == count]
    return get_skeleton(names[0] if names else USUAL[0])


def comparison(known: Known | None) -> dict[str, str]:
    """Say with what a list was compared."""
    return {} if known else {"compared_with": "no annotations; --annotations FILE names them"}
