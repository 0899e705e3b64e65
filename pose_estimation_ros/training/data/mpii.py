"""Persons of MPII, whose files evaluation.mpii reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pose_estimation_ros.evaluation import mpii
from pose_estimation_ros.training.data.coco import Person

JOINTS = mpii.JOINTS


def mpii_json_persons(content: list, path: str | Path) -> list[Person]:
    """HRNet's JSON. Raises DataError as evaluation.mpii.json_persons."""
    return persons_of(mpii.json_persons(content, path))


def mpii_h5_persons(path: str | Path) -> list[Person]:
    """The hourglass's h5. Raises DataError as evaluation.mpii.h5_persons."""
    return persons_of(mpii.h5_persons(path))


def persons_of(read: mpii.Persons) -> list[Person]:
    """The same one by one; annotation: the place in the file."""
    boxes, keypoints = read.box_xyxy.astype(np.float32), read.keypoints.astype(np.float32)
    return [Person(i, name, boxes[i], keypoints[i]) for i, name in enumerate(read.file_name)]
