"""COCO keypoint AP of a top-down model; pycocotools is the judge."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any, Iterable, Iterator

import cv2
import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.geometry import xywh_to_xyxy
from pose_estimation_ros.core.oks import box_area, oks_nms
from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.evaluation.coco_json import Boxes
from pose_estimation_ros.inference.bottom_up import BottomUp
from pose_estimation_ros.inference.estimator import TopDown

METRICS = ("AP", "AP50", "AP75", "APM", "APL", "AR")  # COCOeval.stats[:6] for keypoints
NMS_OKS = 0.9
ANNOTATIONS = "person_keypoints.json"


def load_ground_truth(folder: str | Path) -> COCO:
    """<folder>/person_keypoints.json. Raises DataError: unreadable, or nobody with keypoints in it."""
    path = Path(folder, ANNOTATIONS)
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
            truth = COCO(str(path))
            persons = [a for a in truth.anns.values() if a["num_keypoints"] > 0 and not a["iscrowd"]]
    except (OSError, ValueError, KeyError, AssertionError) as error:
        raise DataError(f"cannot read COCO keypoint annotations {path}: {error!r}") from error
    if not persons:
        raise DataError(f"{path}: expected persons with keypoints, found none in {len(truth.anns)} annotations")
    return truth


def ground_truth_boxes(truth: COCO) -> Boxes:
    """The annotated boxes of everybody with keypoints, score 1."""
    boxes = {}
    for image_id in truth.getImgIds():
        persons = [a for a in truth.imgToAnns[image_id] if a["num_keypoints"] > 0 and not a["iscrowd"]]
        boxes[image_id] = xywh_to_xyxy(np.array([a["bbox"] for a in persons])), np.ones(len(persons), np.float32)
    return boxes


def predict(estimator: TopDown, truth: COCO, folder: str | Path, boxes: Boxes) -> Iterator[tuple[int, Poses]]:
    """(image id, poses) of every image with boxes; person_score = box score x mean keypoint score, OKS-NMS 0.9.

    Raises DataError for an image that cannot be read.
    """
    for image_id, (box_xyxy, box_score) in boxes.items():
        if not len(box_xyxy):
            continue
        poses = estimator(read_image(truth, folder, image_id), box_xyxy)
        poses = poses._replace(person_score=poses.person_score * box_score)
        sigmas = estimator.skeleton.sigmas
        area = box_area(poses.box_xyxy)
        kept = oks_nms(poses.xy, poses.score, area, poses.person_score, sigmas, NMS_OKS)
        yield image_id, poses.select(kept)


def predict_bottom_up(estimator: BottomUp, truth: COCO, folder: str | Path) -> Iterator[tuple[int, Poses]]:
    """(image id, poses) of every image. Raises DataError for an image that cannot be read."""
    for image_id in truth.getImgIds():
        yield image_id, estimator(read_image(truth, folder, image_id))


def read_image(truth: COCO, folder: str | Path, image_id: int) -> np.ndarray:
    path = Path(folder, "images", truth.imgs[image_id]["file_name"])
    frame = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if frame is None:
        raise DataError(f"cannot read image {path}")
    return frame


def keypoint_ap(truth: COCO, results: Iterable[dict[str, Any]]) -> dict[str, float]:
    """AP, AP50, AP75, APM, APL, AR in 0..100 by pycocotools; all 0 without results. COCO-17 order is expected."""
    results = list(results)
    if not results:
        return dict.fromkeys(METRICS, 0.0)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(truth, truth.loadRes(results), "keypoints")
        evaluation.params.kpt_oks_sigmas = np.array(get_skeleton("coco17").sigmas)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return {name: round(100 * float(value), 2) for name, value in zip(METRICS, evaluation.stats)}
