"""Read the annotation files of CrowdPose.

Source: Li et al., "CrowdPose: Efficient Crowded Scenes Pose Estimation and A New Benchmark", CVPR 2019,
arXiv:1812.00324. The files have COCO's format. In addition, every image has a "crowdIndex"; there are no areas, and a
person's is 0.53 of its box's, as in the data set's own tool.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pycocotools.coco import COCO

from pose_estimation_ros.core.atomic_files import read_json
from pose_estimation_ros.core.skeleton import Skeleton, get_skeleton
from pose_estimation_ros.datasets.coco_faults import finite_numbers, refuse
from pose_estimation_ros.datasets.coco_fields import MASK_OF_BOX
from pose_estimation_ros.datasets.coco_index import index_checked
from pose_estimation_ros.datasets.coco_json import annotation_file, checked_content

SKELETON = "crowdpose14"


def is_crowdpose(content: Any) -> bool:
    """Tell whether a JSON file's content is CrowdPose's and not COCO's: its images have a crowdIndex."""
    images = content.get("images") if isinstance(content, dict) else None
    return isinstance(images, list) and any(isinstance(image, dict) and "crowdIndex" in image for image in images)


def load_ground_truth(data: str | Path, content: Any = None, skeleton: Skeleton | None = None) -> COCO:
    """Read CrowdPose's annotations, as pycocotools' index of images and persons.

    Args:
        data: the annotation file, or the folder of its person_keypoints.json.
        content: the file's content, None to read it.
        skeleton: SKELETON with other sigmas, None for its own.

    Raises:
        DataError: names the first offender and the count: as coco_index.index_persons, or an image has no crowdIndex.
    """
    path, skeleton = annotation_file(data), skeleton or get_skeleton(SKELETON)
    checked, categories = checked_content(read_json(path) if content is None else content, path, skeleton)
    unknown = [image["id"] for image in checked["images"] if not finite_numbers(image.get("crowdIndex"), ())]
    refuse(path, "images without a crowdIndex", unknown)
    persons = [{**a, "area": MASK_OF_BOX * a["bbox"][2] * a["bbox"][3]} for a in checked["annotations"]]
    return index_checked({**checked, "annotations": persons}, categories, path, skeleton)
