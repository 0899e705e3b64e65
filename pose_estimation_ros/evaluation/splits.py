"""Annotated images in two halves: one to choose models and settings by, one to report, which no choice has seen.

An image's half follows from its id alone, CRC-32 of the decimal digits, even: "choose", odd: "report". So it is the
same in every file that has the image, on every machine, and whoever adds images moves none.
"""

from __future__ import annotations

import zlib

from pycocotools.coco import COCO

from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.datasets.coco_fields import is_counted
from pose_estimation_ros.datasets.coco_ids import Id
from pose_estimation_ros.evaluation.metrics.coco import PERSON_CATEGORIES, index

HALVES = ("choose", "report")


def half_of(image_id: Id) -> str:
    return HALVES[zlib.crc32(str(image_id).encode()) % 2]


def is_in(image_id: Id, half: str | None) -> bool:
    """Whether the image is in this half; None is the whole."""
    return half is None or half_of(image_id) == half


def narrowed(truth: COCO, half: str | None) -> COCO:
    """The annotations of the images of one half; of None, as they are.

    Raises ConfigError for MPII's annotations, which are of persons without an image id; DataError if the half has
    nobody with keypoints.
    """
    if half is None:
        return truth
    if not isinstance(truth, COCO):
        raise ConfigError(f"expected COCO's or CrowdPose's annotations for the half {half!r}, got MPII's")
    images = [image for image in truth.dataset["images"] if is_in(image["id"], half)]
    annotations = [a for a in truth.dataset["annotations"] if is_in(a["image_id"], half)]
    if not any(map(is_counted, annotations)):
        raise DataError(f"expected persons with keypoints in the half {half!r}, found none in {len(images)} images")
    return index(images, annotations, truth.dataset[PERSON_CATEGORIES])
