"""Bodies keep the lengths of their limbs, bend as people do, and have left on their left."""

import numpy as np
import pytest

from pose_estimation_ros.datasets.toy.body import FOREARM, FORWARD, LEFT, SHANK, THIGH, UP, UPPER_ARM, random_body, turn

BODIES = [random_body(np.random.default_rng(seed)) for seed in range(100)]
RATIOS = {  # limb and its length, relative to the distance of the hips and its own one
    ("shoulder", "elbow"): UPPER_ARM,
    ("elbow", "wrist"): FOREARM,
    ("hip", "knee"): THIGH,
    ("knee", "ankle"): SHANK,
}


@pytest.mark.parametrize("angle_deg, expected", [(0, UP), (90, FORWARD), (180, -UP)])
def test_turns_are_right_handed(angle_deg, expected):
    np.testing.assert_allclose(turn(LEFT, angle_deg) @ UP, expected, atol=1e-12)


@pytest.mark.parametrize("limb", RATIOS)
@pytest.mark.parametrize("side", ["left_", "right_"])
def test_limbs_keep_their_share_of_the_height(side, limb):
    for body in BODIES:
        height = np.linalg.norm(body["thorax"] - body["pelvis"]) / 0.29
        assert 1.5 <= height <= 1.95
        length = np.linalg.norm(body[side + limb[0]] - body[side + limb[1]])
        np.testing.assert_allclose(length, RATIOS[limb] * height)


def test_knees_bend_backward_and_elbows_forward():
    for body in BODIES:
        for side in ("left_", "right_"):
            thigh, shank = (body[side + b] - body[side + a] for a, b in (("hip", "knee"), ("knee", "ankle")))
            assert np.cross(thigh, shank) @ np.cross(FORWARD, UP) <= 1e-9 or abs(thigh[1]) > 0.1 * np.linalg.norm(thigh)
            ankle, toe = body[side + "ankle"], body[side + "big_toe"]
            assert (toe - ankle) @ shank < 0.1 * np.linalg.norm(shank) and toe[0] != ankle[0]


def test_left_is_left():
    for body in BODIES:
        for joint in ("shoulder", "hip"):
            assert body["left_" + joint][1] > body["right_" + joint][1]
        face = body["nose"] - (body["left_ear"] + body["right_ear"]) / 2
        up = body["head_top"] - body["neck"]
        assert np.cross(up, face) @ (body["left_ear"] - body["right_ear"]) > 0


def test_postures_differ():
    assert np.std([body["left_wrist"] for body in BODIES], 0).min() > 0.15
