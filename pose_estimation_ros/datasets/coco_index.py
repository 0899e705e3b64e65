"""Read COCO's annotations for evaluation, as pycocotools' index of images and persons."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO

from pose_estimation_ros.core.atomic_files import read_json
from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.geometry import xywh_to_xyxy
from pose_estimation_ros.core.skeleton import Skeleton, get_skeleton
from pose_estimation_ros.datasets.coco_categories import COCO_CATEGORIES, PERSON, Categories, annotated_skeleton
from pose_estimation_ros.datasets.coco_faults import Entry
from pose_estimation_ros.datasets.coco_fields import is_counted, with_areas
from pose_estimation_ros.datasets.coco_json import Boxes, annotation_file, checked_content

SKELETON = "coco17"
COCO17 = get_skeleton(SKELETON)
# Keys in the dataset of an index: the Categories of its file, and the Skeleton by whose sigmas it is judged.
PERSON_CATEGORIES, PERSON_SKELETON = "person_categories", "person_skeleton"


def load_ground_truth(data: str | Path, content: Any = None, skeleton: Skeleton | None = None) -> COCO:
    """Read COCO's annotations.

    Args:
        data: the annotation file, or the folder of its person_keypoints.json.
        content: the file's content, None to read it.
        skeleton: skeleton of the persons' keypoints, None for that of the file.

    Raises:
        DataError: as index_persons, and as annotated_skeleton.
    """
    path = annotation_file(data)
    content = read_json(path) if content is None else content
    return index_persons(content, path, skeleton or annotated_skeleton(content, str(path)))


def skeleton_of(truth: COCO) -> Skeleton:
    """Return the skeleton of the persons of an index."""
    skeleton: Skeleton = truth.dataset[PERSON_SKELETON]
    return skeleton


def index_persons(content: Any, path: str | Path, skeleton: Skeleton) -> COCO:
    """Index the images and persons of an annotation file; other categories are left out.

    Args:
        content: content of the JSON file.
        path: path of the file, for messages.
        skeleton: skeleton of the persons' keypoints.

    Raises:
        DataError: names the first offender and the count: as coco_json.checked_content and coco_fields.with_areas, or
            there is nobody with keypoints.
    """
    return index_checked(*checked_content(content, path, skeleton), path, skeleton)


def index_checked(checked: dict[str, Any], categories: Categories, path: str | Path, skeleton: Skeleton) -> COCO:
    """Index the content that checked_content returned.

    Args:
        checked: the content.
        categories: categories of the file.
        path: path of the file, for messages.
        skeleton: skeleton of the persons' keypoints.

    Raises:
        DataError: as index_persons.
    """
    images = {image["id"]: image for image in checked["images"]}
    annotations = with_areas(checked["annotations"], images, path)
    if not any(is_counted(a) for a in annotations):
        raise DataError(
            f"{path}: expected persons with keypoints, found none in {len(checked['annotations'])} annotations"
        )
    return index(checked["images"], annotations, categories, skeleton)


def index(
    images: list[Entry],
    annotations: list[Entry],
    categories: Categories = COCO_CATEGORIES,
    skeleton: Skeleton = COCO17,
) -> COCO:
    """Make pycocotools' index of images and annotations.

    Args:
        images: entries of "images".
        annotations: those of persons. Copies of them get ids from 1 in their order: in pycocotools' matches the id 0
            stands for nobody, and ids of other kinds are cut to numbers.
        categories: categories of the file, kept as dataset[PERSON_CATEGORIES].
        skeleton: skeleton of the persons' keypoints, kept as dataset[PERSON_SKELETON].
    """
    truth = COCO()
    numbered = [{**annotation, "id": number} for number, annotation in enumerate(annotations, 1)]
    truth.dataset = {"images": images, "annotations": numbered, "categories": [{"id": PERSON}]}
    truth.dataset.update({PERSON_CATEGORIES: categories, PERSON_SKELETON: skeleton})
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        truth.createIndex()
    return truth


def ground_truth_boxes(truth: COCO) -> Boxes:
    """Return the annotated boxes of everybody with keypoints, with score 1."""
    boxes = {}
    for image_id in truth.getImgIds():
        persons = [a for a in truth.imgToAnns[image_id] if is_counted(a)]
        boxes[image_id] = xywh_to_xyxy(np.array([a["bbox"] for a in persons])), np.ones(len(persons), np.float32)
    return boxes
