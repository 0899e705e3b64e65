"""Compute PCKh, the percentage of joints that are found within a fraction of the head's size, and PCK by the torso's.

PCKh is the metric of MPII: Andriluka et al., "2D Human Pose Estimation: New Benchmark and State of the Art Analysis",
CVPR 2014. The head's size is that of datasets.mpii. The torso is that of equation 5 of ELPN's paper: "Lightweight and
Effective Human Pose Estimation Model Based on Multi-Angle Knowledge Distillation", doi:10.1088/1742-6596/2224/1/012025.
"""

from __future__ import annotations

import numpy as np

from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.datasets.mpii import SKELETON, Persons, head_distance, joint_distance, torso_size

THRESHOLDS = (0.5, 0.1)  # head sizes
GROUPS = {"Head": ("head_top",)} | {
    part.capitalize(): (f"left_{part}", f"right_{part}")
    for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
}
LEFT_OUT = ("pelvis", "thorax")  # joints that the mean leaves out
TORSO_THRESHOLD = 0.5  # torso sizes
TORSO_FIGURES = tuple(f"torso_{group}@{TORSO_THRESHOLD}" for group in (*GROUPS, "Mean"))
NO_TORSO = "persons_without_torso"
IN_MEAN = [k for k, name in enumerate(get_skeleton(SKELETON).keypoints) if name not in LEFT_OUT]


def pckh(xy: np.ndarray, persons: Persons, threshold: float) -> dict[str, float]:
    """Compute the percentage of labelled joints within a distance, by group of joints and as the Mean.

    As in HRNet's code: a group is the mean of its two sides; Mean counts every joint alike, neck included, pelvis and
    thorax not. (What that code prints as Mean@0.1 is at 0.11; here it is at 0.1.)

    Args:
        xy: (N, 16, 2) px, the predictions of the N persons.
        persons: the annotations.
        threshold: the distance, in head sizes.

    Returns:
        0..100 by name; -1 where nothing is labelled.
    """
    return percent_within(head_distance(xy, persons), threshold)


def percent_within(distance: np.ndarray, threshold: float) -> dict[str, float]:
    """Compute the percentage of known distances up to a threshold, by group of joints and as the Mean; see pckh.

    Args:
        distance: (N, 16), NaN where it is not known, infinite where a joint is missed.
        threshold: the largest distance that counts as found.

    Returns:
        0..100 by name; -1 where nothing is known.
    """
    hits, count = (distance <= threshold).sum(0), (~np.isnan(distance)).sum(0)
    names = get_skeleton(SKELETON).keypoints
    figures = {}
    for group, joints in GROUPS.items():
        labelled = [k for k in map(names.index, joints) if count[k]]
        figures[group] = 100 * float((hits[labelled] / count[labelled]).mean()) if labelled else -1.0
    total = count[IN_MEAN].sum()
    return figures | {"Mean": 100 * float(hits[IN_MEAN].sum() / total) if total else -1.0}


def pckh_figures(xy: np.ndarray, persons: Persons) -> dict[str, float]:
    """Compute PCKh@0.5 and @0.1 of predictions (N, 16, 2) px, as "Head@0.5" and so on, in 0..100.

    Args:
        xy: predictions in the order of the persons.
        persons: the annotations.
    """
    return {f"{name}@{limit}": value for limit in THRESHOLDS for name, value in pckh(xy, persons, limit).items()}


def torso_pck(xy: np.ndarray, persons: Persons) -> dict[str, float]:
    """Compute the PCK of ELPN's equation 5, whose unit is the distance from right hip to left shoulder.

    The paper calls it PCKh@0.5, and names neither groups nor the joints of the mean: both are those of pckh.

    Args:
        xy: (N, 16, 2) px, the predictions of the N persons.
        persons: the annotations.

    Returns:
        TORSO_FIGURES in 0..100, -1 where nothing is labelled; and NO_TORSO, the number of persons who are left out,
        because their right hip or left shoulder is not labelled.
    """
    unit = torso_size(persons)
    figures = percent_within(joint_distance(xy, persons, unit), TORSO_THRESHOLD)
    return {**dict(zip(TORSO_FIGURES, figures.values())), NO_TORSO: int(np.isnan(unit).sum())}
