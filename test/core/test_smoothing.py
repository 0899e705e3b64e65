import numpy as np
import pytest

from pose_estimation_ros.core.poses import empty_poses, make_poses
from pose_estimation_ros.core.smoothing import MOST_AHEAD_S, Smoother, predicted

RATES = (2, 5, 10, 30, 60, 240)


def pose(x, score=1.0, track_id=1, height=100.0, keypoints=1):
    xy = np.zeros((1, keypoints, 2)) + np.reshape(x, (1, -1, 1))
    box = np.array([[0, 0, 50, height]])
    return make_poses(xy, np.full((1, keypoints), score), box, np.ones(1), np.array([track_id]))


def run(smoother, values, dt=1 / 30.0, **fields):
    """Return x of the first keypoint after each value."""
    return [float(smoother.update(pose(x, **fields), i * dt).xy[0, 0, 0]) for i, x in enumerate(values)]


def play(smoother, values, rate, **fields):
    """Return xy and velocity (F, K, 2) for values (F, K) of x and y alike."""
    poses = [smoother.update(pose(x, keypoints=len(x), **fields), i / rate) for i, x in enumerate(values)]
    return np.array([p.xy[0] for p in poses]), np.array([p.velocity[0] for p in poses])


@pytest.mark.parametrize("keypoints", [1, 17, 255])
def test_nobody_passes(keypoints):
    assert Smoother().update(empty_poses(keypoints), 0.0).count == 0


def slow_kalman(values, step_s, noise):
    """A person of one resting joint, with the matrices of a textbook: first the person's filter, then the joint's."""
    move = np.array([[1, step_s], [0, 1]])
    grow = np.array([[step_s**3 / 3, step_s**2 / 2], [step_s**2 / 2, step_s]])
    spreads = [np.diag([0, 1.0]), np.diag([noise**2, 0.01])]  # person, joint
    place, speeds, out = values[0], np.zeros(2), [values[0]]
    for value in values[1:]:
        place += step_s * speeds.sum()
        for i, (density, variance) in enumerate([(0.15, 10 * noise**2), (0.0005, noise**2)]):
            predicted = move @ spreads[i] @ move.T + density * grow
            gain = predicted[:, 0] / (predicted[0, 0] + variance)
            surprise = value - place
            place, speeds[i] = place + gain[0] * surprise, speeds[i] + gain[1] * surprise
            spreads[i] = (np.eye(2) - np.outer(gain, [1, 0])) @ predicted
        assert abs(speeds[1]) * np.sqrt(2) < 0.1, "the joint is taken to rest"
        out.append(place)
    return out


@pytest.mark.parametrize("height", [50.0, 400.0])
@pytest.mark.parametrize("rate", [10, 60])
def test_small_movements_are_filtered_as_the_textbook_says(height, rate):
    values = 1 + 0.001 * np.random.RandomState(0).randn(50)
    got = run(Smoother(), (height * values).tolist(), 1 / rate, height=height)
    assert np.allclose(got, height * np.array(slow_kalman(values, 1 / rate, 0.016)), rtol=1e-5)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("keypoints", [1, 17])
def test_jitter_at_rest_shrinks(rate, keypoints):
    values = 200 + 1.3 * np.random.RandomState(1).randn(30 + 4 * rate, keypoints)
    out, velocity = play(Smoother(), values, rate, score=0.6)
    assert np.std(out[10 + rate :]) < (0.75 if rate >= 10 else 0.85) * np.std(values)
    assert np.std(velocity[10 + rate :]) < 0.75 * np.std(np.diff(values, axis=0)) * rate


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("speed", [60.0, 150.0])
@pytest.mark.parametrize("keypoints", [1, 17])
def test_a_steady_walk_is_followed_without_lag_and_with_its_velocity(rate, speed, keypoints):
    """From half a second on, or the third frame; an exponential filter would stay behind for ever."""
    walk = speed * np.arange(2 * rate + 3)[:, None] / rate * np.ones(keypoints)
    out, velocity = play(Smoother(), walk, rate)
    settled = max(3, int(0.5 * rate))
    assert np.abs(out[settled:, :, 0] - walk[settled:]).max() < 0.02 * speed  # 20 ms
    assert np.abs(velocity[settled:] - speed).max() < 0.1 * speed


@pytest.mark.parametrize("rate", RATES)
def test_the_velocity_is_known_from_the_second_frame_on(rate):
    """Within a tenth of a second, or at the second frame."""
    walk = 60.0 * np.arange(2 + rate)[:, None] / rate * np.ones(17)
    _, velocity = play(Smoother(), walk, rate)
    assert not velocity[0].any()
    assert velocity[max(1, round(0.15 * rate))] == pytest.approx(np.full((17, 2), 60.0), rel=0.35)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("size", [10.0, 30.0, 80.0])
def test_a_joint_that_jumps_for_a_moment_hardly_moves_and_one_that_stays_is_followed(rate, size):
    values = np.zeros((4 * rate, 17))
    values[2 * rate : 4 * rate, 9] = size
    out, _ = play(Smoother(), values, rate)
    first = out[2 * rate, 9, 0]
    assert first < 0.6 * size or rate < 5  # at 2 Hz, no one can tell it from a movement
    assert out[3 * rate :, 9, 0] == pytest.approx(size, abs=0.15 * size + 2)
    others = np.delete(out, 9, 1)
    assert np.abs(others).max() < 1  # the other joints stay


@pytest.mark.parametrize("rate", RATES)
def test_who_is_suddenly_elsewhere_starts_afresh(rate):
    values = np.zeros((2 * rate, 17))
    values[rate:] = 500.0
    out, velocity = play(Smoother(), values, rate)
    assert (out[rate] == 500).all() and not velocity[rate].any()


@pytest.mark.parametrize("keypoints", [2, 5, 21, 133])
def test_people_do_not_touch_each_other(keypoints):
    """All together as each alone, with keypoints and people missing now and then."""
    dice = np.random.RandomState(0)
    steps = 100 + np.cumsum(5 * dice.randn(20, 3, keypoints, 2), 0)
    scores = np.where(dice.rand(20, 3, keypoints) < 0.2, 0, dice.uniform(0.3, 0.9, (20, 3, keypoints)))
    box, ids = np.array([[0, 0, 50, 100], [0, 0, 50, 200], [0, 0, 50, 50.0]]), np.array([4, 2, 9])
    together, alone = Smoother(), [Smoother() for _ in ids]
    for i, (xy, score) in enumerate(zip(steps, scores)):
        there = np.flatnonzero(dice.rand(3) < 0.8)
        people = make_poses(xy, score, box, np.ones(3), ids)
        poses = together.update(people.select(there), i / 30)
        for row in range(3):
            one = alone[row].update(people.select(np.flatnonzero(there == row) * 0 + row), i / 30)
            if one.count:
                np.testing.assert_allclose(poses.xy[there == row], one.xy, rtol=1e-5)
                np.testing.assert_allclose(poses.velocity[there == row], one.velocity, rtol=1e-4, atol=1e-3)


def test_a_still_keypoint_does_not_move():
    assert run(Smoother(), [50.0] * 5) == [50.0] * 5


def test_untracked_people_pass_as_they_are():
    assert run(Smoother(), [0, 100, 0], track_id=-1) == [0, 100, 0]


@pytest.mark.parametrize("missing_s, fresh", [(0.1, False), (0.5, False), (1.3, True), (5.0, True)])
@pytest.mark.parametrize("between", [empty_poses(1), pose(70, score=0)])
def test_what_is_lost_for_long_starts_afresh(between, missing_s, fresh):
    """A track, or a keypoint of it; after a short gap the walk goes on."""
    smoother = Smoother()
    run(smoother, np.arange(30) * 2.0)
    smoother.update(between, 29 / 30 + missing_s / 2)
    back = smoother.update(pose(58 + 60 * missing_s + 3), 29 / 30 + missing_s)
    assert (back.xy[0, 0, 0] == pytest.approx(58 + 60 * missing_s + 3, abs=1e-4)) == fresh
    assert (back.velocity[0, 0, 0] == 0) == fresh


@pytest.mark.parametrize("missing", [0.0, np.nan, np.inf])
def test_a_lost_keypoint_passes_as_it_is_and_harms_nothing(missing):
    smoother = Smoother()
    run(smoother, [0, 0])
    lost = smoother.update(pose(missing, score=0), 0.10)
    assert lost.xy[0, 0, 0] == pytest.approx(missing, nan_ok=True) and lost.velocity[0, 0, 0] == 0
    assert np.isfinite(smoother.update(pose(1), 0.13).xy).all()


def test_a_keypoint_first_found_later_starts_at_its_place_with_the_persons_velocity():
    smoother, walk = Smoother(), np.arange(31) * 2.0
    for i, x in enumerate(walk[:-1]):
        people = pose(x, keypoints=17)
        smoother.update(people.replace(score=np.where(np.arange(17) == 3, 0, people.score)), i / 30)
    poses = smoother.update(pose(walk[-1], keypoints=17), 1.0)
    assert poses.xy[0, 3] == pytest.approx([60, 60]) and poses.velocity[0, 3] == pytest.approx([60, 60], rel=0.1)


def test_the_velocity_of_who_is_not_tracked_is_unknown():
    smoother = Smoother()
    assert [smoother.update(pose(10 * i, track_id=-1), i / 30.0).velocity.any() for i in range(3)] == [False] * 3


def test_an_unsure_sighting_moves_the_estimate_less():
    moved = []
    for score in (0.9, 0.3):
        smoother = Smoother()
        run(smoother, [0.0] * 20, score=0.9)
        moved.append(float(smoother.update(pose(2, score=score), 20 / 30).xy[0, 0, 0]))
    assert 0 < moved[1] < 0.5 * moved[0]


def test_a_greater_strength_is_smoother_and_may_be_changed_at_any_time():
    smoother, jitter = Smoother(), []
    values = 200 + np.random.RandomState(1).randn(200, 17)
    for smoother.strength in (0.0, 0.5, 1.0):
        smoother.reset()
        jitter.append(np.std(play(smoother, values, 30)[0][50:]))
    assert jitter[2] < 0.9 * jitter[1] < 0.81 * jitter[0] < 0.6 * np.std(values)


@pytest.mark.parametrize("stamps", [[0, 0, 0, 0], [5, 5, 4.9, 4.8], [0, 1e-12, 2e-12, 3e-12]])
def test_stamps_that_stand_still_or_go_back_a_little_give_finite_values(stamps):
    smoother = Smoother()
    got = [float(smoother.update(pose(x), stamp).xy[0, 0, 0]) for x, stamp in zip([0, 2, 4, 6], stamps)]
    assert np.isfinite(got).all() and got == sorted(got) and got[-1] < 7


def test_a_jump_back_in_time_starts_afresh():
    smoother = Smoother()
    smoother.update(pose(0), 100.0)
    assert smoother.update(pose(5), 3.0).xy[0, 0, 0] == 5


def test_the_poses_given_are_not_changed():
    smoother, second = Smoother(), pose(10)
    smoother.update(pose(0), 0.0)
    smoother.update(second, 0.1)
    assert (second.xy == 10).all()


def test_a_reset_forgets_the_time():
    """The second pass over the same stamps gives the same places and velocities."""
    smoother, passes = Smoother(), []
    for _ in range(2):
        smoother.reset()
        passes.append([smoother.update(pose(10.0 * i), 1 + 0.1 * i) for i in range(4)])
    for first, second in zip(*passes):
        assert np.array_equal(first.xy, second.xy) and np.array_equal(first.velocity, second.velocity)


@pytest.mark.parametrize("keypoints", [1, 17])
def test_nobody_is_predicted(keypoints):
    assert predicted(empty_poses(keypoints), 0.1).count == 0


def test_people_are_predicted_as_a_whole_by_hand():
    """The median of (10, 20, 90) px/s along x, of the joints that were found; the second person stands."""
    xy, box = np.zeros((2, 4, 2)), np.array([[0, 0, 10, 20], [5, 5, 10, 10]])
    poses = make_poses(xy, [[1, 1, 1, 0]] * 2, box, np.ones(2), np.arange(2))
    velocity = np.zeros((2, 4, 2), np.float32)
    velocity[0, :, 0] = 10, 20, 90, 500
    ahead = predicted(poses.replace(velocity=velocity), 0.1)
    assert np.array_equal(ahead.xy[0], [[2, 0]] * 4) and not ahead.xy[1].any()
    assert ahead.box_xyxy.tolist() == [[2, 0, 12, 20], [5, 5, 10, 10]]
    assert not poses.xy.any() and ahead.xy.dtype == ahead.box_xyxy.dtype == np.float32


@pytest.mark.parametrize("rate", RATES)
def test_a_prediction_of_a_steady_walk_is_right(rate):
    smoother, speed = Smoother(), 60.0
    for i in range(2 * rate):
        poses = smoother.update(pose(speed * i / rate, keypoints=17), i / rate)
    at = speed * ((2 * rate - 1) / rate + MOST_AHEAD_S)
    assert predicted(poses, MOST_AHEAD_S).xy == pytest.approx(np.full((1, 17, 2), at), abs=0.04 * speed)
