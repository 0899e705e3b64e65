"""People of a film stay themselves, move little from image to image, and swing their legs."""

import numpy as np
import pytest

from pose_estimation_ros.datasets.toy.body import walking_body
from pose_estimation_ros.datasets.toy.walk import draw_walk


@pytest.fixture(scope="module")
def film():
    return list(draw_walk(3, 8))


def test_no_frames():
    assert list(draw_walk(0, 0)) == []


def test_images_come_from_the_seed(film):
    again = list(draw_walk(3, 2))
    np.testing.assert_array_equal(again[1][0], film[1][0])
    assert again[1][1] == film[1][1] and (next(draw_walk(4, 1))[0] != film[0][0]).any()


def test_a_longer_film_begins_alike_and_the_wall_stands_still(film):
    differing = np.abs(film[0][0][:40].astype(int) - film[7][0][:40]).mean()
    assert differing < 8  # noise of the camera


def test_people_move_a_little_and_all_in_one_direction(film):
    for number in film[0][1]:
        x = [people[number].keypoints["pelvis"][0] for _image, people in film if number in people]
        steps = np.diff(x)
        assert len(x) > 4 and (abs(steps) > 1).all() and (abs(steps) < 12).all() and len(set(np.sign(steps))) == 1


def test_legs_swing_against_each_other_and_limbs_keep_their_length():
    bodies = [walking_body(np.random.default_rng(0), phase) for phase in np.linspace(0, 2 * np.pi, 9)]
    left, right = (np.array([body[side + "_knee"][0] for body in bodies]) for side in ("left", "right"))
    assert np.corrcoef(left, right)[0, 1] < -0.9
    lengths = [np.linalg.norm(body["left_knee"] - body["left_hip"]) for body in bodies]
    np.testing.assert_allclose(lengths, lengths[0])
