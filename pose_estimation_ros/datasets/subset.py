"""Cut a part of a data set in COCO's layout: the images whose ids a file lists, with their annotations."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from pose_estimation_ros.core.atomic_files import new_folder, read_json, write_json
from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.datasets.coco_faults import brief, refuse
from pose_estimation_ros.datasets.coco_ids import Id, find_id
from pose_estimation_ros.datasets.coco_json import ANNOTATIONS, checked_content, refuse_missing_images


@dataclass(frozen=True)
class Subset:
    """Say which part of a data set to write where.

    Attributes:
        annotations: annotation file in COCO's layout.
        images: folder of its images.
        ids: text file with an id of an image in each line; lines that begin with # are comments.
        out: folder of the part, which must not exist; it gets images/ and person_keypoints.json.
    """

    annotations: str
    images: str
    ids: str
    out: str


def write_subset(order: Subset) -> tuple[int, int]:
    """Write the part.

    Returns:
        Number of its images, and of its annotations of persons.

    Raises:
        ConfigError: the folder of the part exists.
        DataError: a file cannot be read or written, or an id or an image is missing; names the first and the count.
    """
    if Path(order.out).exists():
        raise ConfigError(f"expected a new folder for the part, got {order.out}, which exists")
    content = read_json(order.annotations)
    checked, _ = checked_content(content, order.annotations)
    images = {image["id"]: image for image in checked["images"]}
    chosen = chosen_ids(order.ids, set(images))
    names = [image["file_name"] for image_id, image in images.items() if image_id in chosen]
    refuse_missing_images(order.images, names)
    of_chosen = [a for a in content["annotations"] if find_id(a.get("image_id"), chosen) in chosen]
    people = sum(a["image_id"] in chosen for a in checked["annotations"])
    part = {**content, "images": [i for i in images.values() if i["id"] in chosen], "annotations": of_chosen}
    try:
        with new_folder(Path(order.out)):
            for name in names:
                target = Path(order.out, "images", name)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(Path(order.images, name), target)
            write_json(Path(order.out, ANNOTATIONS), part)
    except OSError as error:
        raise DataError(f"cannot write {order.out}: {error.strerror or error}") from error
    return len(names), people


def chosen_ids(path: str, known: set[Id]) -> set[Id]:
    """Read the ids of images from a text file.

    Args:
        path: the file.
        known: ids of the data set.

    Raises:
        DataError: the file cannot be read, has no id, or has ids of no known image.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: expected a text file of image ids, got: {error}") from error
    texts = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not texts:
        raise DataError(f"{path}: expected an id of an image in each line, got none")
    found = {text: find_id(text, known) for text in texts}
    refuse(path, "ids of no image of the annotations", [brief(text) for text, i in found.items() if i not in known])
    return {image_id for image_id in found.values() if image_id is not None}
