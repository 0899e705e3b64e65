"""Read the scenes of bottom-up training: images with the joints of all people, and regions that are masked."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Collection, NamedTuple, Sequence

import numpy as np
from pycocotools import mask as rle

from pose_estimation_ros.core.atomic_files import read_json
from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.geometry import iou, xywh_to_xyxy
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.datasets.coco_faults import FaultyEntries, Size, brief, size_of
from pose_estimation_ros.datasets.coco_fields import is_counted
from pose_estimation_ros.datasets.coco_json import AnnotatedImage, annotated_images, read_coco_json
from pose_estimation_ros.datasets.coco_warnings import warn_of_persons
from pose_estimation_ros.datasets.notes import warn
from pose_estimation_ros.datasets.segmentations import regions, unfit_outline
from pose_estimation_ros.training.data.coco import ABSENT, refuse_odd_keypoint_scores, refuse_odd_scores

MADE_BY_MODEL = ("label", "kind")  # keys of annotations whose keypoints a model may have made
SAME_IOU = 0.4  # overlap from which two boxes are one person's
LEAST_SCORE = 0.2  # of a detected box that is masked


class Scene(NamedTuple):
    """Hold one image with its people.

    Attributes:
        file_name: file name of the image.
        keypoints: (P, K, 3), x and y in px, visibility.
        ignored: compressed RLE of what is masked, or {}.
        corners: (P, 4, 2) px of the people's boxes.
        unknown: (P, K) bool, whether a joint without a label may be somewhere in the box.
        peak: (P, K) float32, height of each joint's heatmap: 0 without a label, else 1 or the score of a teacher.
        size: width and height of the image as annotated, where they are known.
    """

    file_name: str
    keypoints: np.ndarray
    ignored: dict[str, Any]
    corners: np.ndarray
    unknown: np.ndarray
    peak: np.ndarray
    size: Size | None = None


def load_scenes(
    path: str | Path, skeleton: Skeleton, others: str | Path = "", keep_empty: bool = False, content: Any = None
) -> list[Scene]:
    """Read the images of a COCO or CrowdPose file whose people are all annotated, or found by a detector.

    Images without any person are left out, as in HigherHRNet's code. So are those with "annotations_complete": false
    that are not among the images of ``others``, because their unlabelled people would be learned as background. Crowds
    and persons without keypoints are masked by their segmentation, or by their box where there is none, as in
    CrowdPose. Where a teacher gave "keypoint_scores", joints without a label may still be there if their score is
    ABSENT or more; with another key of MADE_BY_MODEL, all of them may.

    Args:
        path: path of the annotation file.
        skeleton: skeleton whose keypoints the file must have.
        others: path of a file with boxes of all people of these images, in COCO's layout, such as that of
            tools/label_persons; who has no annotation is masked. Images that it lacks are warned about.
        keep_empty: whether images without any annotation are kept, as images of nobody.
        content: content of the file, None to read it.

    Returns:
        A scene for each image.

    Raises:
        DataError: as read_coco_json, and for a segmentation that does not fit its image, scores that do not fit the
            keypoints, ``others`` of other images or with odd scores, or nobody with keypoints in the whole file.
    """
    annotated = annotated_images(read_json(path) if content is None else content, path, skeleton)
    refuse_odd_keypoint_scores(path, [a for _, items in annotated for a in items], skeleton)
    images = {image["id"]: image for image, _ in annotated}
    warn_of_persons([a for _, items in annotated for a in items if is_counted(a)], images, path)
    kept = [(image, items) for image, items in annotated if items or keep_empty]
    found = boxes_by_name(others) if others else {}
    if others and kept:
        check_names(found, [image["file_name"] for image, _ in kept], others, path)
    scenes = []
    for image, items in kept:
        name = image["file_name"]
        if name in found or image.get("annotations_complete", True):
            scenes.append(make_scene((image, items), without_annotation(found.get(name, []), items), skeleton, path))
    if not any((scene.keypoints[..., 2] > 0).any() for scene in scenes):
        raise DataError(f"{path}: expected persons with keypoints in images with complete annotations, found none")
    return scenes


def make_scene(annotated: AnnotatedImage, others: list[dict[str, Any]], skeleton: Skeleton, path: str | Path) -> Scene:
    """Make the scene of an image.

    Args:
        annotated: entry of the image, and its annotations.
        others: annotations with a "bbox" of further people, who are masked.
        skeleton: skeleton of the keypoints.
        path: path of the annotation file, for messages.

    Raises:
        DataError: as ignored_region.
    """
    image, items = annotated
    labelled = [item for item in items if is_counted(item)]
    keypoints = np.array([item["keypoints"] for item in labelled], np.float32)
    keypoints = keypoints.reshape(-1, skeleton.num_keypoints, 3)
    ignored = ignored_region(image, [*(item for item in items if not is_counted(item)), *others], path)
    corners = box_corners([item["bbox"] for item in labelled])
    unknown = np.array([unknown_joints(item) for item in labelled], bool).reshape(keypoints.shape[:2])
    scores = np.array([item.get("keypoint_scores", [1] * skeleton.num_keypoints) for item in labelled], np.float32)
    peak = np.where(keypoints[..., 2] > 0, scores.reshape(keypoints.shape[:2]), 0)
    return Scene(image["file_name"], keypoints, ignored, corners, unknown, peak, size_of(image))


def unknown_joints(item: dict[str, Any]) -> np.ndarray:
    """Return which joints (K,) of an annotation have no label but may be there."""
    unlabelled: np.ndarray = np.array(item["keypoints"])[2::3] == 0
    if "keypoint_scores" in item:
        return unlabelled & (np.array(item["keypoint_scores"]) >= ABSENT)
    return unlabelled & any(key in item for key in MADE_BY_MODEL)


def boxes_by_name(path: str | Path) -> dict[str, list[dict[str, Any]]]:
    """Read a file of detected people as file name of an image -> annotations of a score of at least LEAST_SCORE.

    Raises DataError as read_coco_json, and for scores that are not finite numbers.
    """
    annotated = read_coco_json(path)
    refuse_odd_scores(path, [item for _, items in annotated for item in items])
    return {
        image["file_name"]: [item for item in items if item.get("score", 1) >= LEAST_SCORE]
        for image, items in annotated
    }


def check_names(found: Collection[str], names: Sequence[str], others: str | Path, path: str | Path) -> None:
    """Warn about images in which no detector has looked for people, and refuse a file of detected people without any.

    Args:
        found: file names of the images of the file of detected people.
        names: file names of the annotated images.
        others: path of the file of detected people, for messages.
        path: path of the annotation file, for messages.

    Raises:
        DataError: none of the annotated images is among those of ``others``.
    """
    missing = [name for name in names if name not in found]
    if len(missing) == len(names):
        raise DataError(f"{others}: expected images of {path}, got none of its {len(names)} file names")
    if missing:
        lacking = f"lacks {len(missing)} of {len(names)} images of {path}, the first: {brief(missing[0])}"
        warn(f"{others}: {lacking}; they are left out where their annotations are not complete")


def without_annotation(found: list[dict[str, Any]], items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return those of the found people who are nobody of the annotated ones.

    Args:
        found: annotations with a "bbox".
        items: annotations with a "bbox".
    """
    boxes, known = (xywh_to_xyxy(np.array([item["bbox"] for item in x], float).reshape(-1, 4)) for x in (found, items))
    overlap = iou(boxes, known).max(1, initial=0)
    return [item for item, share in zip(found, overlap) if share < SAME_IOU]


def box_corners(boxes: Sequence[Sequence[float]]) -> np.ndarray:
    """Return the corners (P, 4, 2) float32, in turn around each box, of P boxes x, y, width, height."""
    return xywh_to_xyxy(np.array(boxes))[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)


def ignored_region(image: dict[str, Any], items: list[dict[str, Any]], path: str | Path) -> dict[str, Any]:
    """Return the union of annotations' regions as compressed RLE, which is small enough to keep for all of COCO.

    Args:
        image: image of the annotations.
        items: annotations of what is masked.
        path: path of the annotation file, for messages.

    Returns:
        The RLE, or {} where nothing is masked.

    Raises:
        DataError: the image's size is unknown, or a segmentation does not fit it.
    """
    if not items:
        return {}
    size = size_of(image)
    if size is None:
        message = f"{path}: expected width and height of image {image['id']}, which has people to be masked"
        problem = "images without width and height that have people to be masked"
        raise FaultyEntries(message, problem, 1, [f"image {brief(image['id'])}"])
    parts = []
    for item in items:
        try:
            parts += regions(item, size[::-1])
        except DataError as error:
            raise unfit_outline(f"annotation {item.get('id')} of {image['file_name']}: {error}", path) from error
    merged: dict[str, Any] = rle.merge(parts)  # type: ignore[assignment]
    return merged
