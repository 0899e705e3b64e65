"""Maps from scores to probabilities, by hand."""

import copy

import numpy as np
import pytest

from pose_estimation_ros.core.calibration import Calibration, Curve, check_calibration, make_calibration, part_of

KNOTS = {"score": [0.2, 0.6], "probability": [0.1, 0.9]}
FIELDS = {"keypoint": KNOTS, "person": {"score": [0.5], "probability": [0.8]}}


def test_nothing():
    check_calibration({}, ())
    maps = make_calibration(FIELDS, ("nose", "left_eye"))
    assert maps.keypoint_probability(np.zeros((0, 2), np.float32)).shape == (0, 2)
    assert maps.person(np.zeros(0)).shape == (0,)


@pytest.mark.parametrize(
    "score, probability",
    [(0.0, 0.0), (1e-9, 0.0), (0.1, 0.05), (0.2, 0.1), (0.4, 0.5), (0.6, 0.9), (0.8, 0.95), (1.0, 1.0)],
)
def test_a_curve_is_linear_between_its_knots_and_goes_on_to_the_corners(score, probability):
    found = Curve(**KNOTS)(np.array([[score]], np.float32))
    assert found.shape == (1, 1) and found.dtype == np.float32 and found[0, 0] == pytest.approx(probability, abs=1e-6)


def test_not_found_stays_not_found_where_the_first_knot_is_at_zero():
    assert Curve([0.0, 1.0], [0.3, 1.0])(np.array([0.0, 0.5])).tolist() == pytest.approx([0.0, 0.65])


def test_a_knot_at_the_largest_score_holds_for_that_score():
    """Scores that a network cannot exceed are frequent."""
    curve = Curve([0.5, 1.0], [0.2, 0.6])
    assert curve(np.array([0.5, 0.75, 1.0, 1.5, np.inf])).tolist() == pytest.approx([0.2, 0.4, 0.6, 0.6, 0.6])
    assert Curve([1.0], [0.6])(np.array([0.0, 0.5, 1.0, np.nan])).tolist() == pytest.approx([0.0, 0.3, 0.6, 0.0])


def test_parts_have_maps_of_their_own_on_both_sides():
    fields = dict(FIELDS, parts={"eye": {"score": [0.5], "probability": [0.3]}}, facts={"people": 3})
    names = ("nose", "left_eye", "right_eye")
    check_calibration(fields, names)
    maps = make_calibration(fields, names)
    assert maps.keypoint_probability(np.full((2, 3), 0.5)) == pytest.approx(np.array([[0.7, 0.3, 0.3]] * 2))
    assert maps.person(np.array([0.5, 0.25])).tolist() == pytest.approx([0.8, 0.4])


def test_each_keypoint_has_its_own_map():
    """Of many keypoints with maps of 1 to 3 knots, some at the ends, beside one map after the other."""
    knots = [([0.5], [0.2]), ([0.0, 1.0], [0.3, 0.9]), ([1.0], [0.6]), ([0.1, 0.2, 0.7], [0.0, 0.5, 0.5])]
    curves = [Curve(*knots[index % 4]) for index in range(133)]
    score = np.random.RandomState(0).rand(20, 133).astype(np.float32)
    score[0], score[1], score[2], score[3] = 0, 1, np.nan, np.inf
    found = Calibration(curves, curves[0]).keypoint_probability(score)
    expected = np.stack([curve(score[:, index]) for index, curve in enumerate(curves)], 1)
    assert found.dtype == np.float32 and np.abs(found - expected).max() < 1e-6


def test_parts_are_names_without_sides():
    names = ("nose", "left_eye", "right_big_toe", "upright_x", "L_Eye", "knee_r", "LeftHandTip", "left", "?")
    parts = ["nose", "eye", "big_toe", "upright_x", "eye", "knee", "hand_tip", "left", "?"]
    assert list(map(part_of, names)) == parts


@pytest.mark.parametrize(
    "place, value, text",
    [
        ("person", None, "keys missing: \\['person'\\]"),
        ("extra", {}, "keys unknown: \\['extra'\\]"),
        ("parts", [], "expected calibration.parts as an object"),
        ("facts", 3, "expected calibration.facts as an object"),
        ("person", [0.1], "expected calibration.person as an object with score and probability"),
        ("keypoint", {"score": [0.1]}, "expected calibration.keypoint as an object with score and probability"),
        ("keypoint", {"score": [0.1, 0.2], "probability": [0.1]}, "as many scores as probabilities, got 2 and 1"),
        ("keypoint", {"score": [], "probability": []}, "calibration.keypoint.score as 1 to 64 numbers"),
        ("keypoint", {"score": [0.1] * 65, "probability": [0.1] * 65}, "as 1 to 64 numbers"),
        ("keypoint", {"score": [0.1, 1.2], "probability": [0.1, 0.2]}, "numbers from 0 to 1"),
        ("keypoint", {"score": [0.1, True], "probability": [0.1, 0.2]}, "numbers from 0 to 1"),
        ("keypoint", {"score": [0.1, float("nan")], "probability": [0.1, 0.2]}, "numbers from 0 to 1"),
        ("keypoint", {"score": [0.2, 0.2], "probability": [0.1, 0.2]}, "rising scores"),
        ("keypoint", {"score": [0.1, 0.2], "probability": [0.2, 0.1]}, "probabilities that never fall"),
        ("parts", {"tail": KNOTS}, "expected calibration.parts out of 'eye, nose', got 'tail'"),
        ("parts", {"left_eye": KNOTS}, "got 'left_eye'"),
        ("keypoint", {"score": [0.9] * 64, "probability": [0.123456] * 64}, "rising scores.{1,200}$"),
        ("parts", {"eye": {"score": "x", "probability": [0.1]}}, "expected calibration.parts.eye.score as"),
    ],
)
def test_what_is_no_calibration_is_refused(place, value, text):
    fields = copy.deepcopy(FIELDS)
    fields[place] = value
    if value is None:
        del fields[place]
    with pytest.raises(ValueError, match=text):
        check_calibration(fields, ("nose", "left_eye"))


def test_a_detector_has_none():
    with pytest.raises(ValueError, match="in the spec of a pose model alone"):
        check_calibration(FIELDS, ())
