"""Say what is known of drawn people in the forms of further data sets: boxes of a detector, CrowdPose and MPII."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pose_estimation_ros.datasets.mpii import BOX_SIDE, DOWN

MISSED, INVENTED = 0.05, 0.3  # shares of people without a box, and of images with a box around nobody
JITTER = 0.04  # of a box's sides, relative to its size

Entry = dict[str, Any]


def detections(images: Sequence[Entry], annotations: Sequence[Entry], rng: np.random.Generator) -> list[Entry]:
    """Make the boxes that a detector might find, in COCO's detections format: moved, missed and invented ones.

    Args:
        images: entries of "images".
        annotations: those of the people.
        rng: source of all choices.
    """
    found = []
    for person in annotations:
        moved = np.array(person["bbox"]) + JITTER * rng.normal(size=4) * np.tile(person["bbox"][2:], 2)
        if rng.random() >= MISSED:
            found.append(_box(person["image_id"], np.maximum(moved, [0, 0, 4, 4]), rng.uniform(0.5, 1)))
    for image in images:
        size = np.array([image["width"], image["height"]])
        corner, share = rng.uniform(0, 0.6, 2) * size, rng.uniform(0.1, 0.4, 2)
        if rng.random() < INVENTED:
            found.append(_box(image["id"], np.concatenate([corner, share * size]), rng.uniform(0.05, 0.5)))
    return found


def _box(image_id: int, box: np.ndarray, score: float) -> Entry:
    """Return an entry of COCO's detections format.

    Args:
        image_id: id of the image.
        box: x, y, width, height, px.
        score: 0 to 1.
    """
    values = [round(float(value), 2) for value in box]
    return {"image_id": image_id, "category_id": 1, "bbox": values, "score": round(float(score), 4)}


def crowd_index(people: Sequence[Entry]) -> float:
    """Measure how crowded an image is, 0 to 1: CrowdPose's equation 1 (arXiv:1812.00324).

    It is the mean over the people of the joints of others in a person's box, relative to the person's own joints there.

    Args:
        people: annotations of the people of one image.
    """
    joints = [np.array(person["keypoints"], float).reshape(-1, 3) for person in people]
    ratios = []
    for place, person in enumerate(people):
        left_top, sides = np.split(np.array(person["bbox"], float), 2)
        inside = [
            int(((abs(k[:, :2] - left_top - sides / 2) <= sides / 2).all(1) & (k[:, 2] > 0)).sum()) for k in joints
        ]
        ratios.append((sum(inside) - inside[place]) / max(inside[place], 1))
    return min(float(np.mean(ratios)), 1.0) if ratios else 0.0


def mpii_entry(file_name: str, person: Entry) -> Entry:
    """Describe a person with the 16 keypoints of MPII as HRNet's JSON does; pixels count from 1.

    Args:
        file_name: name of the image.
        person: annotation of the person in COCO's layout.
    """
    x, y, width, height = person["bbox"]
    scale = max(width, height) / BOX_SIDE
    keypoints = np.array(person["keypoints"], float).reshape(-1, 3)
    joints = [[round(px + 1, 2), round(py + 1, 2)] if seen else [-1.0, -1.0] for px, py, seen in keypoints.tolist()]
    center = [round(x + width / 2 + 1, 2), round(y + height / 2 + 1 - DOWN * scale, 2)]
    seen = [int(flag > 0) for flag in keypoints[:, 2]]
    return {"image": file_name, "center": center, "scale": round(scale, 4), "joints": joints, "joints_vis": seen}
