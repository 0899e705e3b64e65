"""Classify the errors of keypoints.

After Ronchi and Perona, "Benchmarking and Error Diagnosis in Multi-Instance Pose Estimation", ICCV 2017,
arXiv:1707.05388, section 3.1. The kinds of error follow from the similarity exp(-d^2 / (2 area (2 sigma)^2)) of a
predicted keypoint to annotated ones, for people who were matched with a prediction:
  good       at least 0.85 to its own annotation: as near as annotators agree
  jitter     0.5 to 0.85 to its own annotation
  inversion  below 0.5 to its own annotation, at least 0.5 to the same person's other side
  swap       below 0.5 to its own annotation, at least 0.5 to the part of either side of another person
  miss       below 0.5 to all of these
Where both are near, the more similar of inversion and swap counts. The authors' program looks for the most similar of
all annotated keypoints first, so that a keypoint at 0.6 of its own and 0.9 of another is jitter here and a swap there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pycocotools.coco import COCO

from pose_estimation_ros.core.oks import keypoint_similarity
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.datasets.coco_faults import Entry
from pose_estimation_ros.evaluation.metrics.matches import Matches, People, keypoints_of

KINDS = ("good", "jitter", "inversion", "swap", "miss")
NEAR, GOOD = 0.5, 0.85
UNKNOWN = -1


def error_kinds(truth: COCO, people: People, matches: Matches, skeleton: Skeleton) -> np.ndarray:
    """Classify the error of every keypoint.

    Args:
        truth: the annotations.
        people: P of them.
        matches: matches of one source with these people.
        skeleton: skeleton of K keypoints.

    Returns:
        (P, K) indices in KINDS; -1 where a keypoint is not labelled or there is no prediction.
    """
    kinds = np.full(people.labelled.shape, UNKNOWN)
    for person in np.flatnonzero(matches.predicted_id):
        neighbours = [a for a in truth.imgToAnns[people.image_id[person]] if a["id"] != people.annotation_id[person]]
        xy, annotated = matches.predicted_xy[person], people.keypoints[person]
        inverted = annotated[skeleton.flip_index]
        inverted[skeleton.flip_index == np.arange(len(annotated))] = 0  # a keypoint on the axis has no other side
        inversion = similarity(xy, inverted[None], people.area[person, None], skeleton)
        swap = similarity_to_neighbours(xy, neighbours, skeleton)
        kinds[person] = np.where(annotated[:, 2] > 0, kinds_of(matches.similarity[person], inversion, swap), UNKNOWN)
    return kinds


def kinds_of(correct: np.ndarray, inversion: np.ndarray, swap: np.ndarray) -> np.ndarray:
    """Classify the errors of one person's keypoints.

    Args:
        correct: (K,) similarities to the right annotation.
        inversion: (K,) similarities to the other side of the same person.
        swap: (K,) largest similarities to other people.

    Returns:
        (K,) indices in KINDS.
    """
    cases = [correct >= GOOD, correct >= NEAR, (inversion >= NEAR) & (inversion >= swap), swap >= NEAR]
    return np.select(cases, range(len(cases)), len(cases))


def similarity_to_neighbours(xy: np.ndarray, neighbours: Sequence[Entry], skeleton: Skeleton) -> np.ndarray:
    """Return (K,) the largest similarity of keypoints (K, 2) px to those of either side of other annotated people.

    Args:
        xy: keypoints (K, 2) px of a prediction.
        neighbours: annotations of the other people.
        skeleton: skeleton of the keypoints.
    """
    if not neighbours:
        return np.zeros(len(xy))
    keypoints = np.array([keypoints_of(a) for a in neighbours])
    both_sides = np.concatenate([keypoints, keypoints[:, skeleton.flip_index]])
    return similarity(xy, both_sides, np.tile([float(a["area"]) for a in neighbours], 2), skeleton)


def similarity(xy: np.ndarray, keypoints: np.ndarray, area: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Compute the largest similarity of predicted keypoints to those of several people.

    Args:
        xy: (K, 2) px, predicted.
        keypoints: (M, K, 3) x, y px, visibility, of M people.
        area: (M,) px^2.
        skeleton: skeleton of K keypoints.

    Returns:
        (K,) 0..1; 0 to keypoints that are not labelled.
    """
    values = keypoint_similarity(keypoints[..., :2], area, xy[None], skeleton.oks_sigmas)[:, 0]
    return np.asarray(np.where(keypoints[..., 2] > 0, values, 0).max(0))


def shares(kinds: np.ndarray) -> np.ndarray:
    """Return (5,) the shares of KINDS, 0..1, among kinds of any shape that are known; all 0 where none is."""
    counts = np.bincount(kinds[kinds != UNKNOWN], minlength=len(KINDS))
    return np.asarray(counts / max(counts.sum(), 1))


def normalised_errors(people: People, matches: Matches, skeleton: Skeleton) -> np.ndarray:
    """Return the distances from the annotated keypoints in units of 2 sigma sqrt(area): the e of OKS' exp(-e^2 / 2).

    Args:
        people: P annotated ones.
        matches: matches of one source with these people.
        skeleton: skeleton of K keypoints.

    Returns:
        (P, K); NaN where a keypoint is not labelled or there is no prediction.
    """
    distance = np.linalg.norm(matches.predicted_xy - people.keypoints[..., :2], axis=-1)
    unit = 2 * np.array(skeleton.oks_sigmas) * np.sqrt(people.area)[:, None]
    return np.where(people.labelled, distance / unit, np.nan)
