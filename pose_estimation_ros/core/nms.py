"""Greedy non-maximum suppression over any similarity: boxes by IoU, people by OKS (core.oks)."""

import numpy as np

from pose_estimation_ros.core.geometry import iou


def nms(similarity: np.ndarray, score: np.ndarray, threshold: float) -> np.ndarray:
    """Indices of those to keep, best score first: each drops all later ones that are more similar than the threshold.

    Args: similarity (N, N), score (N,).
    """
    order = np.argsort(-np.asarray(score), kind="mergesort")
    alive = np.ones(len(order), bool)
    for rank, index in enumerate(order):
        if alive[rank]:
            alive[rank + 1 :] &= similarity[index, order[rank + 1 :]] <= threshold
    return order[alive]


def box_nms(box_xyxy: np.ndarray, score: np.ndarray, threshold: float) -> np.ndarray:
    """Indices of the boxes (N, 4) px to keep, best score first, none with an IoU over the threshold to a better one."""
    return nms(iou(box_xyxy, box_xyxy), score, threshold)
