#!/usr/bin/env python3
"""Collect what the scores of the shipped models are calibrated on, in runs/labels/calibration.

Usage, in the repository's root: ``PYTHONPATH=. python tools/training/calibration_data.py [DATA]``; DATA is
../shared/data. It writes person_keypoints.json and images/, people whom no shipped model was trained on and whom humans
have labelled: those of crops/person_keypoints_holdout.json and of crops_more whose labels are no network's. People
labelled by a network would be the easy ones: a map fitted to all of the held-out crops is 2 points too sure. And it
writes background/, parts of the training photographs of boxes/ beside all people, also the doubtful ones. The
photographs that show nobody at all are left for the report (`make bench-scores`).
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pose_estimation_ros.training.data.images import ImageStore

OUT = Path("runs/labels/calibration")
SOURCES = {
    "crops": ("person_keypoints_holdout.json", "crops_holdout.tar"),
    "crops_more": ("person_keypoints_train.json", "crops_*.tar"),
}
BY_HUMANS = ("gt", "gt_swapped")  # labels of annotations
SMALLEST_PX = 96  # side of a background
BACKGROUNDS = 150


def collect_people(data: Path) -> int:
    """Write the annotations and images of people; return their number."""
    content: dict[str, list[dict[str, Any]]] = {"images": [], "annotations": []}
    for folder, (name, tars) in SOURCES.items():
        source = json.loads((data / folder / name).read_text())
        store = ImageStore(data / folder / tars)
        images = {image["id"]: image for image in source["images"]}
        content.setdefault("categories", source["categories"])  # those of crops name the keypoints
        for annotation in source["annotations"]:
            if annotation.get("label", annotation.get("kind")) not in BY_HUMANS:
                continue
            number, image = len(content["images"]) + 1, images[annotation["image_id"]]
            (OUT / "images" / f"{number:06}.jpg").write_bytes(store.encoded(image["file_name"]))
            content["images"].append({**image, "id": number, "file_name": f"{number:06}.jpg"})
            content["annotations"].append({**annotation, "id": number, "image_id": number})
    (OUT / "person_keypoints.json").write_text(json.dumps(content))
    return len(content["annotations"])


def beside_people(size_wh: tuple[int, int], box_xyxy: np.ndarray) -> list[int]:
    """Return the largest of the four parts of an image left of, above, right of and below all boxes.

    Args:
        size_wh: width and height of the image, px.
        box_xyxy: (N, 4) px, N > 0.

    Returns:
        Left, top, right and bottom px of the part, which may be empty.
    """
    width, height = size_wh
    left, top = np.floor(box_xyxy[:, :2].min(0)).clip(0).astype(int).tolist()
    right, bottom = np.ceil(box_xyxy[:, 2:].max(0)).astype(int).tolist()
    parts = [[0, 0, left, height], [0, 0, width, top], [right, 0, width, height], [0, bottom, width, height]]
    return max(parts, key=lambda part: min(part[2] - part[0], part[3] - part[1]))


def collect_backgrounds(data: Path) -> int:
    """Write the backgrounds; return their number."""
    source = json.loads((data / "boxes" / "person_boxes_train.json").read_text())
    store, count = ImageStore(data / "boxes" / "images_train.tar"), 0
    boxes: dict[int, list[list[float]]] = {}
    for annotation in source["annotations"]:
        x, y, width, height = annotation["bbox"]
        boxes.setdefault(annotation["image_id"], []).append([x, y, x + width, y + height])
    for image in source["images"]:
        if image["id"] not in boxes or count == BACKGROUNDS:
            continue
        left, top, right, bottom = beside_people((image["width"], image["height"]), np.array(boxes[image["id"]]))
        if min(right - left, bottom - top) >= SMALLEST_PX:
            part = store.read(image["file_name"])[top:bottom, left:right]
            cv2.imwrite(str(OUT / "background" / f"{image['id']:06}.jpg"), part)
            count += 1
    return count


def main() -> None:
    """Write all files."""
    data = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data")
    shutil.rmtree(OUT, ignore_errors=True)
    for folder in ("images", "background"):
        (OUT / folder).mkdir(parents=True)
    print(f"{OUT}: {collect_people(data)} people, {collect_backgrounds(data)} backgrounds")


if __name__ == "__main__":
    main()
