"""Measure how well scores are calibrated: of all with the same score, that share should be right."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pose_estimation_ros.evaluation.metrics.localization_errors import NEAR
from pose_estimation_ros.evaluation.metrics.matches import Matches, People, keypoints_of

BINS = 10
SUREST = 1e-3  # a probability is taken for at least so far from 0 and 1, where the log loss has no bound


class Scored(NamedTuple):
    """Hold N keypoints, or people, that a model has scored.

    Attributes:
        score: (N,) 0..1.
        right: (N,) bool, whether a keypoint is near, or a person found with an OKS of 0.5.
        image_id: (N,).
        keypoint: (N,) index of the keypoint in the skeleton; 0 of people.
    """

    score: np.ndarray
    right: np.ndarray
    image_id: np.ndarray
    keypoint: np.ndarray

    def select(self, index: np.ndarray) -> Scored:
        """Return those of an index or a mask (N,)."""
        return Scored(*(values[index] for values in self))

    def reliability(self) -> dict[str, Any]:
        """Measure how well the scores are calibrated, see reliability."""
        return reliability(self.score, self.right)


def scored_keypoints(results: COCO, people: People, matches: Matches) -> Scored:
    """Collect the labelled keypoints of people who were found.

    Args:
        results: pycocotools' index of the results.
        people: the annotated people.
        matches: the result of each person.
    """
    nobody = np.zeros((people.keypoints.shape[1], 3))
    scores = np.array([keypoints_of(results.anns[f])[:, 2] if f else nobody[:, 2] for f in matches.predicted_id])
    person, keypoint = np.nonzero(people.labelled & (matches.predicted_id > 0)[:, None])
    near = matches.similarity[person, keypoint] >= NEAR
    return Scored(scores[person, keypoint], near, people.image_id[person], keypoint)


def scored_people(evaluation: COCOeval) -> Scored:
    """Collect the predicted people, without those whom COCO's evaluation ignores.

    Args:
        evaluation: pycocotools' evaluation, whose first threshold is OKS 0.5.
    """
    rows = [
        (score, found > 0, entry["image_id"])
        for entry in evaluation.evalImgs[: len(evaluation.params.imgIds)]  # the first ones are those of any size
        if entry
        for score, found, is_ignored in zip(entry["dtScores"], entry["dtMatches"][0], entry["dtIgnore"][0])
        if not is_ignored
    ]
    score, right, image_id = (np.array(values) for values in zip(*rows)) if rows else (np.zeros(0),) * 3
    return Scored(score, right.astype(bool), image_id, np.zeros(len(rows), int))


def reliability(score: np.ndarray, right: np.ndarray) -> dict[str, Any]:
    """Count how many keypoints or people of a score are right, in BINS of equal width.

    The expected calibration error, 0..1, is the mean over them of |share right - mean score| of their bin (Guo et al.,
    "On Calibration of Modern Neural Networks", ICML 2017, arXiv:1706.04599). A score is calibrated where it equals the
    share that is right.

    Args:
        score: (N,) 0..1.
        right: (N,) bool.

    Returns:
        The "count" of all, "ECE" and "log_loss" (None without any) and the "bins".
    """
    place = np.clip((score * BINS).astype(int), 0, BINS - 1)
    bins: list[dict[str, Any]] = []
    for number in range(BINS):
        inside = place == number
        means = {"mean_score": rounded(mean(score[inside])), "share_right": rounded(mean(right[inside]))}
        bins.append({"from": number / BINS, "count": int(inside.sum()), **means})
    gaps = [b["count"] * abs(b["share_right"] - b["mean_score"]) for b in bins if b["count"]]
    error = sum(gaps) / len(score) if len(score) else None
    return {"count": len(score), "ECE": rounded(error), "log_loss": rounded(log_loss(score, right)), "bins": bins}


def log_loss(score: np.ndarray, right: np.ndarray) -> float | None:
    """Return the mean of -log of the probability that was given to what came true; None without any.

    Args:
        score: (N,) 0..1.
        right: (N,) bool.
    """
    given = np.clip(np.where(right, score, 1 - score), SUREST, 1)
    return mean(-np.log(given))


def mean(values: np.ndarray) -> float | None:
    """Return the mean of values, None where there are none."""
    return float(values.mean()) if values.size else None


def rounded(value: float | None) -> float | None:
    """Return a value with four decimals, None for None."""
    return None if value is None else round(float(value), 4)
