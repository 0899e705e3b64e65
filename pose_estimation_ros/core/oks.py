"""Object keypoint similarity (COCO's): how alike two poses are, ``exp(-d^2 / (2 area (2 sigma)^2))`` per keypoint."""

from typing import Sequence

import numpy as np

from pose_estimation_ros.core.nms import nms


def keypoint_similarity(xy: np.ndarray, area: np.ndarray, other_xy: np.ndarray, sigmas: Sequence[float]) -> np.ndarray:
    """Similarity of each keypoint of N poses to the same one of M others: (N, M, K) in 0..1; arguments as in oks."""
    squared = ((xy[:, None] - other_xy[None]) ** 2).sum(-1)
    spread = 2 * np.maximum(area, 1e-9)[:, None, None] * (2 * np.asarray(sigmas)) ** 2
    return np.exp(-squared / spread)


def oks(
    xy: np.ndarray, weight: np.ndarray, area: np.ndarray, other_xy: np.ndarray, sigmas: Sequence[float]
) -> np.ndarray:
    """Similarity of N poses to M others: (N, M) in 0..1, the mean over keypoints weighted by the N poses' weights.

    Args: xy (N, K, 2) px; weight (N, K) >= 0, such as visibility as 0 or 1; area (N,) of the N people in px^2;
    other_xy (M, K, 2) px; sigmas (K,), a Skeleton's. A pose whose weights are all 0 is like nobody: 0.
    """
    total = np.maximum(weight.sum(1), 1e-9)[:, None]
    return (keypoint_similarity(xy, area, other_xy, sigmas) * weight[:, None]).sum(-1) / total


def box_area(box_xyxy: np.ndarray) -> np.ndarray:
    """(N, 4) xyxy px -> (N,) px^2."""
    return np.prod(np.clip(box_xyxy[:, 2:] - box_xyxy[:, :2], 0, None), axis=1)


def oks_nms(
    xy: np.ndarray,
    score: np.ndarray,
    area: np.ndarray,
    person_score: np.ndarray,
    sigmas: Sequence[float],
    threshold: float,
) -> np.ndarray:
    """Indices of the people to keep, best person_score first, none with an OKS over the threshold to a better one.

    Args: xy (N, K, 2) px, score (N, K) used as weight, area (N,) px^2, person_score (N,).
    """
    return nms(oks(xy, score, area, xy, sigmas), person_score, threshold)
