"""Where keypoints lie and what scores are worth, by hand."""

import numpy as np
import pytest
from bag_images import TOPIC

from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.evaluation.bag.metrics.ground_truth import GroundTruth
from pose_estimation_ros.evaluation.bag.metrics.keypoints import details

COCO = get_skeleton("coco17")


@pytest.fixture
def truth(content):
    for image in content["images"]:
        image["stamp_ns"] = image["id"]
    return GroundTruth(content, "t", TOPIC)


def test_nobody(truth):
    assert details(truth.index(set()), []) == {}
    figures = details(truth.index({1, 2}), [])
    assert figures["calibration"]["ECE"] is None and figures["calibration"]["count"] == 0
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
    assert figures["calibration"]["count"] == 34
    assert figures["calibration"]["ECE"] == pytest.approx(0.2), "scores of 0.8, and all are near"
