import itertools

import numpy as np
import pytest

from pose_estimation_ros.core.poses import empty_poses, make_poses
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.core.tracking import Tracker, match_greedily

SIGMAS = get_skeleton("coco17").sigmas
SHAPE = np.random.RandomState(0).rand(17, 2) * [60, 160]


def people(*places):
    """One person of 60x160 px at each (x, y)."""
    xy = np.array([SHAPE + place for place in places]).reshape(-1, 17, 2)
    box = np.array([[x, y, x + 60, y + 160] for x, y in places], float).reshape(-1, 4)
    return make_poses(xy, np.ones(xy.shape[:2]), box, np.ones(len(places)))


def ids(tracker, stamp_s, *places):
    return tracker.update(people(*places), stamp_s).track_id.tolist()


def test_nobody_then_somebody():
    tracker = Tracker(SIGMAS)
    assert tracker.update(empty_poses(17), 0.0).count == 0
    assert ids(tracker, 0.1, (0, 0)) == [1]


def test_ids_follow_people_whatever_their_order():
    tracker = Tracker(SIGMAS)
    assert ids(tracker, 0.0, (0, 0), (300, 0)) == [1, 2]
    assert ids(tracker, 0.1, (304, 0), (4, 0)) == [2, 1]
    assert ids(tracker, 0.2, (8, 0), (600, 0), (308, 0)) == [1, 3, 2]


def test_only_the_ids_change():
    before = people((0, 0), (300, 0))
    after = Tracker(SIGMAS).update(before, 0.0)
    assert all((a == b).all() for a, b in zip(before[:-1], after[:-1]))
    assert after.track_id.dtype == np.int32


def test_quick_movement_is_followed_by_the_box():
    """30 px in one frame: the OKS is about 0, the boxes still overlap."""
    tracker = Tracker(SIGMAS)
    assert [ids(tracker, 0.1 * i, (30 * i, 0)) for i in range(5)] == [[1]] * 5


@pytest.mark.parametrize("missing_s, expected", [(0.5, [1]), (0.99, [1]), (1.5, [2])])
def test_a_short_loss_keeps_the_id(missing_s, expected):
    tracker = Tracker(SIGMAS, max_age_s=1.0)
    ids(tracker, 10.0, (0, 0))
    ids(tracker, 10.0 + missing_s / 2)
    assert ids(tracker, 10.0 + missing_s, (2, 0)) == expected


def test_ids_are_never_used_twice():
    tracker = Tracker(SIGMAS, max_age_s=0.5)
    seen = [ids(tracker, float(i), (0, 0)) for i in range(4)]
    tracker.reset()
    assert seen + [ids(tracker, 4.0, (0, 0))] == [[1], [2], [3], [4], [5]]


def test_a_jump_back_in_time_starts_afresh_and_a_late_frame_does_not():
    tracker = Tracker(SIGMAS)
    assert ids(tracker, 100.0, (0, 0)) == [1]
    assert ids(tracker, 99.9, (0, 0)) == [1]
    assert ids(tracker, 3.0, (0, 0)) == [2]
    assert ids(tracker, 3.1, (0, 0)) == [2]


def test_stamps_that_stand_still_track_and_still_forget():
    tracker = Tracker(SIGMAS, max_age_s=1.0)
    assert [ids(tracker, 0.0, (i, 0)) for i in range(3)] == [[1]] * 3
    for _ in range(40):  # more than a second of frames at 30 Hz
        ids(tracker, 0.0)
    assert ids(tracker, 0.0, (2, 0)) == [2]


def test_two_people_who_pass_each_other_keep_their_ids():
    tracker = Tracker(SIGMAS)
    steps = [ids(tracker, i / 30, (4 * i, 0), (400 - 4 * i, 40)) for i in range(100)]
    assert steps == [[1, 2]] * 100


def slow_greedy(similarity, threshold):
    pairs = sorted(itertools.product(*map(range, similarity.shape)), key=lambda pair: -similarity[pair])
    match, used = [-1] * similarity.shape[1], set()
    for row, column in pairs:
        if similarity[row, column] >= threshold and row not in used and match[column] == -1:
            match[column] = row
            used.add(row)
    return match


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (1, 1), (4, 6), (6, 4)])
def test_greedy_matching_is_the_slow_one(shape):
    similarity = np.random.RandomState(3).rand(*shape)
    assert match_greedily(similarity, 0.4, np.full(shape[1], -1)).tolist() == slow_greedy(similarity, 0.4)


def test_pairs_made_before_are_kept():
    match = match_greedily(np.array([[0.9, 0.8], [0.7, 0.6]]), 0.1, np.array([-1, 0]))
    assert match.tolist() == [1, 0]
