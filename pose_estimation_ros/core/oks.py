"""Compute the object keypoint similarity (OKS) of poses.

Per keypoint it is ``exp(-d^2 / (2 area (2 sigma)^2))`` with d the distance in px. Source: COCO's keypoint evaluation,
https://cocodataset.org/#keypoints-eval.
"""

from typing import Sequence, Union

import numpy as np

from pose_estimation_ros.core.geometry import nms

SAME_PLACE = 0.85  # similarity of two sightings of one joint

Sigmas = Union[Sequence[float], np.ndarray]


def keypoint_similarity(
    xy: np.ndarray,
    area: np.ndarray,
    other_xy: np.ndarray,
    sigmas: Sigmas,
    doubt_px: Union[float, np.ndarray] = 0.0,
) -> np.ndarray:
    """Compute the similarity of each keypoint of N poses to the same keypoint of M other poses.

    Args:
        xy: (N, K, 2) px.
        area: (N,) px^2 of the N people.
        other_xy: (M, K, 2) px.
        sigmas: (K,) of the skeleton.
        doubt_px: (N,) standard deviation of where the N poses are as a whole, px; COCO's OKS has none.

    Returns:
        (N, M, K) in 0..1.
    """
    spread = np.maximum(area, 1e-9)[:, None] * (2 * np.asarray(sigmas)) ** 2
    spread = 2 * (spread + np.reshape(doubt_px, (-1, 1)) ** 2)[:, None]
    similarity: np.ndarray = np.exp(-_squared_distances(xy, other_xy) / spread)
    return similarity


def _squared_distances(xy: np.ndarray, other_xy: np.ndarray) -> np.ndarray:
    """Return the squared distances (N, M, K) px^2 of keypoints (N, K, 2) and (M, K, 2); x and y apart are faster."""
    dx, dy = (xy[:, None, :, axis] - other_xy[None, :, :, axis] for axis in (0, 1))
    squared: np.ndarray = dx * dx + dy * dy
    return squared


def oks(
    xy: np.ndarray,
    weight: np.ndarray,
    area: np.ndarray,
    other_xy: np.ndarray,
    sigmas: Sigmas,
    doubt_px: Union[float, np.ndarray] = 0.0,
) -> np.ndarray:
    """Compute the similarity of N poses to M other poses: the mean over keypoints, weighted by the N poses' weights.

    Args:
        xy: (N, K, 2) px.
        weight: (N, K) >= 0, such as the visibility as 0 or 1. A pose whose weights are all 0 has similarity 0.
        area: (N,) px^2 of the N people.
        other_xy: (M, K, 2) px.
        sigmas: (K,) of the skeleton.
        doubt_px: see keypoint_similarity.

    Returns:
        (N, M) in 0..1.
    """
    total = np.maximum(weight.sum(1), 1e-9)[:, None]
    each = keypoint_similarity(xy, area, other_xy, sigmas, doubt_px)
    similarity: np.ndarray = (each * weight[:, None]).sum(-1) / total
    return similarity


def box_area(box_xyxy: np.ndarray) -> np.ndarray:
    """Compute the areas (N,) px^2 of boxes (N, 4) xyxy px."""
    size = np.maximum(box_xyxy[:, 2:] - box_xyxy[:, :2], 0)
    area: np.ndarray = size[:, 0] * size[:, 1]
    return area


def shared_joints(xy: np.ndarray, score: np.ndarray, area: np.ndarray, sigmas: Sigmas) -> np.ndarray:
    """Compute how much of a skeleton each two people have in common.

    A joint is common where both have it and its similarity is at least 0.5 at the size of the smaller person.

    Args:
        xy: (N, K, 2) px.
        score: (N, K), 0 = keypoint not found.
        area: (N,) px^2.
        sigmas: (K,) of the skeleton.

    Returns:
        (N, N) in 0..1: the common joints as a share of those of the person who has fewer.
    """
    found = score > 0
    limit = 2 * np.log(2) * (2 * np.asarray(sigmas)) ** 2
    near = _squared_distances(xy, xy) <= np.minimum(area[:, None], area)[..., None] * limit
    count = found.sum(1)
    common = (near & found[:, None] & found).sum(-1)
    share: np.ndarray = common / np.maximum(np.minimum(count[:, None], count), 1)
    return share


def foreign_joints(
    xy: np.ndarray, score: np.ndarray, area: np.ndarray, sigmas: Sigmas, flip_index: np.ndarray
) -> np.ndarray:
    """Tell which joints are rather those of another person who stands close by.

    Where a joint of one person lies on the same joint of another, or on that of the other side of the body, both have
    been found in one place of the image. It belongs to the person for whom its score is higher. A person's own left
    and right joints may lie there together, as in a view from the side.

    Args:
        xy: (N, K, 2) px.
        score: (N, K), 0 = keypoint not found.
        area: (N,) px^2.
        sigmas: (K,) of the skeleton.
        flip_index: (K,) index of each keypoint's mirror image.

    Returns:
        (N, K) bool.
    """
    limit = np.minimum(area[:, None], area)[..., None] * (-2 * np.log(SAME_PLACE) * (2 * np.asarray(sigmas)) ** 2)
    found, foreign = score > 0, np.zeros(score.shape, bool)
    for other_xy, other_score in ((xy, score), (xy[:, flip_index], score[:, flip_index])):
        near = _squared_distances(xy, other_xy) <= limit
        near[np.arange(len(xy)), np.arange(len(xy))] = False
        foreign |= (near & (other_score > score[:, None])).any(1) & found
    return foreign


def pose_nms(
    xy: np.ndarray,
    score: np.ndarray,
    area: np.ndarray,
    person_score: np.ndarray,
    sigmas: Sigmas,
    threshold: float,
) -> np.ndarray:
    """Suppress people who have more of their joints in common with a better one than a threshold.

    Args:
        xy: (N, K, 2) px.
        score: (N, K), 0 = keypoint not found.
        area: (N,) px^2.
        person_score: (N,), higher is better.
        sigmas: (K,) of the skeleton.
        threshold: largest share of common joints with which a person is kept, see shared_joints.

    Returns:
        Indices of the people to keep, the best person_score first.
    """
    return nms(shared_joints(xy, score, area, sigmas), person_score, threshold)
