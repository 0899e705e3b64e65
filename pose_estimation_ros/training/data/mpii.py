"""Read the persons of MPII's annotation files, one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pose_estimation_ros.datasets import mpii
from pose_estimation_ros.training.data.coco import Person


def mpii_json_persons(content: list[Any], path: str | Path) -> list[Person]:
    """Read persons from HRNet's JSON.

    Args:
        content: content of the file.
        path: path of the file, for messages.

    Raises:
        DataError: as json_persons.
    """
    return persons_of(mpii.json_persons(content, path))


def mpii_h5_persons(path: str | Path) -> list[Person]:
    """Read persons from the h5 file of the hourglass networks; raise DataError as h5_persons."""
    return persons_of(mpii.h5_persons(path))


def persons_of(read: mpii.Persons) -> list[Person]:
    """Turn arrays of persons into a list; the annotation of each is its place in the file."""
    boxes, keypoints = read.box_xyxy.astype(np.float32), read.keypoints.astype(np.float32)
    return [Person(i, name, boxes[i], keypoints[i]) for i, name in enumerate(read.file_name)]
