"""Compare the people found in a recording with the ground truth, image by image, for the measures of tracking."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np

from pose_estimation_ros.core.geometry import xywh_to_xyxy
from pose_estimation_ros.core.oks import oks
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.datasets.coco_fields import is_counted
from pose_estimation_ros.evaluation.bag.metrics.ground_truth import TRACK, Annotation, GroundTruth
from pose_estimation_ros.evaluation.bag.metrics.tracking import MATCH, Scene, tracking_accuracy
from pose_estimation_ros.evaluation.metrics.matches import keypoints_of

WITHIN = 0.5  # a person with a larger share of its found keypoints in a box is taken for the person of that box


def tracking(
    truth: GroundTruth, results: Iterable[dict[str, Any]], image_ids: Collection[int]
) -> dict[str, Any] | None:
    """Compute the measures of tracking over the judged images.

    Args:
        truth: the ground truth.
        results: COCO results with track ids.
        image_ids: ids of the judged images.

    Returns:
        The measures; None where annotated people or results have no track ids, or nobody is annotated.
    """
    results = list(results)
    if not truth.has_tracks or not all(TRACK in result for result in results):
        return None
    predicted: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for result in results:
        predicted[result["image_id"]].append(result)
    images = sorted((i for i in truth.content["images"] if i["id"] in image_ids), key=lambda image: image["stamp_ns"])
    people = truth.people()
    scenes = [scene_of(people.get(image["id"], []), predicted[image["id"]], truth.skeleton) for image in images]
    return tracking_accuracy(scenes) if any(len(scene.true_id) for scene in scenes) else None


def scene_of(annotations: Sequence[Annotation], results: Sequence[dict[str, Any]], skeleton: Skeleton) -> Scene:
    """Compare the people of one image by OKS.

    As in COCO's evaluation, people without keypoints and crowds need not be found. A prediction that matches only these
    does not count.

    Args:
        annotations: annotations of the image.
        results: COCO results of the image.
        skeleton: skeleton of the keypoints.
    """
    counted = [a for a in annotations if is_counted(a)]
    true, predicted = (keypoints(people, skeleton.num_keypoints) for people in (counted, results))
    area = np.array([a["area"] for a in counted], float)
    labelled = (true[..., 2] > 0).astype(float)
    similarity = oks(true[..., :2], labelled, area, predicted[..., :2], skeleton.oks_sigmas)
    ignored_boxes = xywh_to_xyxy(np.array([a["bbox"] for a in annotations if not is_counted(a)]))
    kept = (similarity >= MATCH).any(0) | ~inside(predicted, ignored_boxes)
    true_id, predicted_id = (np.array([a[TRACK] for a in people], int) for people in (counted, results))
    return Scene(true_id, predicted_id[kept], similarity[:, kept])


def keypoints(people: Sequence[dict[str, Any]], count: int) -> np.ndarray:
    """Return the keypoints of annotations or results as an array (N, K, 3).

    Args:
        people: the annotations or results.
        count: number of keypoints K of a person.
    """
    return np.array([keypoints_of(a) for a in people]).reshape(len(people), count, 3)


def inside(predicted: np.ndarray, box_xyxy: np.ndarray) -> np.ndarray:
    """Tell for each person whether more than WITHIN of its keypoints lie in one of the boxes.

    Args:
        predicted: (N, K, 3) keypoints.
        box_xyxy: (M, 4) boxes.

    Returns:
        (N,) bool.
    """
    xy = predicted[:, None, :, :2]
    within = ((xy >= box_xyxy[:, None, :2]) & (xy <= box_xyxy[:, None, 2:])).all(-1)
    share = (within * (predicted[:, None, :, 2] > 0)).sum(-1) / np.maximum((predicted[..., 2] > 0).sum(1), 1)[:, None]
    is_inside: np.ndarray = (share > WITHIN).any(1)
    return is_inside
