"""How far a figure would go up and down with other images of the same kind: the bootstrap over images.

One draw takes as many images as there are, with repetition. The figure of a draw is worked out from its images alone:
for AP, pycocotools' matches of each image, as many times as it was drawn, are put in order of score and accumulated
again. Every source gets the same draws, so that the spread of a difference is of the pairs (Efron and Tibshirani, An
Introduction to the Bootstrap, 1993, section 13.3: the interval is the draws' percentiles).
"""

from __future__ import annotations

from typing import Callable, Iterator, NamedTuple, Sequence

import numpy as np
from pycocotools.cocoeval import COCOeval

from pose_estimation_ros.evaluation.mpii import IN_MEAN, Persons, head_distance

DRAWS, SEED, PERCENT = 1000, 0, 95

Figure = Callable[[np.ndarray], float]  # how many times each of the I images counts, (I,) int -> a figure, 0..100


class Outcomes(NamedTuple):
    """The D predictions of I images for people of all sizes, image after image, and the T thresholds.

    score (D,); right, wrong (T, D) bool, neither where pycocotools ignores the prediction; predictions, persons (I,):
    how many an image has, and how many are to be found; recalls (R,): where precision is read off.
    """

    score: np.ndarray
    right: np.ndarray
    wrong: np.ndarray
    predictions: np.ndarray
    persons: np.ndarray
    recalls: np.ndarray


def outcomes(evaluation: COCOeval) -> Outcomes:
    """Of an evaluation that evaluate() was called of; images in the order of its imgIds."""
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


def average_precision(own: Outcomes, times: np.ndarray) -> float:
    """AP in 0..100 with each image counting so many times (I,); NaN where that leaves nobody to find.

    It is what pycocotools gives of annotations and results in which images stand so many times one after the other.
    """
    persons = int((own.persons * times).sum())
    if not persons:
        return np.nan
    drawn = drawn_predictions(own, times)
    drawn = drawn[np.argsort(-own.score[drawn], kind="stable")]
    right, wrong = np.cumsum(own.right[:, drawn], 1), np.cumsum(own.wrong[:, drawn], 1)
    precision = right / (right + wrong + np.spacing(1))
    best = np.maximum.accumulate(precision[:, ::-1], 1)[:, ::-1]  # of this recall or more
    best = np.concatenate([best, np.zeros((len(best), 1))], 1)  # 0 at a recall that is not reached
    places = [np.searchsorted(row, own.recalls, side="left") for row in right / persons]
    return 100 * float(np.take_along_axis(best, np.array(places), 1).mean())


def drawn_predictions(own: Outcomes, times: np.ndarray) -> np.ndarray:
    """Places of the predictions of each image as many times as it was drawn, copy after copy."""
    image = np.repeat(np.arange(len(times)), times)
    count = own.predictions[image]
    first = (np.cumsum(own.predictions) - own.predictions)[image]  # of each copy, among all predictions
    before = np.cumsum(count) - count  # among the drawn ones
    return np.repeat(first - before, count) + np.arange(count.sum())


def mean_pckh(xy: np.ndarray, persons: Persons, threshold: float = 0.5) -> tuple[Figure, int]:
    """MPII's Mean of predictions (N, 16, 2) px as a figure of the images, and the number of images."""
    names, image = np.unique(persons.file_name, return_inverse=True)
    distance = head_distance(xy, persons)[:, IN_MEAN]
    found, asked = (np.bincount(image, j.sum(1), len(names)) for j in (distance <= threshold, ~np.isnan(distance)))

    def figure(times: np.ndarray) -> float:
        total = float((asked * times).sum())
        return 100 * float((found * times).sum()) / total if total else np.nan

    return figure, len(names)


def draws(images: int, count: int = DRAWS, seed: int = SEED) -> Iterator[np.ndarray]:
    """Of each draw how many times each image counts, (I,) int; always the same ones of a seed."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield np.bincount(rng.integers(images, size=images), minlength=images)


def resampled(figures: Sequence[Figure], images: int, count: int = DRAWS, seed: int = SEED) -> np.ndarray:
    """(M, count): the M figures of each draw."""
    rows = [[figure(times) for figure in figures] for times in draws(images, count, seed)]
    return np.array(rows).reshape(-1, len(figures)).T


def interval(values: np.ndarray) -> tuple[float, float]:
    """Between which the middle 95 % of the draws' values lie; NaN (nobody to find) left out, (NaN, NaN) without any."""
    known = values[np.isfinite(values)]
    if not len(known):
        return np.nan, np.nan
    outside = (100 - PERCENT) / 2
    low, high = np.percentile(known, [outside, 100 - outside])
    return float(low), float(high)
