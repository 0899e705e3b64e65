import math

import numpy as np
import pytest

from pose_estimation_ros.core.poses import empty_poses, make_poses
from pose_estimation_ros.core.smoothing import OneEuro, smoothing_factor


def pose(x, score=1.0, track_id=1, height=100.0, keypoints=1):
    xy = np.full((1, keypoints, 2), float(x))
    box = np.array([[0, 0, 50, height]])
    return make_poses(xy, np.full((1, keypoints), score), box, np.ones(1), np.array([track_id]))


def run(smoother, values, dt=1 / 30.0, **fields):
    return [float(smoother.update(pose(x, **fields), i * dt).xy[0, 0, 0]) for i, x in enumerate(values)]


def slow_one_euro(values, steps_s, min_cutoff, beta, speed_cutoff, height):
    """The paper's algorithm 1 for one dimension (both dimensions move alike here, so speed has a factor sqrt 2)."""

    def factor(cutoff, rate):
        tau = 1.0 / (2 * math.pi * cutoff)
        return 1.0 / (1.0 + tau * rate)

    out, speed = [values[0]], 0.0
    for value, step_s in zip(values[1:], steps_s):
        rate = 1.0 / step_s
        a = factor(speed_cutoff, rate)
        speed = a * (value - out[-1]) * rate + (1 - a) * speed
        a = factor(min_cutoff + beta * math.sqrt(2) * abs(speed) / height, rate)
        out.append(a * value + (1 - a) * out[-1])
    return out


@pytest.mark.parametrize("beta", [0.0, 6.0])
@pytest.mark.parametrize("height", [50.0, 400.0])
def test_it_is_the_papers_algorithm(beta, height):
    values = (100 + np.cumsum(np.random.RandomState(0).randn(50) * 5)).tolist()
    got = run(OneEuro(1.5, beta, 1.0), values, height=height)
    assert np.allclose(got, slow_one_euro(values, [1 / 30.0] * 49, 1.5, beta, 1.0, height), rtol=1e-4)


@pytest.mark.parametrize("keypoints", [1, 17, 255])
def test_nobody_passes(keypoints):
    assert OneEuro().update(empty_poses(keypoints), 0.0).count == 0


@pytest.mark.parametrize("keypoints", [2, 5, 21, 133])
def test_each_keypoint_is_smoothed_by_itself(keypoints):
    """All together as each alone, with every third missing now and then."""
    dice = np.random.RandomState(0)
    steps = 100 + np.cumsum(5 * dice.randn(20, 1, keypoints, 2), 0)
    scores = np.where((dice.rand(20, 1, keypoints) < 0.3) & (np.arange(keypoints) % 3 == 0), 0, 0.8)
    together, alone = OneEuro(), {k: OneEuro() for k in range(0, keypoints, 1 + keypoints // 12)}
    for i, (xy, score) in enumerate(zip(steps, scores)):
        person = np.array([[0, 0, 50, 100]]), np.ones(1), np.array([1])
        poses = together.update(make_poses(xy, score, *person), i / 30)
        for k, smoother in alone.items():
            one = smoother.update(make_poses(xy[:, [k]], score[:, [k]], *person), i / 30)
            np.testing.assert_allclose(poses.xy[:, [k]], one.xy)
            np.testing.assert_allclose(poses.velocity[:, [k]], one.velocity)


def test_jitter_at_rest_shrinks_and_a_walk_is_followed():
    noise = np.random.RandomState(1).randn(300)
    assert np.std(run(OneEuro(), (200 + noise).tolist())[50:]) < 0.5 * noise.std()
    walk = np.arange(300) * 10.0  # three heights a second
    assert np.abs(np.array(run(OneEuro(), walk.tolist())) - walk)[50:].max() < 20  # two frames late


def test_a_still_keypoint_does_not_move():
    assert run(OneEuro(), [50.0] * 5) == [50.0] * 5


def test_untracked_people_pass_as_they_are():
    assert run(OneEuro(), [0, 100, 0], track_id=-1) == [0, 100, 0]


def test_tracks_do_not_mix():
    smoother = OneEuro()
    for i in range(5):
        smoother.update(pose(0, track_id=1), i / 30.0)
    assert smoother.update(pose(100, track_id=2), 5 / 30.0).xy[0, 0, 0] == 100


@pytest.mark.parametrize("missing_s, fresh", [(0.1, False), (0.2, False), (0.3, True), (5.0, True)])
@pytest.mark.parametrize("between", [empty_poses(1), pose(70, score=0)])
def test_what_is_lost_for_long_starts_afresh(between, missing_s, fresh):
    """A track, or a keypoint of it; a short gap is but a long step between two frames."""
    smoother = OneEuro(max_gap_s=0.25)
    run(smoother, [0, 0], dt=0.0333)
    smoother.update(between, 0.0333 + missing_s / 2)
    back = smoother.update(pose(100), 0.0333 + missing_s)
    expected = 100 if fresh else slow_one_euro([0, 0, 100], [0.0333, missing_s], 0.7, 4.0, 0.5, 100)[-1]
    assert back.xy[0, 0, 0] == pytest.approx(expected, rel=1e-4)
    assert (back.velocity[0, 0, 0] == 0) == fresh


def test_a_lost_keypoint_passes_as_it_is():
    smoother = OneEuro()
    run(smoother, [0, 0])
    lost = smoother.update(pose(70, score=0), 0.10)
    assert lost.xy[0, 0, 0] == 70 and lost.velocity[0, 0, 0] == 0


def test_a_keypoint_first_found_later_starts_afresh():
    smoother = OneEuro()
    smoother.update(pose(70, score=0), 0.0)
    assert smoother.update(pose(100), 0.03).xy[0, 0, 0] == 100


def test_the_velocity_of_a_steady_walk_is_that_of_the_walk():
    """After the run-up; the paper's own speed would be 100 px/s times 1 + lag / step."""
    smoother = OneEuro()
    for i in range(150):
        velocity = smoother.update(pose(100.0 * i / 30), i / 30.0).velocity
    assert velocity[0, 0] == pytest.approx([100, 100], rel=0.01)


def test_the_velocity_of_who_is_not_tracked_is_unknown():
    smoother = OneEuro()
    assert [smoother.update(pose(10 * i, track_id=-1), i / 30.0).velocity.any() for i in range(3)] == [False] * 3


def test_an_unsure_sighting_moves_the_estimate_less():
    moved = []
    for score in (0.9, 0.3):
        smoother = OneEuro()
        run(smoother, [0, 0, 0], score=0.9)
        moved.append(float(smoother.update(pose(10, score=score), 0.1).xy[0, 0, 0]))
    assert 0 < moved[1] < 0.5 * moved[0]


@pytest.mark.parametrize("stamps", [[0, 0, 0, 0], [5, 5, 4.9, 4.8], [0, 1e-12, 2e-12, 3e-12]])
def test_stamps_that_stand_still_or_go_back_a_little_give_finite_values(stamps):
    smoother = OneEuro()
    got = [float(smoother.update(pose(x), stamp).xy[0, 0, 0]) for x, stamp in zip([0, 10, 20, 30], stamps)]
    assert np.isfinite(got).all() and got == sorted(got) and got[-1] < 30


def test_a_jump_back_in_time_starts_afresh():
    smoother = OneEuro()
    smoother.update(pose(0), 100.0)
    assert smoother.update(pose(50), 3.0).xy[0, 0, 0] == 50


def test_the_poses_given_are_not_changed():
    smoother, second = OneEuro(), pose(100)
    smoother.update(pose(0), 0.0)
    smoother.update(second, 0.1)
    assert (second.xy == 100).all()


def test_smoothing_factor_by_hand():
    assert smoothing_factor(1 / (2 * math.pi), 1.0) == pytest.approx(0.5)


def test_a_reset_forgets_the_time():
    """The second pass over the same stamps gives the same places and velocities."""
    smoother, passes = OneEuro(), []
    for _ in range(2):
        smoother.reset()
        passes.append([smoother.update(pose(10.0 * i), 1 + 0.1 * i) for i in range(4)])
    for first, second in zip(*passes):
        assert np.array_equal(first.xy, second.xy) and np.array_equal(first.velocity, second.velocity)
