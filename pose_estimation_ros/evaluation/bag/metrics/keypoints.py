"""Where the keypoints of people who were found lie, of what kind the errors are, and whether scores can be believed."""

from __future__ import annotations

from typing import Any

import numpy as np
from pycocotools.coco import COCO

from pose_estimation_ros.core.skeleton import Skeleton, get_skeleton
from pose_estimation_ros.evaluation.metrics import coco
from pose_estimation_ros.evaluation.metrics import localization_errors as errors
from pose_estimation_ros.evaluation.metrics.matches import Matches, People, keypoints_of, match, people_of

BINS = 10


def details(truth: COCO | None, results: list[dict[str, Any]]) -> dict[str, Any]:
    """ "keypoints", "errors" and "calibration" of COCO results; {} where nobody is asked for."""
    if truth is None:
        return {}
    skeleton, people = get_skeleton(coco.SKELETON), people_of(truth)
    evaluation, matches = match(truth, people, results, skeleton)
    kinds = errors.error_kinds(truth, people, matches, skeleton)
    return {
        "keypoints": keypoints(people, matches, skeleton),
        "errors": dict(zip(errors.KINDS, (100 * errors.shares(kinds)).tolist())),
        "calibration": calibration(*scored(evaluation.cocoDt, people, matches)),
    }


def keypoints(people: People, matches: Matches, skeleton: Skeleton) -> dict[str, dict[str, Any]]:
    """Of each keypoint and of "all": labelled ones, mean distance in px and in OKS' unit (2 sigma sqrt(area)) of people
    who were found, and how many in 100 of all labelled are near; None where there is none.
    """
    distance = np.linalg.norm(matches.found_xy - people.keypoints[..., :2], axis=-1)
    unit = errors.normalised_errors(people, matches, skeleton)
    near = people.labelled & (matches.similarity >= errors.NEAR)
    everything = list(range(skeleton.num_keypoints))
    figures = {}
    for name, own in [*((name, [k]) for k, name in enumerate(skeleton.keypoints)), ("all", everything)]:
        labelled, known = people.labelled[:, own], np.isfinite(unit[:, own])
        figures[name] = {
            "labelled": int(labelled.sum()),
            "mean_px": mean(distance[:, own][known]),
            "mean_error": mean(unit[:, own][known]),
            "near": 100 * float(near[:, own].sum() / labelled.sum()) if labelled.any() else None,
        }
    return figures


def mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if values.size else None


def scored(found: COCO, people: People, matches: Matches) -> tuple[np.ndarray, np.ndarray]:
    """Score (N,) and nearness (N,) bool of all labelled keypoints of people who were found."""
    nobody = np.zeros((people.keypoints.shape[1], 3))
    scores = np.array([keypoints_of(found.anns[f])[:, 2] if f else nobody[:, 2] for f in matches.found_id])
    counted = people.labelled & (matches.found_id > 0)[:, None]
    return scores[counted], (matches.similarity >= errors.NEAR)[counted]


def calibration(score: np.ndarray, near: np.ndarray) -> dict[str, Any]:
    """How many keypoints of a score are near, in BINS of equal width, and the expected calibration error in 0..1: the
    mean over keypoints of |share near - mean score| of their bin (Guo et al., "On Calibration of Modern Neural
    Networks", ICML 2017). A score is calibrated where it is that share.
    """
    place = np.clip((score * BINS).astype(int), 0, BINS - 1)
    bins = []
    for own in range(BINS):
        inside = place == own
        means = {"mean_score": mean(score[inside]), "share_near": mean(near[inside])}
        bins.append({"from": own / BINS, "count": int(inside.sum()), **means})
    gaps = [b["count"] * abs(b["share_near"] - b["mean_score"]) for b in bins if b["count"]]
    return {"keypoints": len(score), "ECE": sum(gaps) / len(score) if len(score) else None, "bins": bins}
