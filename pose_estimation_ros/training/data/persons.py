"""Read persons with keypoints from an annotation file of any kind and check them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pose_estimation_ros.core.atomic_files import read_json
from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.skeleton import Skeleton, get_skeleton
from pose_estimation_ros.datasets.coco_faults import refuse
from pose_estimation_ros.datasets.mpii import SKELETON
from pose_estimation_ros.training.data.coco import Person, coco_persons
from pose_estimation_ros.training.data.mpii import mpii_h5_persons, mpii_json_persons


def load_persons(path: str | Path, skeleton: Skeleton, detections: str | Path = "") -> list[Person]:
    """Read the persons with at least one labelled keypoint.

    The content says what the file is: *.h5 is MPII's h5, a JSON list is HRNet's MPII, a JSON object is COCO's or
    CrowdPose's.

    Args:
        path: path of the annotation file.
        skeleton: skeleton whose keypoints the file must have.
        detections: file of person boxes in place of the annotated ones (coco.detected_boxes), for COCO's layout.

    Returns:
        The persons.

    Raises:
        DataError: the file is unreadable or has another layout, or there are another number of keypoints, keypoints
            that are not finite, a box without area, or nobody usable; it names the first offender and the count.
    """
    content = None if Path(path).suffix == ".h5" else read_json(path)
    if isinstance(content, dict):
        persons = coco_persons(content, path, skeleton, detections)
    elif detections:
        raise DataError(f"{path}: detections need annotations with image ids, COCO's layout; this file is MPII's")
    elif skeleton.keypoints != get_skeleton(SKELETON).keypoints:
        raise DataError(f"{path}: expected the skeleton mpii16 for MPII, got {skeleton.name}")
    else:
        persons = mpii_h5_persons(path) if content is None else mpii_json_persons(content, path)
    return usable(persons, path)


def usable(persons: list[Person], path: str | Path) -> list[Person]:
    """Return the persons with a labelled keypoint; raise DataError for one with an impossible box or keypoint.

    Args:
        persons: the persons.
        path: path of the file, for the message.
    """
    endless = [f"annotation {p.annotation}" for p in persons if not np.isfinite(p.keypoints).all()]
    refuse(path, "persons with keypoints that are not finite", endless)
    labelled = [p for p in persons if (p.keypoints[:, 2] > 0).any()]
    flat = [p for p in labelled if not (p.box_xyxy[2:] > p.box_xyxy[:2]).all()]
    refuse(path, "persons whose box has no area", [f"annotation {p.annotation} with {p.box_xyxy}" for p in flat])
    if not labelled:
        raise DataError(f"{path}: expected persons with keypoints, found none")
    return labelled
