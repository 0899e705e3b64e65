"""How far scores can be trusted, by hand and by chance."""

import numpy as np
import pytest

from pose_estimation_ros.evaluation.metrics.reliability import log_loss, reliability


def test_nothing():
    figures = reliability(np.zeros(0), np.zeros(0, bool))
    assert (figures["count"], figures["ECE"], figures["log_loss"]) == (0, None, None)


def test_calibration_by_hand():
    """Two keypoints of 0.25, one near: 0.25 off. Two of 1 and 0.9, both near: 0.05 off."""
    figures = reliability(np.array([0.25, 0.25, 1.0, 0.9]), np.array([True, False, True, True]))
    assert figures["ECE"] == pytest.approx((2 * 0.25 + 2 * 0.05) / 4)
    filled = {b["from"]: (b["count"], b["mean_score"], b["share_right"]) for b in figures["bins"] if b["count"]}
    assert filled == {0.2: (2, 0.25, 0.5), 0.9: (2, pytest.approx(0.95), 1.0)}


def test_calibrated_scores_have_no_error():
    """Of scores s a share of s is near."""
    rng = np.random.default_rng(0)
    score = rng.uniform(0, 1, 200000)
    assert reliability(score, rng.random(200000) < score)["ECE"] < 0.01
    assert reliability(score, rng.random(200000) < score**2)["ECE"] == pytest.approx(1 / 2 - 1 / 3, abs=0.01)


def test_log_loss_by_hand():
    """The same surprise twice: -log 0.8 for what came true at 0.8, and for what did not at 0.2; bounded at 0."""
    assert log_loss(np.array([0.8, 0.2]), np.array([True, False])) == pytest.approx(-np.log(0.8))
    assert log_loss(np.array([0.0]), np.array([True])) == pytest.approx(-np.log(1e-3))
