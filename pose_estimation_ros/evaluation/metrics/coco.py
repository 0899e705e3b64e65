"""COCO keypoint AP; pycocotools is the judge."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any, Collection, Iterable, Iterator, Sequence

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pose_estimation_ros.core.atomic_files import read_json
from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.geometry import crop_matrices, nms, xywh_to_xyxy
from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.core.skeleton import Skeleton, get_skeleton
from pose_estimation_ros.datasets.coco_categories import COCO_CATEGORIES, PERSON, Categories
from pose_estimation_ros.datasets.coco_faults import size_of
from pose_estimation_ros.datasets.coco_fields import is_counted, with_areas
from pose_estimation_ros.datasets.coco_ids import Id
from pose_estimation_ros.datasets.coco_json import (
    Boxes,
    annotation_file,
    checked_content,
    refuse_other_size,
)
from pose_estimation_ros.imaging.images import read_image
from pose_estimation_ros.inference.bottom_up import BottomUp
from pose_estimation_ros.inference.top_down import TopDown

SKELETON = "coco17"
PERSON_CATEGORIES = "person_categories"  # of an index's dataset: the Categories of its file
METRICS = ("AP", "AP50", "AP75", "APM", "APL", "AR")  # COCOeval.stats[:6] for keypoints
NMS_OKS = 0.9


def load_ground_truth(data: str | Path, content: Any = None) -> COCO:
    """COCO's annotations: a file, or a folder with person_keypoints.json; content: what is in it, if read already.

    Raises DataError as index_persons.
    """
    path = annotation_file(data)
    return index_persons(read_json(path) if content is None else content, path, get_skeleton(SKELETON))


def index_persons(content: Any, path: str | Path, skeleton: Skeleton) -> COCO:
    """pycocotools' index of a file's images and persons; other categories are left out.

    Raises DataError, naming the first offender and the count: as coco_json.checked_content and coco_fields.with_areas,
    or nobody with keypoints.
    """
    return index_checked(*checked_content(content, path, skeleton), path)


def index_checked(checked: dict[str, Any], categories: Categories, path: str | Path) -> COCO:
    """Make pycocotools' index of what checked_content returned. Raises DataError as index_persons."""
    images = {image["id"]: image for image in checked["images"]}
    annotations = with_areas(checked["annotations"], images, path)
    if not any(is_counted(a) for a in annotations):
        raise DataError(
            f"{path}: expected persons with keypoints, found none in {len(checked['annotations'])} annotations"
        )
    return index(checked["images"], annotations, categories)


def index(images: list[dict], annotations: list[dict], categories: Categories = COCO_CATEGORIES) -> COCO:
    """Make pycocotools' index of images and annotations.

    Args:
        images: entries of "images".
        annotations: of persons. Copies of them get ids from 1 in their order: in pycocotools' matches the id 0 stands
            for nobody, and ids of other kinds are cut to numbers.
        categories: of the file, kept as dataset[PERSON_CATEGORIES].
    """
    truth = COCO()
    numbered = [{**annotation, "id": number} for number, annotation in enumerate(annotations, 1)]
    truth.dataset = {"images": images, "annotations": numbered, "categories": [{"id": PERSON}]}
    truth.dataset[PERSON_CATEGORIES] = categories
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        truth.createIndex()
    return truth


def ground_truth_boxes(truth: COCO) -> Boxes:
    """The annotated boxes of everybody with keypoints, score 1."""
    boxes = {}
    for image_id in truth.getImgIds():
        persons = [a for a in truth.imgToAnns[image_id] if is_counted(a)]
        boxes[image_id] = xywh_to_xyxy(np.array([a["bbox"] for a in persons])), np.ones(len(persons), np.float32)
    return boxes


def predict(estimator: TopDown, truth: COCO, folder: str | Path, boxes: Boxes) -> Iterator[tuple[Id, Poses]]:
    """(image id, poses) of every image with boxes; person_score = box score x mean keypoint score, OKS-NMS 0.9.

    Raises DataError for an image that cannot be read.
    """
    for image_id, (box_xyxy, box_score) in boxes.items():
        if len(box_xyxy):
            frame = annotated_image(truth, folder, image_id)
            yield image_id, poses_in_boxes(estimator, frame, box_xyxy, box_score)


def poses_in_boxes(estimator: TopDown, frame: np.ndarray, box_xyxy: np.ndarray, box_score: np.ndarray) -> Poses:
    """The protocol for one image: person_score = box score x mean keypoint score, OKS-NMS 0.9 as in HRNet's code."""
    poses = estimator(frame, box_xyxy)
    person_score = poses.person_score * box_score
    similarity = pose_similarity(poses.xy, crop_area(box_xyxy, estimator.spec), estimator.skeleton.sigmas)
    return poses._replace(person_score=person_score).select(nms(similarity, person_score, NMS_OKS))


def crop_area(box_xyxy: np.ndarray, spec: ModelSpec) -> np.ndarray:
    """(N,) px^2 of the image that the crops of these boxes (N, 4) show."""
    matrices = crop_matrices(box_xyxy, spec.input_size_wh, spec.padding)
    return np.prod(spec.input_size_wh) / np.linalg.det(matrices[..., :2])


def pose_similarity(xy: np.ndarray, area: np.ndarray, sigmas: Sequence[float]) -> np.ndarray:
    """(N, N) OKS of poses (N, K, 2), areas (N,) of their crops, as HRNet's lib/nms/nms.py: other than at runtime
    (core.oks.oks_nms) all keypoints weigh alike, whatever their scores, and the area is the mean of the two.
    """
    squared = ((xy[:, None] - xy) ** 2).sum(-1)
    return np.exp(-squared / ((area[:, None] + area)[..., None] * (2 * np.array(sigmas)) ** 2)).mean(-1)


def predict_bottom_up(estimator: BottomUp, truth: COCO, folder: str | Path) -> Iterator[tuple[Id, Poses]]:
    """(image id, poses) of every image. Raises DataError for an image that cannot be read."""
    for image_id in truth.getImgIds():
        yield image_id, estimator(annotated_image(truth, folder, image_id))


def annotated_image(truth: COCO, folder: str | Path, image_id: Id) -> np.ndarray:
    """Read an image (H, W, 3) uint8 BGR. Raises DataError where it cannot be read, or has not its annotated size."""
    path = Path(folder, "images", truth.imgs[image_id]["file_name"])
    image = read_image(str(path))
    refuse_other_size(image, size_of(truth.imgs[image_id]), path)
    return image


def keypoint_ap(truth: COCO, results: Iterable[dict[str, Any]]) -> dict[str, float]:
    """Return METRICS in 0..100 by pycocotools; all 0 without results, -1 where nobody is annotated.

    Results that are not finite count as missed (finite_results).
    """
    results = finite_results(results)
    if not results:
        return dict.fromkeys(METRICS, 0.0)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = judge(truth, load_results(truth, results), get_skeleton(SKELETON))
        evaluation.summarize()
    return {name: percent(value) for name, value in zip(METRICS, evaluation.stats)}


def finite_results(results: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the results whose keypoints and score are finite: pycocotools takes an OKS of NaN for a match."""
    return [r for r in results if np.isfinite(r["score"]) and np.isfinite(r["keypoints"]).all()]


def found_people(results: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the results of a model with a keypoint that was found: finite, and not all of them with the score 0.

    A backend gives the score 0 to keypoints that the network computed as NaN or infinite.
    """
    return [result for result in finite_results(results) if any(result["keypoints"][2::3])]


def load_results(truth: COCO, results: Iterable[dict[str, Any]]) -> COCO:
    """Make pycocotools' index of the finite results, of copies; of none, too, which its own loadRes refuses."""
    fields = ("image_id", "category_id", "keypoints", "score")
    kept = [{field: result[field] for field in fields} for result in finite_results(results)]
    with contextlib.redirect_stdout(io.StringIO()):
        if kept:
            return truth.loadRes(kept)
        nobody = COCO()
        nobody.dataset = {**truth.dataset, "annotations": []}
        nobody.createIndex()
        return nobody


def judge(
    truth: COCO,
    found: COCO,
    skeleton: Skeleton,
    image_ids: Collection[Id] | None = None,
    oks_thresholds: Sequence[float] | None = None,
) -> COCOeval:
    """pycocotools' evaluation, accumulated; of these images alone and at these thresholds where they are given."""
    evaluation = COCOeval(truth, found, "keypoints")
    evaluation.params.kpt_oks_sigmas = np.array(skeleton.sigmas)
    if image_ids is not None:
        evaluation.params.imgIds = sorted(image_ids)
    if oks_thresholds is not None:
        evaluation.params.iouThrs = np.array(oks_thresholds)
    evaluation.evaluate()
    evaluation.accumulate()
    return evaluation


def percent(value: float) -> float:
    """0..1 -> 0..100; pycocotools' -1, nobody to find, stays."""
    return 100 * float(value) if value >= 0 else -1.0
