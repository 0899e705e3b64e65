"""Fit a map from scores to probabilities: isotonic regression of what was right, with few knots."""

from __future__ import annotations

import numpy as np

from pose_estimation_ros.core.calibration import Curve

MOST_BINS = 20
SMALLEST_BIN = 25  # entries: their share of right ones is known to a tenth


def fit_curve(score: np.ndarray, right: np.ndarray, weight: np.ndarray | None = None) -> Curve:
    """Fit a map to scores and what of them was right.

    The entries are put into bins of equal weight by their scores. The share of a bin that is right is a knot, at the
    bin's mean score; bins whose shares fall become one ("Transforming Classifier Scores into Accurate Multiclass
    Probability Estimates", Zadrozny and Elkan, KDD 2002, doi:10.1145/775047.775151).

    Args:
        score: (N,) 0..1, N > 0.
        right: (N,) bool.
        weight: (N,) weights, None for equal ones.
    """
    order = np.argsort(score, kind="mergesort")
    weight = np.ones(len(score)) if weight is None else weight[order]
    score, right = score[order], right[order]
    bins = int(np.clip(len(score) // SMALLEST_BIN, 1, MOST_BINS))
    reached = np.cumsum(weight) - weight / 2
    place = np.minimum((reached * bins / weight.sum()).astype(int), bins - 1)
    total, at, sure = (np.bincount(place, weight * values, bins) for values in (np.ones(len(score)), score, right))
    filled = total > 0
    total, at, sure = total[filled], at[filled], sure[filled]
    # Half an entry of each kind more: no share of few entries is 0 or 1.
    share, block = (sure + 0.5) / (total + 1), pool_violators((sure + 0.5) / (total + 1), total)
    pooled = [np.bincount(block, values) for values in (total, at, share * total)]
    knots, probability = pooled[1] / pooled[0], pooled[2] / pooled[0]
    knots, first = np.unique(knots.round(4), return_index=True)
    return Curve(tuple(knots.tolist()), tuple(probability[first].round(4).tolist()))


def pool_violators(value: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Join neighbours until their mean values rise: the pool-adjacent-violators algorithm.

    Args:
        value: (M,) values in order.
        weight: (M,) positive weights.

    Returns:
        (M,) int, the number of the block of each value, from 0.
    """
    blocks: list[tuple[float, float, int]] = []  # sum of value x weight, sum of weights, number of values
    for new, size in zip(value * weight, weight):
        block = (float(new), float(size), 1)
        while blocks and blocks[-1][0] * block[1] >= block[0] * blocks[-1][1]:
            before = blocks.pop()
            block = (before[0] + block[0], before[1] + block[1], before[2] + block[2])
        blocks.append(block)
    return np.repeat(np.arange(len(blocks)), [count for *_, count in blocks])
