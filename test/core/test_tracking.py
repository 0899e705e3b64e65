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
        ids(tracker, 10.0 + 0.03 * i, (0, 0))
    ids(tracker, 10.09 + missing_s / 2)
    assert ids(tracker, 10.09 + missing_s, (2, 0)) == expected


@pytest.mark.parametrize("missing_s, expected", [(0.2, [1]), (0.3, [2])])
def test_who_was_seen_once_is_soon_forgotten(missing_s, expected):
    tracker = Tracker(SIGMAS, tentative_age_s=0.25)
    for stamp_s in (9.9, 9.95):  # 20 Hz
        ids(tracker, stamp_s)
    ids(tracker, 10.0, (0, 0))
    assert ids(tracker, 10.0 + missing_s, (2, 0)) == expected


def test_states_from_birth_to_loss():
    tracker = Tracker(SIGMAS, confirm_after_s=0.06, max_age_s=1.0)
    states = [tracker.update(people((3 * i, 0)), i / 30).state.tolist() for i in range(31)]
    assert states == [[TENTATIVE]] * 2 + [[CONFIRMED]] * 29 and tracker.lost.count == 0
    assert tracker.update(people(), 31 / 30).count == 0
    lost = tracker.lost
    assert (lost.track_id.tolist(), lost.state.tolist(), lost.score.any()) == ([1], [LOST], False)
    np.testing.assert_allclose(lost.box_xyxy, [[93, 0, 153, 160]], atol=0.2)  # where 90 px/s lead in a frame
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
    seen = [ids(tracker, float(i), (10000 * i, 0)) for i in range(4)]
    tracker.reset()
    assert seen + [ids(tracker, 4.0, (0, 0))] == [[1], [2], [3], [4], [5]]


RATES_HZ = (0.2, 2, 3.3, 10, 30, 60, 240)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("size", [0.075, 1, 10], ids=["12 px", "160 px", "1600 px"])
def test_walkers_keep_their_ids_at_any_rate(rate_hz, size):
    """Two of them, 0.8 sizes a second, in line; they are confirmed at the second sight or after 0.06 s."""
    tracker, seen = Tracker(SIGMAS), []
    for i in range(max(6, min(60, int(3 * rate_hz)))):
        places = np.array([[128.0 * i / rate_hz, 0], [128.0 * i / rate_hz + 2000, 40]])
        poses = people(*places)
        poses = make_poses(size * poses.xy, poses.score, size * poses.box_xyxy, poses.person_score)
        got = tracker.update(poses, i / rate_hz)
        assert got.track_id.tolist() == [1, 2]
        seen.append(set(got.state.tolist()))
    until = max(1, int(np.ceil((0.06 - 0.001) * rate_hz)))
    assert seen == [{TENTATIVE}] * until + [{CONFIRMED}] * (len(seen) - until)
    assert tracker.step_share == pytest.approx(0.8 / rate_hz, rel=1e-3)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_who_is_seen_once_is_not_confirmed_and_soon_forgotten(rate_hz):
    tracker = Tracker(SIGMAS)
    for i in range(3):
        ids(tracker, i / rate_hz, (0, 0))
    ids(tracker, 3 / rate_hz, (0, 0), (900, 0))
    stamp_s = 3 / rate_hz
    while stamp_s <= 3 / rate_hz + max(0.26, 1.6 / rate_hz):
        stamp_s += 1 / rate_hz
        ids(tracker, stamp_s, (0, 0))
        assert tracker.lost.count == 0
    assert ids(tracker, stamp_s + 1 / rate_hz, (0, 0), (900, 0)) == [1, 3]


def test_irregular_stamps_lose_nobody_and_a_long_gap_does():
    tracker, dice, stamp_s = Tracker(SIGMAS), np.random.RandomState(0), 0.0
    for _ in range(100):
        stamp_s += dice.choice([0.005, 0.03, 0.2, 0.6])
        assert ids(tracker, stamp_s, (60 * stamp_s, 0)) == [1]
    assert ids(tracker, stamp_s + 10, (60 * stamp_s, 0)) == [2]


def look(*colours):
    """Histograms with 91 % of one colour of ten, and 1 % of the others; NaN for None."""
    rows = [np.eye(10)[c] * 0.9 + 0.01 if c is not None else [np.nan] * 10 for c in colours]
    return np.array(rows, np.float32).reshape(-1, 10)


@pytest.mark.parametrize(
    "away_s, by_look, by_another_look, without",
    [(0.5, [1], [2], [1]), (1.5, [1], [2], [2]), (2.0, [1], [2], [2]), (2.9, [1], [2], [2]), (4.0, [2], [2], [2])],
)
def test_who_comes_back_is_known_by_the_look(away_s, by_look, by_another_look, without):
    for before, after, expected in (
        (3, 3, by_look),
        (3, 5, by_another_look),
        (None, None, without),
        (3, None, without),
    ):
        tracker = Tracker(SIGMAS)
        for i in range(20):
            tracker.update(people((0, 0)), i / 10, look(before))
        for i in range(20, 20 + int(10 * away_s)):
            tracker.update(people(), i / 10, look())
        back = tracker.update(people((50, 0)), 1.9 + away_s, look(after))
        assert back.track_id.tolist() == expected, (before, after)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
def test_a_look_that_is_no_histogram_tells_nothing(bad):
    tracker, broken = Tracker(SIGMAS), look(1, 2)
    broken[0, 3] = bad
    for i, looks in enumerate([look(1, 2), look(1, 2), broken, look(1, 2)]):
        with np.errstate(invalid="raise"):
            assert tracker.update(people((0, 0), (300, 0)), i / 10, looks).track_id.tolist() == [1, 2]
    tracker.update(people(), 0.4, look())
    assert tracker.update(people((0, 0)), 1.9, look(1)).track_id.tolist() == [1], "the look is known as before"


@pytest.mark.parametrize("looks", [look(1), look(1, 2, 3), look(1)[0], [], np.float32(1)])
def test_looks_of_other_people_are_refused(looks):
    with pytest.raises(ValueError, match=r"expected appearance of shape \(2, F\), got \("):
        Tracker(SIGMAS).update(people((0, 0), (300, 0)), 0.0, looks)


def test_the_lost_are_published_for_a_second_and_remembered_for_longer():
    tracker, published = Tracker(SIGMAS), []
    for i in range(60):
        tracker.update(people((0, 0)) if i < 20 else people(), i / 10, look(*[1] * (i < 20)))
        published.append(tracker.lost.count)
    assert published == [0] * 20 + [1] * 10 + [0] * 30


def test_a_scene_cut_gives_strangers_new_ids():
    tracker = Tracker(SIGMAS)
    places = [(0, 0), (300, 0), (600, 0)]
    for i in range(10):
        assert tracker.update(people(*places), i / 10, look(1, 2, 3)).track_id.tolist() == [1, 2, 3]
    assert tracker.update(people(*places), 1.0, look(4, 5, 3)).track_id.tolist() == [4, 5, 3]
    assert tracker.update(people(*places), 1.1, look(4, 5, 3)).track_id.tolist() == [4, 5, 3]


def test_looks_tell_who_is_who_where_places_do_not():
    """Two meet, are both hidden for half a second, and part again; by motion alone they would have passed."""
    tracker = Tracker(SIGMAS)
    for i in range(10):
        tracker.update(people((8 * i, 0), (170 - 8 * i, 0)), i / 10, look(1, 2))
    for i in range(10, 15):
        tracker.update(people(), i / 10, look())
    assert tracker.update(people((60, 0), (110, 0)), 1.5, look(1, 2)).track_id.tolist() == [1, 2]


def test_sixty_people_at_once_keep_their_ids():
    tracker, dice = Tracker(SIGMAS), np.random.RandomState(0)
    places = np.stack(np.meshgrid(np.arange(10) * 70, np.arange(6) * 60), -1).reshape(-1, 2).astype(float)
    walk = 40 * dice.randn(60, 2)
    for i in range(20):
        order = dice.permutation(60)
        got = tracker.update(people(*(places + walk * i / 10)[order]), i / 10)
        numbers = order if i else order.argsort()
        if i == 0:
            names = got.track_id[numbers]
        assert (got.track_id == names[order]).all()


def test_nobody_moves_and_nobody_is_there():
    tracker = Tracker(SIGMAS)
    assert tracker.step_share == 0
    ids(tracker, 0.0, (0, 0))
    assert tracker.step_share == 0
    ids(tracker, 0.1, (0, 0))
    assert tracker.step_share == 0
    ids(tracker, 0.2, (32, 0))
    assert tracker.step_share == pytest.approx(0.2)


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
