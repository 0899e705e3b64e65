"""Measure the distance of keypoints to the ground truth, the kinds of errors, and how well scores are calibrated."""

from __future__ import annotations

from typing import Any

import numpy as np
from pycocotools.coco import COCO

from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.datasets.coco_index import skeleton_of
from pose_estimation_ros.evaluation.metrics import localization_errors as errors
from pose_estimation_ros.evaluation.metrics.matches import Matches, People, match, people_of
from pose_estimation_ros.evaluation.metrics.reliability import mean, scored_keypoints


def details(truth: COCO | None, results: list[dict[str, Any]]) -> dict[str, Any]:
    """Compute "keypoints", "errors" and "calibration", parts of results.json.

    Args:
        truth: pycocotools' index of the ground truth; None where nobody is annotated.
        results: COCO results.

    Returns:
        The three parts, {} without a ground truth.
    """
    if truth is None:
        return {}
    skeleton, people = skeleton_of(truth), people_of(truth)
    evaluation, matches = match(truth, people, results, skeleton)
    kinds = errors.error_kinds(truth, people, matches, skeleton)
    return {
        "keypoints": keypoints(people, matches, skeleton),
        "errors": dict(zip(errors.KINDS, (100 * errors.shares(kinds)).tolist())),
        "calibration": scored_keypoints(evaluation.cocoDt, people, matches).reliability(),
    }


def keypoints(people: People, matches: Matches, skeleton: Skeleton) -> dict[str, dict[str, Any]]:
    """Measure each keypoint, and "all" of them.

    Args:
        people: the annotated people.
        matches: who was found, and where.
        skeleton: skeleton of the keypoints.

    Returns:
        By name: the number of "labelled" keypoints; of people who were found the mean distance in px, "mean_px", and
        in the unit of OKS (2 sigma sqrt(area)), "mean_error"; "near", the % of labelled keypoints that are near. None
        where there is no such keypoint.
    """
    distance = np.linalg.norm(matches.predicted_xy - people.keypoints[..., :2], axis=-1)
    unit = errors.normalised_errors(people, matches, skeleton)
    near = people.labelled & (matches.similarity >= errors.NEAR)
    everything = list(range(skeleton.num_keypoints))
    figures = {}
    for name, columns in [*((name, [k]) for k, name in enumerate(skeleton.keypoints)), ("all", everything)]:
        labelled, known = people.labelled[:, columns], np.isfinite(unit[:, columns])
        figures[name] = {
            "labelled": int(labelled.sum()),
            "mean_px": mean(distance[:, columns][known]),
            "mean_error": mean(unit[:, columns][known]),
            "near": 100 * float(near[:, columns].sum() / labelled.sum()) if labelled.any() else None,
        }
    return figures
