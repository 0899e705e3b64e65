"""Split annotated images into two halves: "choose" for choosing models and settings, "report" for reporting figures.

The half of an image follows from its id alone: the CRC-32 of the decimal digits is even for "choose", odd for "report".
So an image is in the same half in every file and on every machine, and images that are added move none.
"""

from __future__ import annotations

import zlib
from typing import TypeVar

from pycocotools.coco import COCO

from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.datasets.coco_fields import is_counted
from pose_estimation_ros.datasets.coco_ids import Id
from pose_estimation_ros.datasets.coco_index import PERSON_CATEGORIES, index, skeleton_of
from pose_estimation_ros.datasets.mpii import Persons

HALVES = ("choose", "report")

Truth = TypeVar("Truth", COCO, Persons)


def half_of(image_id: Id) -> str:
    """Return the half of an image."""
    return HALVES[zlib.crc32(str(image_id).encode()) % 2]


def is_in_half(image_id: Id, half: str | None) -> bool:
    """Tell whether an image is in this half; None stands for all images.

    Args:
        image_id: id of the image.
        half: "choose", "report" or None.
    """
    return half is None or half_of(image_id) == half


def select_half(truth: Truth, half: str | None) -> Truth:
    """Select the annotations of one half of the images.

    Args:
        truth: the annotations of all images.
        half: one of HALVES, None for all images.

    Raises:
        ConfigError: the annotations are MPII's, whose persons have no image id.
        DataError: the half has nobody with keypoints.
    """
    if half is None:
        return truth
    if isinstance(truth, Persons):
        raise ConfigError(f"expected COCO's or CrowdPose's annotations for the half {half!r}, got MPII's")
    images = [image for image in truth.dataset["images"] if is_in_half(image["id"], half)]
    annotations = [a for a in truth.dataset["annotations"] if is_in_half(a["image_id"], half)]
    if not any(map(is_counted, annotations)):
        raise DataError(f"expected persons with keypoints in the half {half!r}, found none in {len(images)} images")
    return index(images, annotations, truth.dataset[PERSON_CATEGORIES], skeleton_of(truth))
