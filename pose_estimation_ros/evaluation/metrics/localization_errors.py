"""What is wrong with a keypoint, after Ronchi and Perona, "Benchmarking and Error Diagnosis in Multi-Instance Pose
Estimation", ICCV 2017, section 3.1.

By the similarity exp(-d^2 / (2 area (2 sigma)^2)) to annotated keypoints, of people whom a prediction was found for:
  good       at least 0.85 to its own: as near as people who annotate agree
  jitter     0.5 to 0.85 to its own
  inversion  below 0.5 to its own, at least 0.5 to the same person's other side
  swap       below 0.5 to its own, at least 0.5 to the part of either side of another person
  miss       below 0.5 to all of these
Where both are near, the more similar of inversion and swap counts. The authors' program asks for the most similar of
all annotated keypoints first, so that a keypoint at 0.6 of its own and 0.9 of another is jitter here and a swap there.
"""

from __future__ import annotations

import numpy as np
from pycocotools.coco import COCO

from pose_estimation_ros.core.oks import keypoint_similarity
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.evaluation.metrics.matches import Matches, People, keypoints_of

KINDS = ("good", "jitter", "inversion", "swap", "miss")
NEAR, GOOD = 0.5, 0.85
UNKNOWN = -1


def error_kinds(truth: COCO, people: People, matches: Matches, skeleton: Skeleton) -> np.ndarray:
    """(P, K) places in KINDS; -1 where a keypoint is not labelled or nobody was found."""
    kinds = np.full(people.labelled.shape, UNKNOWN)
    for person in np.flatnonzero(matches.found_id):
        neighbours = [a for a in truth.imgToAnns[people.image_id[person]] if a["id"] != people.annotation_id[person]]
        found, own = matches.found_xy[person], people.keypoints[person]
        inverted = own[skeleton.flip_index]
        inverted[skeleton.flip_index == np.arange(len(own))] = 0  # a keypoint on the axis has no other side
        inversion = similarity(found, inverted[None], people.area[person, None], skeleton)
        swap = similarity_to_others(found, neighbours, skeleton)
        kinds[person] = np.where(own[:, 2] > 0, kinds_of(matches.similarity[person], inversion, swap), UNKNOWN)
    return kinds


def kinds_of(own: np.ndarray, inversion: np.ndarray, swap: np.ndarray) -> np.ndarray:
    """(K,) places in KINDS by the similarities (K,) to the own keypoint, the other side's and other people's."""
    cases = [own >= GOOD, own >= NEAR, (inversion >= NEAR) & (inversion >= swap), swap >= NEAR]
    return np.select(cases, range(len(cases)), len(cases))


def similarity_to_others(found_xy: np.ndarray, neighbours: list[dict], skeleton: Skeleton) -> np.ndarray:
    """(K,) largest similarity of keypoints (K, 2) px to those of either side of other annotated people."""
    if not neighbours:
        return np.zeros(len(found_xy))
    keypoints = np.array([keypoints_of(a) for a in neighbours])
    both_sides = np.concatenate([keypoints, keypoints[:, skeleton.flip_index]])
    return similarity(found_xy, both_sides, np.tile([float(a["area"]) for a in neighbours], 2), skeleton)


def similarity(found_xy: np.ndarray, keypoints: np.ndarray, area: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """(K,) largest similarity of (K, 2) px to M people's (M, K, 3) of these areas (M,); 0 to what is not labelled."""
    alike = keypoint_similarity(keypoints[..., :2], area, found_xy[None], skeleton.sigmas)[:, 0]
    return np.where(keypoints[..., 2] > 0, alike, 0).max(0)


def shares(kinds: np.ndarray) -> np.ndarray:
    """(5,) shares of KINDS among the known ones of any shape, 0..1; all 0 where none is."""
    counts = np.bincount(kinds[kinds != UNKNOWN], minlength=len(KINDS))
    return counts / max(counts.sum(), 1)


def normalised_errors(people: People, matches: Matches, skeleton: Skeleton) -> np.ndarray:
    """(P, K) distances from the annotated keypoints in units of 2 sigma sqrt(area): the e of OKS' exp(-e^2 / 2).

    NaN where a keypoint is not labelled or nobody was found.
    """
    distance = np.linalg.norm(matches.found_xy - people.keypoints[..., :2], axis=-1)
    unit = 2 * np.array(skeleton.sigmas) * np.sqrt(people.area)[:, None]
    return np.where(people.labelled, distance / unit, np.nan)
