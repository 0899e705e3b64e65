import math

import numpy as np
import pytest

from pose_estimation_ros.core.oks import box_area, foreign_joints, keypoint_similarity, oks, pose_nms, shared_joints
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


def slow_share(xy, score, area, sigmas, i, j):
    """The same by loops."""
    common = 0
    for k in range(17):
        d2 = float(((xy[i, k] - xy[j, k]) ** 2).sum())
        near = math.exp(-d2 / (2 * min(area[i], area[j]) * (2 * sigmas[k]) ** 2)) >= 0.5
        common += near and score[i, k] > 0 and score[j, k] > 0
    return common / max(min((score[i] > 0).sum(), (score[j] > 0).sum()), 1)


def test_shared_joints_are_those_of_the_slow_way():
    dice = np.random.RandomState(4)
    one = dice.rand(17, 2) * 100
    xy = one + dice.choice([0, 5, 20, 60], (6, 17, 1)) * dice.randn(6, 17, 2)
    score, area = dice.rand(6, 17) * (dice.rand(6, 17) < 0.6), dice.uniform(1e3, 2e4, 6)
    score[5] = 0
    share = shared_joints(xy, score, area, SIGMAS)
    expected = [[slow_share(xy, score, area, SIGMAS, i, j) for j in range(6)] for i in range(6)]
    np.testing.assert_allclose(share, expected)
    assert shared_joints(xy[:0], score[:0], area[:0], SIGMAS).shape == (0, 0)


def test_a_joint_belongs_to_the_person_for_whom_its_score_is_higher():
    """The second person's left ankle (15) lies on the first's right ankle (16), the right wrist (10) on the same."""
    flip = get_skeleton("coco17").flip_index
    first = np.random.RandomState(5).rand(17, 2) * [60, 160]
    xy = np.stack([first, first + [500, 0]])
    xy[1, 15], xy[1, 10] = first[16] + 1, first[10] + 1
    score = np.full((2, 17), 0.5)
    score[1, [10, 15]] = 0.8, 0.3
    area = np.full(2, 1e4)
    expected = np.zeros((2, 17), bool)
    expected[1, 15] = expected[0, 10] = True
    assert (foreign_joints(xy, score, area, SIGMAS, flip) == expected).all()
    score[0, [10, 16]] = 0
    assert not foreign_joints(xy, score, area, SIGMAS, flip).any(), "who has not found a joint claims none"
    assert foreign_joints(xy[:0], score[:0], area[:0], SIGMAS, flip).shape == (0, 17)


def test_doubt_makes_similarity_wider():
    """A joint 10 px away, spread of 6 px, doubt of 8 px: together 10 px."""
    area = np.array([(6 / (2 * 0.1)) ** 2])
    xy = np.zeros((1, 1, 2))
    got = keypoint_similarity(xy, area, xy + [[[10, 0]]], [0.1], np.array([8.0]))
    assert got.item() == pytest.approx(math.exp(-0.5))
    assert keypoint_similarity(xy, area, xy + [[[6, 0]]], [0.1]).item() == pytest.approx(math.exp(-0.5))


def test_nobody_takes_a_joint_from_himself():
    flip = get_skeleton("coco17").flip_index
    xy = np.random.RandomState(0).uniform(0, 100, (1, 17, 2))
    xy[:, flip > np.arange(17)] = xy[:, flip[flip > np.arange(17)]] + 0.1  # seen from the side: left lies on right
    score = np.linspace(0.3, 0.9, 17)[None]
    assert not foreign_joints(xy, score, np.array([1e4]), SIGMAS, flip).any()
    far = np.concatenate([xy, xy + 1000])
    assert not foreign_joints(far, np.tile(score, (2, 1)), np.full(2, 1e4), SIGMAS, flip).any()
