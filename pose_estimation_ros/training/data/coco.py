"""Reading COCO's person keypoint JSON: the official layout, and the crop pack, which is the same with tar files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.geometry import xywh_to_xyxy


class Person(NamedTuple):
    """One annotated person. keypoints (K, 3): x, y px of the image, visibility 0 unlabelled, 1 hidden, 2 visible."""

    file_name: str
    box_xyxy: np.ndarray
    keypoints: np.ndarray


def load_persons(path: str | Path, num_keypoints: int) -> list[Person]:
    """Persons with at least one labelled keypoint, crowds left out.

    Raises DataError: unreadable, not COCO's layout, another number of keypoints, or nobody usable.
    """
    annotations = read_coco_json(path)
    names = {image["id"]: image["file_name"] for image in annotations["images"]}
    persons = []
    for item in annotations["annotations"]:
        if item.get("iscrowd") or not item.get("num_keypoints"):
            continue
        keypoints = np.asarray(item["keypoints"], np.float32)
        if keypoints.size != 3 * num_keypoints or item["image_id"] not in names:
            raise DataError(
                f"{path}: annotation {item.get('id')}: expected {3 * num_keypoints} keypoint numbers and a known "
                f"image_id, got {keypoints.size} and {item['image_id']}"
            )
        persons.append(Person(names[item["image_id"]], xywh_to_xyxy(item["bbox"])[0], keypoints.reshape(-1, 3)))
    if not persons:
        raise DataError(f"{path}: expected persons with keypoints, found none in {len(annotations['annotations'])}")
    return persons


def read_coco_json(path: str | Path) -> dict:
    """A COCO annotation file, checked for its lists "images" and "annotations"."""
    try:
        content = json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read annotations {path}: {error}") from error
    if not isinstance(content, dict) or not all(isinstance(content.get(k), list) for k in ("images", "annotations")):
        raise DataError(f"{path}: expected COCO's lists 'images' and 'annotations'")
    return content
