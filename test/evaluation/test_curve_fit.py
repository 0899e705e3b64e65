"""Maps that are fitted to what was right, against slow isotonic regression and known probabilities."""

import numpy as np
import pytest

from pose_estimation_ros.evaluation.curve_fit import fit_curve, pool_violators


def slow_isotonic(value, weight):
    """The min-max formula: the greatest of the lowest means of the intervals that begin before and end after."""
    count = len(value)

    def mean(first, last):
        return np.average(value[first : last + 1], weights=weight[first : last + 1])

    return [max(min(mean(i, k) for k in range(j, count)) for i in range(j + 1)) for j in range(count)]


def test_nothing():
    assert pool_violators(np.zeros(0), np.zeros(0)).tolist() == []


@pytest.mark.parametrize("seed", range(20))
def test_pooled_means_are_the_isotonic_regression(seed):
    random = np.random.default_rng(seed)
    value, weight = random.uniform(0, 1, 12), random.uniform(0.1, 3, 12)
    block = pool_violators(value, weight)
    means = np.bincount(block, value * weight) / np.bincount(block, weight)
    assert means[block] == pytest.approx(np.array(slow_isotonic(value, weight)))


@pytest.mark.parametrize("power", [1, 2, 0.5])
def test_known_probabilities_are_found(power):
    random = np.random.default_rng(0)
    score = random.uniform(0.1, 0.9, 20000)
    curve = fit_curve(score, random.uniform(0, 1, 20000) < score**power)
    places = np.linspace(0.2, 0.8, 7)
    assert curve(places) == pytest.approx(places**power, abs=0.04)
    assert len(curve.score) <= 20 and (np.diff(curve.score) > 0).all() and (np.diff(curve.probability) >= 0).all()


def test_few_entries_make_few_knots_and_nothing_is_certain():
    curve = fit_curve(np.array([0.5, 0.7]), np.array([True, True]))
    assert curve.score == pytest.approx((0.6,)) and curve.probability == pytest.approx((2.5 / 3,), abs=1e-4)


def test_equal_scores_make_one_knot():
    assert fit_curve(np.full(1000, 0.25), np.arange(1000) % 4 == 0).score == (0.25,)


def test_weights_count_like_copies():
    """20 scores, of 60 copies each, so that bins begin at the same places."""
    random = np.random.default_rng(1)
    score, weight = np.repeat(np.linspace(0.1, 0.9, 20), 30), np.tile([1, 2, 3], 200)
    right = random.uniform(0, 1, 600) < score / weight
    copied = fit_curve(np.repeat(score, weight), np.repeat(right, weight))
    weighted, alike = fit_curve(score, right, weight.astype(float)), fit_curve(score, right)
    assert len(copied.score) > 5 and copied.score == pytest.approx(weighted.score)
    assert copied.probability == pytest.approx(weighted.probability)
    assert copied.probability != pytest.approx(alike.probability)
