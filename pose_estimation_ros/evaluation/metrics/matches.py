"""Match every annotated person with a prediction as pycocotools does; reports are made from these matches."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pose_estimation_ros.core.geometry import iou, xywh_to_xyxy
from pose_estimation_ros.core.oks import keypoint_similarity
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.datasets.coco_faults import Entry
from pose_estimation_ros.datasets.coco_fields import is_counted
from pose_estimation_ros.datasets.predictions import Result
from pose_estimation_ros.evaluation.metrics.coco import judge, load_results

LOCALIZATION_OKS = (
    0.1  # of Ronchi and Perona, ICCV 2017, arXiv:1707.05388; below it a prediction belongs to somebody else
)


class People(NamedTuple):
    """Hold the P people to be found, images by rising id.

    Attributes:
        annotation_id: (P,).
        image_id: (P,).
        keypoints: (P, K, 3) x, y px, visibility 0 unlabelled, 1 occluded, 2 visible.
        box_xyxy: (P, 4) px.
        area: (P,) px^2.
        crowding: (P,) the largest IoU of the box with another person's in the image.
    """

    annotation_id: np.ndarray
    image_id: np.ndarray
    keypoints: np.ndarray
    box_xyxy: np.ndarray
    area: np.ndarray
    crowding: np.ndarray

    @property
    def labelled(self) -> np.ndarray:
        """Tell (P, K) which keypoints are labelled."""
        return self.keypoints[..., 2] > 0


class Matches(NamedTuple):
    """Hold the predictions of one source for P people.

    Attributes:
        predicted_id: (P,) id of the prediction in COCOeval.cocoDt, 0 where none has an OKS of 0.1.
        predicted_xy: (P, K, 2) px, NaN where there is no prediction.
        similarity: (P, K) 0..1 of each keypoint, NaN where there is no prediction.
        oks: (P,) 0 where there is no prediction.
        recall: (P,) share of COCO's ten thresholds at which the person was found, so that the mean is AR / 100.
    """

    predicted_id: np.ndarray
    predicted_xy: np.ndarray
    similarity: np.ndarray
    oks: np.ndarray
    recall: np.ndarray


def people_of(truth: COCO) -> People:
    """Return the people whom COCO's evaluation counts."""
    rows = [a for image_id in sorted(truth.imgs) for a in truth.imgToAnns[image_id] if is_counted(a)]
    crowding = {a: share for image_id in truth.imgs for a, share in crowding_of(truth.imgToAnns[image_id]).items()}
    columns = [np.array([a[field] for a in rows]) for field in ("id", "image_id", "keypoints", "bbox", "area")]
    annotation_id, image_id, keypoints, box, area = columns
    overlap = np.array([crowding[a["id"]] for a in rows])
    return People(annotation_id, image_id, keypoints.reshape(len(rows), -1, 3), xywh_to_xyxy(box), area, overlap)


def crowding_of(annotations: Sequence[Entry]) -> dict[int, float]:
    """Compute the largest IoU of each person's box with another's in one image, by annotation id, without crowds."""
    persons = [a for a in annotations if not a["iscrowd"]]
    boxes = xywh_to_xyxy(np.array([a["bbox"] for a in persons]))
    overlap = iou(boxes, boxes)
    np.fill_diagonal(overlap, 0)
    return {a["id"]: float(largest) for a, largest in zip(persons, overlap.max(1, initial=0))}


def match(truth: COCO, people: People, results: Iterable[Result], skeleton: Skeleton) -> tuple[COCOeval, Matches]:
    """Match results with people as pycocotools does.

    Args:
        truth: the annotations.
        people: the people of the annotations, as people_of returns them.
        results: the predictions of one source.
        skeleton: their skeleton.

    Returns:
        pycocotools' evaluation at OKS 0.5 to 0.95, and the matches: at OKS 0.1 for the keypoints, and at 0.5 to 0.95
        for the recall.
    """
    predictions = load_results(truth, results)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = judge(truth, predictions, skeleton)
        near = judge(truth, predictions, skeleton, oks_thresholds=[LOCALIZATION_OKS])
    pairs, matched = by_annotation(near), by_annotation(evaluation)
    predicted_id = np.array([pairs[a][0] for a in people.annotation_id], int)
    nothing = np.full(people.keypoints[0, :, :2].shape, np.nan)
    xy = np.array([keypoints_of(predictions.anns[f])[:, :2] if f else nothing for f in predicted_id])
    similarity = np.array(
        [
            keypoint_similarity(k[None, :, :2], area[None], predicted[None], skeleton.oks_sigmas)[0, 0]
            for k, area, predicted in zip(people.keypoints, people.area, xy)
        ]
    )
    total = np.where(people.labelled, np.nan_to_num(similarity), 0).sum(1)
    recall = np.array([(matched[a] > 0).mean() for a in people.annotation_id])
    return evaluation, Matches(predicted_id, xy, similarity, total / people.labelled.sum(1), recall)


def by_annotation(evaluation: COCOeval) -> dict[int, np.ndarray]:
    """Return by annotation id the (T,) ids of the predictions matched at each threshold, 0 for none, for all sizes."""
    entries = evaluation.evalImgs[: len(evaluation.params.imgIds)]  # the first size range is all sizes
    return {a: matched for entry in entries if entry for a, matched in zip(entry["gtIds"], entry["gtMatches"].T)}


def keypoints_of(annotation: Entry) -> np.ndarray:
    """Return the keypoints (K, 3) of an annotation or a result."""
    return np.array(annotation["keypoints"], float).reshape(-1, 3)
