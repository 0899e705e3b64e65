"""Every annotated person with the prediction that pycocotools gives it: what the parts of a report are made from."""

from __future__ import annotations

import contextlib
import io
from typing import Any, Iterable, NamedTuple

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pose_estimation_ros.core.geometry import iou, xywh_to_xyxy
from pose_estimation_ros.core.oks import keypoint_similarity
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.evaluation.metrics.coco import is_counted, judge, load_results

LOCALIZATION_OKS = 0.1  # Ronchi and Perona's: who is less alike is no prediction of this person


class People(NamedTuple):
    """The P people to be found, images by rising id.

    annotation_id, image_id (P,); keypoints (P, K, 3): x, y px, visibility 0 unlabelled, 1 hidden, 2 visible; box_xyxy
    (P, 4) px; area (P,) px^2; crowding (P,): the largest IoU of the box with another person's in the image.
    """

    annotation_id: np.ndarray
    image_id: np.ndarray
    keypoints: np.ndarray
    box_xyxy: np.ndarray
    area: np.ndarray
    crowding: np.ndarray

    @property
    def labelled(self) -> np.ndarray:
        """(P, K) bool."""
        return self.keypoints[..., 2] > 0


class Matches(NamedTuple):
    """The predictions of one source for the P people.

    found_id (P,): the prediction's id in COCOeval.cocoDt, 0 where nobody has an OKS of 0.1; found_xy (P, K, 2) px and
    similarity (P, K) 0..1 by keypoint, both NaN there; oks (P,), 0 there; recall (P,): at which share of COCO's ten
    thresholds the person was found, so that the mean is AR / 100.
    """

    found_id: np.ndarray
    found_xy: np.ndarray
    similarity: np.ndarray
    oks: np.ndarray
    recall: np.ndarray


def people_of(truth: COCO) -> People:
    """Those whom COCO's evaluation asks for."""
    rows = [a for image_id in sorted(truth.imgs) for a in truth.imgToAnns[image_id] if is_counted(a)]
    crowding = {a: share for image_id in truth.imgs for a, share in crowding_of(truth.imgToAnns[image_id]).items()}
    columns = [np.array([a[field] for a in rows]) for field in ("id", "image_id", "keypoints", "bbox", "area")]
    annotation_id, image_id, keypoints, box, area = columns
    own = np.array([crowding[a["id"]] for a in rows])
    return People(annotation_id, image_id, keypoints.reshape(len(rows), -1, 3), xywh_to_xyxy(box), area, own)


def crowding_of(annotations: list[dict]) -> dict[int, float]:
    """The largest IoU of each person's box with another's in one image; crowds are left out."""
    persons = [a for a in annotations if not a["iscrowd"]]
    boxes = xywh_to_xyxy(np.array([a["bbox"] for a in persons]))
    overlap = iou(boxes, boxes)
    np.fill_diagonal(overlap, 0)
    return {a["id"]: float(own) for a, own in zip(persons, overlap.max(1, initial=0))}


def match(
    truth: COCO, people: People, results: Iterable[dict[str, Any]], skeleton: Skeleton
) -> tuple[COCOeval, Matches]:
    """pycocotools' evaluation of results, and its matches: at OKS 0.1 for the keypoints, at 0.5 to 0.95 for recall."""
    found = load_results(truth, results)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = judge(truth, found, skeleton)
        near = judge(truth, found, skeleton, oks_thresholds=[LOCALIZATION_OKS])
    pairs, matched = by_annotation(near), by_annotation(evaluation)
    found_id = np.array([pairs[a][0] for a in people.annotation_id], int)
    nothing = np.full(people.keypoints[0, :, :2].shape, np.nan)
    xy = np.array([keypoints_of(found.anns[f])[:, :2] if f else nothing for f in found_id])
    similarity = np.array(
        [
            keypoint_similarity(k[None, :, :2], area[None], own[None], skeleton.sigmas)[0, 0]
            for k, area, own in zip(people.keypoints, people.area, xy)
        ]
    )
    total = np.where(people.labelled, np.nan_to_num(similarity), 0).sum(1)
    recall = np.array([(matched[a] > 0).mean() for a in people.annotation_id])
    return evaluation, Matches(found_id, xy, similarity, total / people.labelled.sum(1), recall)


def by_annotation(evaluation: COCOeval) -> dict[int, np.ndarray]:
    """Annotation id -> (T,) ids of the predictions that got it at each threshold, 0 for none; people of all sizes."""
    entries = evaluation.evalImgs[: len(evaluation.params.imgIds)]  # the first size range is all sizes
    return {a: own for entry in entries if entry for a, own in zip(entry["gtIds"], entry["gtMatches"].T)}


def keypoints_of(annotation: dict[str, Any]) -> np.ndarray:
    """(K, 3) of an annotation or a result."""
    return np.array(annotation["keypoints"], float).reshape(-1, 3)
