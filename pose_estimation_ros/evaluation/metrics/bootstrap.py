"""Estimate how far a figure would vary with other images of the same kind, by the bootstrap over images.

One draw takes as many images as there are, with repetition. The figure of a draw is computed from its images alone: for
AP, pycocotools' matches of each image, as many times as it was drawn, are put in order of score and accumulated again.
Every source gets the same draws, so that the interval of a difference is that of pairs. An interval lies between
percentiles of the draws: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, section 13.3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from pycocotools.cocoeval import COCOeval

from pose_estimation_ros.datasets.mpii import Persons, head_distance
from pose_estimation_ros.evaluation.metrics.pckh import IN_MEAN

DRAWS, SEED, PERCENT = 1000, 0, 95
MAX_DRAWS = 10**6

Figure = Callable[[np.ndarray], float]  # from how many times each of the I images counts, (I,) int, to 0..100


class Outcomes(NamedTuple):
    """Hold how D predictions of I images, in the images' order, were judged at T thresholds for people of all sizes.

    Attributes:
        score: (D,).
        right: (T, D) bool; neither right nor wrong where pycocotools ignores the prediction.
        wrong: (T, D) bool.
        predictions: (I,) number of predictions of each image.
        persons: (I,) number of persons to be found in each image.
        recalls: (R,) at which precision is sampled.
    """

    score: np.ndarray
    right: np.ndarray
    wrong: np.ndarray
    predictions: np.ndarray
    persons: np.ndarray
    recalls: np.ndarray


def outcomes(evaluation: COCOeval) -> Outcomes:
    """Read the outcomes off an evaluation whose evaluate() was called; images are in the order of its imgIds."""
    thresholds, images = len(evaluation.params.iouThrs), len(evaluation.params.imgIds)
    predictions, persons = np.zeros((2, images), int)
    score, matched, ignored = [np.zeros(0)], [np.zeros((thresholds, 0))], [np.zeros((thresholds, 0))]
    for place, entry in enumerate(evaluation.evalImgs[:images]):  # the first size range is all sizes
        if entry:
            predictions[place] = len(entry["dtScores"])
            persons[place] = np.count_nonzero(entry["gtIgnore"] == 0)
            score.append(entry["dtScores"])
            matched.append(entry["dtMatches"])
            ignored.append(entry["dtIgnore"])
    is_matched, counted = np.concatenate(matched, 1) > 0, np.concatenate(ignored, 1) == 0
    right, wrong = is_matched & counted, ~is_matched & counted
    return Outcomes(np.concatenate(score), right, wrong, predictions, persons, evaluation.params.recThrs)


def average_precision(outcomes: Outcomes, times: np.ndarray) -> float:
    """Compute AP with each image counting several times, or not at all.

    It equals pycocotools' AP for annotations and results in which every image occurs so many times in a row.

    Args:
        outcomes: outcomes of a source.
        times: (I,) int, how many times each image counts.

    Returns:
        0..100; NaN where nobody is left to find.
    """
    persons = int((outcomes.persons * times).sum())
    if not persons:
        return np.nan
    drawn = drawn_predictions(outcomes, times)
    drawn = drawn[np.argsort(-outcomes.score[drawn], kind="stable")]
    right, wrong = np.cumsum(outcomes.right[:, drawn], 1), np.cumsum(outcomes.wrong[:, drawn], 1)
    precision = right / (right + wrong + np.spacing(1))
    best = np.maximum.accumulate(precision[:, ::-1], 1)[:, ::-1]  # at this recall or more
    best = np.concatenate([best, np.zeros((len(best), 1))], 1)  # 0 at a recall that is not reached
    places = [np.searchsorted(row, outcomes.recalls, side="left") for row in right / persons]
    return 100 * float(np.take_along_axis(best, np.array(places), 1).mean())


def drawn_predictions(outcomes: Outcomes, times: np.ndarray) -> np.ndarray:
    """Return the indices of the predictions of each image as many times as it was drawn, copy after copy.

    Args:
        outcomes: outcomes of the predictions.
        times: (I,) how many times each image was drawn.
    """
    image = np.repeat(np.arange(len(times)), times)
    count = outcomes.predictions[image]
    first = (np.cumsum(outcomes.predictions) - outcomes.predictions)[image]  # of each copy, among all predictions
    before = np.cumsum(count) - count  # among the drawn ones
    return np.repeat(first - before, count) + np.arange(count.sum())


def mean_pckh(xy: np.ndarray, persons: Persons, threshold: float = 0.5) -> tuple[Figure, int]:
    """Make MPII's Mean a figure of the images.

    Args:
        xy: (N, 16, 2) px, predictions.
        persons: N annotated persons.
        threshold: in head sizes.

    Returns:
        The figure, and the number of images.
    """
    names, image = np.unique(persons.file_name, return_inverse=True)
    distance = head_distance(xy, persons)[:, IN_MEAN]
    hits, labelled = (np.bincount(image, j.sum(1), len(names)) for j in (distance <= threshold, ~np.isnan(distance)))

    def figure(times: np.ndarray) -> float:
        total = float((labelled * times).sum())
        return 100 * float((hits * times).sum()) / total if total else np.nan

    return figure, len(names)


def draws(images: int, count: int = DRAWS, seed: int = SEED) -> Iterator[np.ndarray]:
    """Draw images, and yield how many times each of them counts in a draw.

    Args:
        images: the number I of images.
        count: the number of draws.
        seed: the same seed gives the same draws.

    Yields:
        (I,) int.
    """
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield np.bincount(rng.integers(images, size=images), minlength=images)


def resampled(figures: Sequence[Figure], images: int, count: int = DRAWS, seed: int = SEED) -> np.ndarray:
    """Compute M figures of each draw.

    Args:
        figures: M of the same images.
        images: the number of images.
        count: the number of draws.
        seed: seed of the draws.

    Returns:
        (M, count).
    """
    rows = [[figure(times) for figure in figures] for times in draws(images, count, seed)]
    return np.array(rows).reshape(-1, len(figures)).T


def interval(values: np.ndarray) -> tuple[float, float]:
    """Return the limits of the middle 95 % of the draws' values without NaN; (NaN, NaN) where nothing else is left."""
    known = values[np.isfinite(values)]
    if not len(known):
        return np.nan, np.nan
    outside = (100 - PERCENT) / 2
    low, high = np.percentile(known, [outside, 100 - outside])
    return float(low), float(high)
