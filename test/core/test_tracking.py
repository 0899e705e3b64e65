import itertools

import numpy as np
import pytest

from pose_estimation_ros.core.poses import CONFIRMED, LOST, TENTATIVE, empty_poses, make_poses
from pose_estimation_ros.core.skeleton import SKELETONS, Skeleton, get_skeleton
from pose_estimation_ros.core.tracking import Tracker, best_pairs, middle

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


def test_only_ids_and_states_change():
    before = people((0, 0), (300, 0))
    after = Tracker(SIGMAS).update(before, 0.0)
    for name in ("xy", "score", "box_xyxy", "person_score", "velocity"):
        assert (getattr(before, name) == getattr(after, name)).all()
    assert after.track_id.dtype == np.int32


def test_quick_movement_is_followed_by_the_box():
    """30 px in one frame: the OKS is about 0, the boxes still overlap."""
    tracker = Tracker(SIGMAS)
    assert [ids(tracker, 0.1 * i, (30 * i, 0)) for i in range(5)] == [[1]] * 5


@pytest.mark.parametrize("missing_s, expected", [(0.5, [1]), (0.99, [1]), (1.5, [2])])
def test_a_short_loss_keeps_the_id(missing_s, expected):
    tracker = Tracker(SIGMAS, max_age_s=1.0)
    for i in range(4):
        ids(tracker, 10.0 + 0.01 * i, (0, 0))
    ids(tracker, 10.03 + missing_s / 2)
    assert ids(tracker, 10.03 + missing_s, (2, 0)) == expected


@pytest.mark.parametrize("missing_s, expected", [(0.2, [1]), (0.3, [2])])
def test_who_was_seen_once_is_soon_forgotten(missing_s, expected):
    tracker = Tracker(SIGMAS, tentative_age_s=0.25)
    for stamp_s in (9.9, 9.95):  # 20 Hz
        ids(tracker, stamp_s)
    ids(tracker, 10.0, (0, 0))
    assert ids(tracker, 10.0 + missing_s, (2, 0)) == expected


def test_states_from_birth_to_loss():
    tracker = Tracker(SIGMAS, confirm_after_s=0.06, max_age_s=1.0)
    states = [tracker.update(people((3 * i, 0)), i / 30).state.tolist() for i in range(4)]
    assert states == [[TENTATIVE], [TENTATIVE], [CONFIRMED], [CONFIRMED]] and tracker.lost.count == 0
    assert tracker.update(people(), 4 / 30).count == 0
    lost = tracker.lost
    assert (lost.track_id.tolist(), lost.state.tolist(), lost.score.any()) == ([1], [LOST], False)
    np.testing.assert_allclose(lost.box_xyxy, [[12, 0, 72, 160]], atol=1e-4)  # where 90 px/s lead in a frame
    tracker.update(people(), 3.0)
    assert tracker.lost.count == 0


def test_who_was_never_confirmed_is_never_lost():
    tracker = Tracker(SIGMAS)
    ids(tracker, 0.0, (0, 0))
    ids(tracker, 0.03)
    assert tracker.lost.count == 0


@pytest.mark.parametrize("hidden", [1, 5, 20])
def test_a_walker_comes_out_behind_a_pillar_under_the_old_id(hidden):
    """4 px a frame; without the velocity the boxes of before and after would not meet after 15 frames."""
    tracker = Tracker(SIGMAS)
    for i in range(10):
        ids(tracker, i / 30, (4 * i, 0))
    for i in range(10, 10 + hidden):
        ids(tracker, i / 30)
    assert ids(tracker, (10 + hidden) / 30, (4 * (10 + hidden), 0)) == [1]


def test_a_stranger_where_the_walker_cannot_be_has_a_new_id():
    tracker = Tracker(SIGMAS)
    for i in range(10):
        ids(tracker, i / 30, (4 * i, 0))
    assert ids(tracker, 12 / 30, (400, 0)) == [2]
    assert ids(tracker, 13 / 30, (400, 0), (52, 0)) == [2, 1]


def test_two_who_cross_one_hidden_keep_their_ids():
    """At frames 45 to 55 the one behind is not found; seen as still, the one in front would be taken for both."""
    tracker, seen = Tracker(SIGMAS), []
    for i in range(100):
        left, right = (4 * i, 0), (400 - 4 * i, 5)
        seen.append(ids(tracker, i / 30, left) if 45 <= i <= 55 else ids(tracker, i / 30, right, left)[::-1])
    assert {tuple(now) for now in seen} == {(2, 1), (2,)}


def test_a_double_takes_no_id_away():
    tracker = Tracker(SIGMAS)
    for i in range(5):
        ids(tracker, i / 30, (0, 0))
    with_double = ids(tracker, 5 / 30, (6, 2), (1, 0))
    assert with_double == [2, 1]
    assert [ids(tracker, i / 30, (3, 1)) for i in range(6, 10)] == [[1]] * 4


@pytest.mark.parametrize("frames", [1, 50])
def test_empty_frames(frames):
    tracker = Tracker(SIGMAS)
    for i in range(frames):
        assert tracker.update(empty_poses(17), i / 30).count == 0
    assert tracker.lost.count == 0 and ids(tracker, frames / 30, (0, 0)) == [1]


def test_people_without_a_keypoint_are_tracked_by_their_boxes():
    tracker = Tracker(SIGMAS)
    for i in range(5):
        bare = people((2 * i, 0), (300, 0)).replace(score=np.zeros((2, 17), np.float32))
        got = tracker.update(bare, i / 30)
        assert got.track_id.tolist() == [1, 2]
    tracker.update(people(), 0.2)
    assert all(np.isfinite(field).all() for field in tracker.lost.fields().values())


def test_a_jump_forward_in_time_forgets():
    tracker = Tracker(SIGMAS)
    for i in range(5):
        ids(tracker, i / 30, (0, 0))
    assert ids(tracker, 1000.0, (0, 0)) == [2]


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


def slow_best(similarity, least):
    """The greatest sum over all ways to pair, by trying them all."""
    rows, columns = similarity.shape
    best = 0.0
    for count in range(min(rows, columns) + 1):
        for chosen in itertools.combinations(range(rows), count):
            for places in itertools.permutations(range(columns), count):
                values = [similarity[pair] for pair in zip(chosen, places)]
                best = max(best, sum(values)) if min(values, default=1) >= least else best
    return best


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (1, 1), (4, 5), (5, 3)])
def test_the_best_pairs_are_those_of_the_slow_way(shape):
    similarity = np.random.RandomState(3).rand(*shape)
    row_of = best_pairs(similarity, 0.4)
    paired = np.flatnonzero(row_of >= 0)
    assert row_of.shape == (shape[1],) and len(set(row_of[paired])) == len(paired)
    values = similarity[row_of[paired], paired]
    assert (values >= 0.4).all() and values.sum() == pytest.approx(slow_best(similarity, 0.4))


@pytest.mark.parametrize("joints", [1, 2, 17])
def test_the_middle_of_what_is_known(joints):
    dice = np.random.RandomState(joints)
    values, known = dice.randn(50, joints, 2), dice.rand(50, joints) < 0.5
    known[0], known[1] = False, True
    known[2:, 0] = True
    expected = np.nanmedian(np.where(known[..., None], values, np.nan)[1:], 1)
    np.testing.assert_allclose(middle(values, known)[1:], expected)
    assert middle(values, known)[0].tolist() == [0, 0]
    assert middle(values[:0], known[:0]).shape == (0, 2)


ANY_SKELETON = [
    Skeleton("own", tuple(map(str, range(keypoints))), (), (), None) for keypoints in (1, 2, 5, 133, 255)
] + [SKELETONS[name] for name in ("hand21", "halpe26", "wholebody133", "ap10k")]


@pytest.mark.parametrize(
    "skeleton", ANY_SKELETON, ids=lambda skeleton: "%s %d" % (skeleton.name, skeleton.num_keypoints)
)
def test_people_of_any_skeleton_keep_their_ids(skeleton):
    """Two of 60x160 px cross 30 px apart, with 2 px of noise; the one behind is lost for a while."""
    count, dice = skeleton.num_keypoints, np.random.RandomState(0)
    shape, tracker, seen = dice.rand(count, 2) * [60, 160], Tracker(skeleton.oks_sigmas), []
    assert tracker.update(empty_poses(count), 0.0).count == 0
    for i in range(100):
        places = [(4 * i, 0), (400 - 4 * i, 30)][: 1 if 45 <= i <= 55 else 2]
        xy = np.array([shape + place for place in places]) + 2 * dice.randn(len(places), count, 2)
        boxes = np.array([[x, y, x + 60, y + 160] for x, y in places], float)
        poses = tracker.update(make_poses(xy, np.ones(xy.shape[:2]), boxes, np.ones(len(places))), (1 + i) / 30)
        seen.append(tuple(poses.track_id.tolist()))
    assert set(seen) == {(1, 2), (1,)} and tracker.lost.count == 0


def test_a_reset_forgets_the_time():
    """Two passes over the same stamps give the same states and velocities; only the ids go on counting."""
    tracker, passes = Tracker(SIGMAS), []
    for _ in range(2):
        tracker.reset()
        passes.append([tracker.update(people((3 * i, 0)), 1 + 0.1 * i) for i in range(4)] + [tracker.lost])
        tracker.update(people(), 1.6)
        passes[-1].append(tracker.lost)
    for first, second in zip(*passes):
        assert np.array_equal(first.xy, second.xy) and np.array_equal(first.state, second.state)
        assert (second.track_id == first.track_id + 1).all()
    assert len(passes[0][-1]) == 1, "the expected place, which the velocity moves, has been compared"


def test_results_are_no_part_of_the_state():
    """Whoever changes the arrays of a result changes no later result."""
    untouched, spoilt = Tracker(SIGMAS), Tracker(SIGMAS)
    for i in range(6):
        places = [(3 * i, 0)] if i < 4 else []
        expected, found = (tracker.update(people(*places), 0.1 * i) for tracker in (untouched, spoilt))
        for one, other in ((expected, found), (untouched.lost, spoilt.lost)):
            assert all(np.array_equal(one.fields()[name], array) for name, array in other.fields().items())
            for array in other.fields().values():
                array[...] = 77
