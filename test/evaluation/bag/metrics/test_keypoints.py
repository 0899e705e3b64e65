"""Where keypoints lie and what scores are worth, by hand."""

import numpy as np
import pytest
from bag_images import TOPIC

from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.evaluation.bag.metrics.ground_truth import GroundTruth
from pose_estimation_ros.evaluation.bag.metrics.keypoints import calibration, details

COCO = get_skeleton("coco17")


@pytest.fixture
def truth(content):
    for image in content["images"]:
        image["stamp_ns"] = image["id"]
    return GroundTruth(content, "t", TOPIC)


def test_nobody(truth):
    assert details(truth.index(set()), []) == {}
    figures = details(truth.index({1, 2}), [])
    assert figures["calibration"]["ECE"] is None and figures["calibration"]["keypoints"] == 0
    assert figures["keypoints"]["all"] == {"labelled": 51, "mean_px": None, "mean_error": None, "near": 0.0}


def test_one_keypoint_off(truth, as_results):
    """Persons 1 and 2 are found as they are but for the nose of 1: 2 sigma sqrt(area) = 5.2 px to the right."""
    results = as_results(truth.content["annotations"][:2])
    results[0]["keypoints"] = list(results[0]["keypoints"])
    unit = 2 * COCO.sigmas[0] * 100
    results[0]["keypoints"][0] += unit
    results = [{**r, "keypoints": np.reshape(r["keypoints"], (17, 3)) * [1, 1, 0.4]} for r in results]
    figures = details(truth.index({1, 2}), [{**r, "keypoints": r["keypoints"].ravel().tolist()} for r in results])
    nose = figures["keypoints"]["nose"]
    assert (nose["labelled"], nose["mean_px"]) == (3, pytest.approx(unit / 2))
    assert nose["mean_error"] == pytest.approx(0.5) and nose["near"] == pytest.approx(200 / 3), "exp(-0.5) is near"
    assert figures["keypoints"]["all"]["near"] == pytest.approx(3400 / 51)
    assert figures["errors"] == pytest.approx(
        {"good": 3300 / 34, "jitter": 100 / 34, "inversion": 0, "swap": 0, "miss": 0}
    )
    assert figures["calibration"]["keypoints"] == 34
    assert figures["calibration"]["ECE"] == pytest.approx(0.2), "scores of 0.8, and all are near"


def test_calibration_by_hand():
    """Two keypoints of 0.25, one near: 0.25 off. Two of 1 and 0.9, both near: 0.05 off."""
    figures = calibration(np.array([0.25, 0.25, 1.0, 0.9]), np.array([True, False, True, True]))
    assert figures["ECE"] == pytest.approx((2 * 0.25 + 2 * 0.05) / 4)
    filled = {b["from"]: (b["count"], b["mean_score"], b["share_near"]) for b in figures["bins"] if b["count"]}
    assert filled == {0.2: (2, 0.25, 0.5), 0.9: (2, pytest.approx(0.95), 1.0)}


def test_calibrated_scores_have_no_error():
    """Of scores s a share of s is near."""
    rng = np.random.default_rng(0)
    score = rng.uniform(0, 1, 200000)
    assert calibration(score, rng.random(200000) < score)["ECE"] < 0.01
    assert calibration(score, rng.random(200000) < score**2)["ECE"] == pytest.approx(1 / 2 - 1 / 3, abs=0.01)
