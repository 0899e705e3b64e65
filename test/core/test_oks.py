import math

import numpy as np
import pytest

from pose_estimation_ros.core.oks import box_area, oks, pose_nms
from pose_estimation_ros.core.skeleton import get_skeleton

SIGMAS = get_skeleton("coco17").sigmas


def slow_oks(truth, visible, area, found):
    """COCO's formula, one keypoint at a time: k_i = 2 sigma_i, s^2 = area."""
    terms = []
    for i in range(17):
        if visible[i]:
            squared = (truth[i][0] - found[i][0]) ** 2 + (truth[i][1] - found[i][1]) ** 2
            terms.append(math.exp(-squared / (2 * area * (2 * SIGMAS[i]) ** 2)))
    return sum(terms) / len(terms) if terms else 0.0


@pytest.mark.parametrize("counts", [(0, 0), (0, 2), (2, 0), (3, 4)])
def test_oks_is_the_slow_one(counts):
    random = np.random.RandomState(0)
    truth, found = (random.rand(count, 17, 2) * 60 for count in counts)
    visible, area = random.rand(counts[0], 17) < 0.6, 500 + 5000 * random.rand(counts[0])
    result = oks(truth, visible.astype(float), area, found, SIGMAS)
    expected = [slow_oks(t, v, a, f) for t, v, a in zip(truth, visible, area) for f in found]
    assert result.shape == counts and np.allclose(result.ravel(), expected)


def test_the_same_pose_is_one_and_a_pose_without_keypoints_is_like_nobody():
    xy = np.random.RandomState(1).rand(2, 17, 2) * 100
    weight = np.array([[1.0] * 17, [0.0] * 17])
    assert np.isclose(oks(xy, weight, np.full(2, 1e4), xy, SIGMAS)[0, 0], 1)
    assert (oks(xy, weight, np.full(2, 1e4), xy, SIGMAS)[1] == 0).all()


def test_by_hand_at_one_sigma():
    """A nose off by 2 sigma sqrt(area) px has exp(-1/2)."""
    xy = np.zeros((1, 17, 2))
    other = xy + [2 * 0.026 * 100, 0]
    weight = np.eye(17)[:1]
    assert np.isclose(oks(xy, weight, np.array([1e4]), other, SIGMAS)[0, 0], math.exp(-0.5))


def test_scores_as_weights_make_sure_keypoints_count_more():
    xy = np.zeros((1, 17, 2))
    other = xy.copy()
    other[0, 0] = 1e4
    sure, unsure = np.ones((1, 17)), np.ones((1, 17))
    unsure[0, 0] = 0.1
    area = np.array([1e4])
    assert (
        oks(xy, unsure, area, other, SIGMAS)[0, 0] > oks(xy, sure, area, other, SIGMAS)[0, 0] == pytest.approx(16 / 17)
    )


@pytest.mark.parametrize("box, area", [([0, 0, 3, 4], 12), ([0, 0, 0, 0], 0), ([5, 5, 4, 9], 0)])
def test_box_area(box, area):
    assert box_area(np.array([box], float)).tolist() == [area]


def test_pose_nms_keeps_the_better_of_two_alike_and_those_apart():
    one = np.random.RandomState(2).rand(17, 2) * 100
    xy = np.stack([one + 1, one, one + 300])
    kept = pose_nms(xy, np.ones((3, 17)), np.full(3, 1e4), np.array([0.5, 0.9, 0.2]), SIGMAS, 0.7)
    assert kept.tolist() == [1, 2]


def test_pose_nms_of_nobody():
    assert pose_nms(np.zeros((0, 17, 2)), np.zeros((0, 17)), np.zeros(0), np.zeros(0), SIGMAS, 0.7).tolist() == []
