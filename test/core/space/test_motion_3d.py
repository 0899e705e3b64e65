import numpy as np
import pytest

from benchmarks.tracking.walkers import Walker
from pose_estimation_ros.core.skeleton import SKELETONS
from pose_estimation_ros.core.space.body_3d import people_from_joints
from pose_estimation_ros.core.space.depth import Joints
from pose_estimation_ros.core.space.motion_3d import ACCELERATION, LEAST_SIGMA_M, START_ANEW_S, Motion3D
from pose_estimation_ros.core.space.people_3d import FROM_DEPTH, FROM_HEIGHT, NO_SOURCE, PREDICTED, unknown_people

SIGMA_M = 0.05


def measured(*places, sigma_m=SIGMA_M, height=1.7, source=FROM_DEPTH):
    """Return people at these places, of whom None is not measured."""
    people = unknown_people(len(places))
    for person, place in enumerate(places):
        if place is not None:
            people.position[person], people.source[person] = place, source
            people.position_covariance[person] = sigma_m**2 * np.eye(3)
            people.height[person] = height
    return people


def ids(*track_id):
    return np.array(track_id, np.int32)


def walked(rate_hz, velocity, seconds=3.0, noise_m=0.0, motion=None, seed=0):
    """Return what the filter says of somebody who walks straight on, and where they were last."""
    random, motion, velocity = np.random.RandomState(seed), motion or Motion3D(), np.array(velocity, float)
    for number in range(int(seconds * rate_hz)):
        place = [0.0, 1.0, 4.0] + velocity * number / rate_hz
        people = motion.update(measured(place + noise_m * random.randn(3)), ids(7), 50.0 + number / rate_hz)
    return people, place, motion


def is_covariance(matrix):
    return np.isfinite(matrix).all() and np.allclose(matrix, matrix.T) and np.linalg.eigvalsh(matrix).min() > 0


def test_nobody():
    motion = Motion3D()
    for stamp_s in (1.0, 1.1):
        people = motion.update(unknown_people(0), ids(), stamp_s)
        assert [values.shape for values in people] == [(0, 3), (0, 3, 3), (0, 3), (0, 3, 3), (0,), (0,)]
    assert motion.count == 0


@pytest.mark.parametrize("rate_hz", [2, 5, 10, 30, 60])
@pytest.mark.parametrize("velocity", [(0, 0, 0), (1.2, 0, 0), (0, 0, -1.6), (-0.5, 0.1, 0.9)])
def test_velocity_of_a_straight_walk_at_any_rate(rate_hz, velocity):
    people, place, _ = walked(rate_hz, velocity)
    assert np.linalg.norm(people.velocity[0] - velocity) < 0.1
    assert np.linalg.norm(people.position[0] - place) < 0.03
    assert is_covariance(people.position_covariance[0]) and is_covariance(people.velocity_covariance[0])
    assert people.source.tolist() == [FROM_DEPTH]


def test_velocity_of_irregular_images():
    random, motion, stamp_s = np.random.RandomState(0), Motion3D(), 0.0
    for _ in range(60):
        stamp_s += random.uniform(0.01, 0.2)
        people = motion.update(measured([0.8 * stamp_s, 0, 3]), ids(1), stamp_s)
    np.testing.assert_allclose(people.velocity[0], [0.8, 0, 0], atol=0.05)


def test_a_new_person_has_a_place_but_no_velocity():
    motion = Motion3D()
    first = motion.update(measured([1, 2, 3]), ids(4), 0.0)
    np.testing.assert_allclose(first.position[0], [1, 2, 3])
    np.testing.assert_allclose(first.position_covariance[0], (SIGMA_M**2 + 2 * LEAST_SIGMA_M**2) * np.eye(3))
    assert np.isnan(first.velocity).all() and np.isnan(first.velocity_covariance).all()
    second = motion.update(measured([1, 2, 3]), ids(4), 0.033)
    assert np.sqrt(second.velocity_covariance[0, 0, 0]) > 0.7, "two images say hardly anything"
    later = walked(30, (0, 0, 0))[0]
    assert np.sqrt(later.velocity_covariance[0, 0, 0]) < 0.4


@pytest.mark.parametrize("gap_s", [0.1, 0.5, 0.9])
def test_who_is_not_measured_goes_straight_on_and_becomes_uncertain(gap_s):
    people, place, motion = walked(10, (1.0, 0, 0))
    before = people.position_covariance[0, 0, 0]
    for step in range(1, int(round(gap_s * 10)) + 1):
        gone = motion.update(measured(None), ids(7), 52.9 + step / 10)
        assert gone.source.tolist() == [PREDICTED] and gone.position_covariance[0, 0, 0] > before
        before = gone.position_covariance[0, 0, 0]
    np.testing.assert_allclose(gone.position[0], place + [gap_s, 0, 0], atol=0.1)
    np.testing.assert_allclose(gone.velocity[0], people.velocity[0])
    assert gone.height[0] == pytest.approx(1.7)


def test_a_place_that_means_nothing_is_no_place():
    _, _, motion = walked(10, (1.0, 0, 0))
    for step in range(1, 40):
        gone = motion.update(measured(None), ids(7), 52.9 + step / 10)
    assert gone.source.tolist() == [NO_SOURCE] and motion.count == 0
    assert all(np.isnan(values).all() for values in gone[:5])


@pytest.mark.parametrize("seen", [True, False], ids=["listed as lost", "not listed"])
def test_an_id_that_returns_has_its_velocity_again(seen):
    _, place, motion = walked(10, (1.0, 0, 0))
    for step in range(1, 5):
        motion.update(*((measured(None), ids(7)) if seen else (measured(), ids())), 52.9 + step / 10)
    back = motion.update(measured(place + [0.5, 0, 0]), ids(7), 53.4)
    assert back.source.tolist() == [FROM_DEPTH] and abs(back.velocity[0, 0] - 1.0) < 0.15


def test_an_id_that_returns_after_long_begins_anew():
    motion = walked(10, (1.0, 0, 0))[2]
    back = motion.update(measured([9, 9, 9], height=1.5), ids(7), 63.0)
    np.testing.assert_allclose(back.position[0], [9, 9, 9])
    assert np.isnan(back.velocity).all() and back.height[0] == 1.5


def test_people_without_a_track_are_as_measured():
    motion = Motion3D()
    for stamp_s in (0.0, 0.1, 0.2):
        people = motion.update(measured([stamp_s, 0, 2], [0, 0, 3], None), ids(-1, -1, -1), stamp_s)
    np.testing.assert_allclose(people.position[:2], [[0.2, 0, 2], [0, 0, 3]])
    assert np.isnan(people.velocity).all() and people.source.tolist() == [FROM_DEPTH, FROM_DEPTH, NO_SOURCE]
    assert motion.count == 0


def test_two_people_of_one_id_do_not_disturb_the_track():
    motion = walked(10, (1.0, 0, 0))[2]
    people = motion.update(measured([3.0, 1, 4], [-5, 0, 8]), ids(7, 7), 53.0)
    assert abs(people.position[0, 0] - 3.0) < 0.05 and abs(people.velocity[0, 0] - 1.0) < 0.1
    np.testing.assert_allclose(people.position[1], [-5, 0, 8])
    assert np.isnan(people.velocity[1]).all() and motion.count == 1


def test_the_order_of_people_does_not_matter():
    one, other = Motion3D(), Motion3D()
    for number in range(20):
        places, stamp_s = [[0.1 * number, 0, 3], None if number % 3 else [2, 0, 5], [1, 0, 4]], number / 10
        there = one.update(measured(*places), ids(1, 2, 3), stamp_s)
        back = other.update(measured(*places[::-1]), ids(3, 2, 1), stamp_s)
    for values, others in zip(there, back):
        np.testing.assert_allclose(values, others[::-1])


def test_one_wild_measurement_is_not_used():
    _, place, motion = walked(30, (1.0, 0, 0))
    wild = motion.update(measured(place + [0, 0, 4.0]), ids(7), 53.0)
    assert np.linalg.norm(wild.position[0] - place) < 0.1 and wild.source.tolist() == [PREDICTED]
    np.testing.assert_allclose(wild.velocity[0], [1, 0, 0], atol=0.1)


def test_who_stays_elsewhere_is_followed_there():
    _, place, motion = walked(30, (0, 0, 0))
    for number in range(int(30 * START_ANEW_S) + 5):
        people = motion.update(measured(place + [0, 0, 4.0]), ids(7), 53.0 + number / 30)
    np.testing.assert_allclose(people.position[0], place + [0, 0, 4.0], atol=0.01)
    assert people.source.tolist() == [FROM_DEPTH] and np.linalg.norm(people.velocity[0]) < 0.1


@pytest.mark.parametrize(
    "stamps, begins_anew",
    [
        ([1.0, 1.0, 1.0], False),
        ([0.0, 0.0, 0.0], False),
        ([1.0, 1.1, 1.05], False),
        ([1.0, 1.1, np.nan], False),
        ([100.0, 100.1, 3.0], True),
        ([0.0, 0.0, 1.7e9], True),
    ],
)
def test_stamps_that_stand_still_or_go_back(stamps, begins_anew):
    motion = Motion3D()
    for stamp_s in stamps:
        people = motion.update(measured([1, 0, 3]), ids(1), stamp_s)
    np.testing.assert_allclose(people.position[0], [1, 0, 3], atol=1e-6)
    assert np.isnan(people.velocity).all() == begins_anew


@pytest.mark.parametrize(
    "place, covariance",
    [
        ([np.nan, 0, 0], np.eye(3)),
        ([np.inf, 0, 0], np.eye(3)),
        ([1e30, 0, 0], np.eye(3)),
        ([0, 0, 3], np.full((3, 3), np.nan)),
        ([0, 0, 3], np.diag([1.0, -1.0, 1.0])),
        ([0, 0, 3], np.full((3, 3), np.inf)),
        ([0, 0, 3], np.diag([1.0, 1.0, 1e30])),
    ],
)
def test_measurements_without_sense_are_not_used(place, covariance):
    fresh, motion = Motion3D(), walked(10, (0, 0, 0))[2]
    people = measured([0, 0, 3])._replace(position=np.array([place], float), position_covariance=covariance[None])
    assert fresh.update(people, ids(1), 0.0).source.tolist() == [NO_SOURCE] and fresh.count == 0
    assert motion.update(people, ids(7), 53.0).source.tolist() == [PREDICTED]


@pytest.mark.parametrize("sigma_m", [0.0, 1e-9, 3.0])
def test_covariances_of_any_size(sigma_m):
    motion = Motion3D()
    for number in range(30):
        people = motion.update(measured([0.1 * number, 0, 3], sigma_m=sigma_m, source=FROM_HEIGHT), ids(1), number / 10)
    assert people.source.tolist() == [FROM_HEIGHT] and is_covariance(people.position_covariance[0])
    assert abs(people.velocity[0, 0] - 1.0) < (0.05 if sigma_m < 1 else 1.0)


def test_a_thousand_people_are_each_as_alone():
    random, together, alone = np.random.RandomState(0), Motion3D(), Motion3D()
    start, velocity = 10 * random.randn(1000, 3), random.randn(1000, 3)
    for number in range(4):
        places = start + velocity * number / 10
        crowd = together.update(measured(*places), np.arange(1000), number / 10)
        one = alone.update(measured(places[321]), ids(321), number / 10)
    for values, others in zip(crowd, one):
        np.testing.assert_allclose(values[321], others[0])


def test_reset_forgets():
    motion = walked(10, (1.0, 0, 0))[2]
    motion.reset()
    assert motion.count == 0 and np.isnan(motion.update(measured([0, 0, 3]), ids(7), 53.0).velocity).all()


@pytest.mark.parametrize("rate_hz", [5, 30])
def test_a_height_settles_and_bears_wild_values(rate_hz):
    random, motion = np.random.RandomState(0), Motion3D()
    for number in range(4 * rate_hz):
        height = 1.2 if number % 10 == 9 else np.nan if number % 4 == 0 else 1.8 + 0.06 * random.randn()
        people = motion.update(measured([0, 0, 3], height=height), ids(1), number / rate_hz)
    assert people.height[0] == pytest.approx(1.8, abs=0.05)


def test_covariances_are_as_large_as_errors():
    """Errors that last a second, as the filter assumes; the walker changes the velocity at random."""
    random, squares, count = np.random.RandomState(0), [], 100
    motion, place, velocity = Motion3D(), np.zeros((count, 3)), 0.7 * random.randn(count, 3)
    lasting, keep = random.randn(count, 3), np.exp(-0.1)
    for number in range(40):
        error = SIGMA_M * (np.sqrt(0.8) * lasting + np.sqrt(0.2) * random.randn(count, 3))
        people = motion.update(measured(*(place + error)), np.arange(count) + 1, number / 10)
        if number > 10:
            pairs = (
                (people.position - place, people.position_covariance),
                (people.velocity - velocity, people.velocity_covariance),
            )
            squares.append([np.einsum("ni,nij,nj->n", off, np.linalg.inv(matrix), off) for off, matrix in pairs])
        lasting = keep * lasting + np.sqrt(1 - keep**2) * random.randn(count, 3)
        change = np.sqrt(ACCELERATION * 0.1) * random.randn(count, 3)
        place, velocity = place + 0.1 * (velocity + change / 2), velocity + change
    assert np.isfinite(squares).mean() > 0.999, "a track that begins anew has no velocity for an image"
    assert np.nanmean(squares, (0, 2)) == pytest.approx([3.0, 3.0], rel=0.15)


@pytest.mark.parametrize("height_m", [1.55, 1.7, 1.9])
@pytest.mark.parametrize("rate_hz, most_m", [(5, 0.2), (30, 0.1)])
def test_a_standing_person_does_not_jump_while_joints_come_and_go(rate_hz, most_m, height_m):
    """Each joint is valid half of the time, in spells of half a second; the raw places do jump."""
    random, motion = np.random.RandomState(0), Motion3D()
    body = Walker([(0, 0.5, 3.0), (2, 0.5, 3.0)], height_m).joints(1.0).astype("f4")[None]
    covariance, valid, places, raw = (
        np.tile(0.05**2 * np.eye(3, dtype="f4"), (1, 17, 1, 1)),
        np.ones((1, 17), bool),
        [],
        [],
    )
    for number in range(10 * rate_hz):
        valid ^= random.rand(1, 17) < 2.0 / rate_hz * (number > rate_hz)
        known, basis = people_from_joints(Joints(body, covariance, valid), SKELETONS["coco17"])
        places.append(motion.update(known, ids(1), number / rate_hz, basis).position[0])
        raw.append(known.position[0])
    steps, raw_steps = (np.linalg.norm(np.diff(values, axis=0), axis=1) for values in (places, raw))
    assert np.nanmax(steps) < most_m and np.nanmax(raw_steps) > 0.3
    assert np.nanmax(np.linalg.norm(places - body[0, 11:13].mean(0), axis=1)) < 0.22
