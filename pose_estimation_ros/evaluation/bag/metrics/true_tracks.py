"""The truth of a recording and what was found in it, image by image, for the measures of tracking."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np

from pose_estimation_ros.core.geometry import xywh_to_xyxy
from pose_estimation_ros.core.oks import oks
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.evaluation.bag.metrics.tracking import MATCH, Scene, tracking_accuracy
from pose_estimation_ros.evaluation.bag.metrics.truth import TRACK, Truth
from pose_estimation_ros.evaluation.metrics import coco
from pose_estimation_ros.evaluation.metrics.matches import keypoints_of

SIGMAS = get_skeleton(coco.SKELETON).sigmas
WITHIN = 0.5  # of the found keypoints: so many in the box of somebody who is not asked for, and it is that person


def tracking(truth: Truth, results: Iterable[dict[str, Any]], image_ids: Collection[int]) -> dict[str, Any] | None:
    """Measures over the judged images; None where annotated people, or results, are without track ids, or nobody is
    annotated.
    """
    results = list(results)
    if not truth.has_tracks or not all(TRACK in result for result in results):
        return None
    found: defaultdict[int, list[dict]] = defaultdict(list)
    for result in results:
        found[result["image_id"]].append(result)
    images = sorted((i for i in truth.content["images"] if i["id"] in image_ids), key=lambda image: image["stamp_ns"])
    people = truth.people()
    scenes = [scene(people.get(image["id"], []), found[image["id"]]) for image in images]
    return tracking_accuracy(scenes) if any(len(own.true_id) for own in scenes) else None


def scene(annotations: list[dict], results: list[dict]) -> Scene:
    """One image; similarity is OKS. As COCO's judge has it nobody need find people without keypoints, or crowds, and
    whoever is found there, and is no one else, does not count.
    """
    asked = [a for a in annotations if coco.is_counted(a)]
    true, found = keypoints(asked), keypoints(results)
    area = np.array([a["area"] for a in asked], float)
    similarity = oks(true[..., :2], (true[..., 2] > 0).astype(float), area, found[..., :2], SIGMAS)
    others = xywh_to_xyxy(np.array([a["bbox"] for a in annotations if not coco.is_counted(a)]))
    kept = (similarity >= MATCH).any(0) | ~inside(found, others)
    true_id, found_id = (np.array([a[TRACK] for a in people], int) for people in (asked, results))
    return Scene(true_id, found_id[kept], similarity[:, kept])


def keypoints(people: list[dict]) -> np.ndarray:
    """(N, K, 3)."""
    return np.array([keypoints_of(a) for a in people]).reshape(len(people), len(SIGMAS), 3)


def inside(found: np.ndarray, box_xyxy: np.ndarray) -> np.ndarray:
    """(N,) bool: whether more than WITHIN of a person's keypoints (N, K, 3) lie in one of the boxes (M, 4)."""
    xy = found[:, None, :, :2]
    within = ((xy >= box_xyxy[:, None, :2]) & (xy <= box_xyxy[:, None, 2:])).all(-1)
    share = (within * (found[:, None, :, 2] > 0)).sum(-1) / np.maximum((found[..., 2] > 0).sum(1), 1)[:, None]
    return (share > WITHIN).any(1)
