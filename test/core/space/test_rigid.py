"""Rigid transforms: known turns by hand, round trips, handedness, covariances against samples, and bad quaternions."""

import numpy as np
import pytest

from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.core.space.rigid import Rigid, from_quaternion, identity, quaternion_of, rotation_of_axes

HALF = np.sqrt(0.5)
# REP-103: an optical frame (x right, y down, z forward) in its body frame (x forward, y left, z up).
OPTICAL_TO_BODY = (-0.5, 0.5, -0.5, 0.5)
# name, quaternion xyzw, translation m, point, where it comes to
TURNS = [
    ("nothing", (0, 0, 0, 1), (0, 0, 0), (1, 2, 3), (1, 2, 3)),
    ("shift", (0, 0, 0, 1), (10, 20, 30), (1, 2, 3), (11, 22, 33)),
    ("90 deg about x", (HALF, 0, 0, HALF), (0, 0, 0), (1, 2, 3), (1, -3, 2)),
    ("90 deg about y", (0, HALF, 0, HALF), (0, 0, 0), (1, 2, 3), (3, 2, -1)),
    ("90 deg about z", (0, 0, HALF, HALF), (0, 0, 1), (1, 2, 3), (-2, 1, 4)),
    ("180 deg about z", (0, 0, 1, 0), (0, 0, 0), (1, 2, 3), (-1, -2, 3)),
    ("forward of an optical frame", OPTICAL_TO_BODY, (0, 0, 1.2), (0, 0, 5), (5, 0, 1.2)),
    ("right of an optical frame", OPTICAL_TO_BODY, (0, 0, 1.2), (1, 0, 0), (0, -1, 1.2)),
    ("below an optical frame", OPTICAL_TO_BODY, (0, 0, 1.2), (0, 1, 0), (0, 0, 0.2)),
]


def random_rigid(rng):
    quaternion = rng.normal(size=4)
    return from_quaternion(quaternion / np.linalg.norm(quaternion), rng.normal(size=3))


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def test_no_points_stay_no_points():
    assert identity().apply(np.zeros((0, 17, 3))).shape == (0, 17, 3)
    assert identity().covariance(np.zeros((0, 3, 3))).shape == (0, 3, 3)


@pytest.mark.parametrize("quaternion, translation, point, expected", [t[1:] for t in TURNS], ids=[t[0] for t in TURNS])
def test_known_turns(quaternion, translation, point, expected):
    rigid = from_quaternion(quaternion, translation)
    np.testing.assert_allclose(rigid.apply(np.array(point)), expected, atol=1e-12)
    np.testing.assert_allclose(rigid.inverse().apply(np.array(expected)), point, atol=1e-12)
    np.testing.assert_allclose(rigid.rotate(np.array(point)), np.array(expected) - translation, atol=1e-12)


def test_quaternions_and_matrices_are_the_same_rotation(rng):
    special = [np.eye(4)[i] for i in range(4)] + [np.array([1, 1e-9, 0, 0]), np.array([HALF, HALF, 0, 1e-12])]
    for quaternion in special + list(rng.normal(size=(200, 4))):
        quaternion = quaternion / np.linalg.norm(quaternion)
        rigid = from_quaternion(quaternion)
        back = np.array(rigid.quaternion())
        assert back[3] >= 0 and abs(np.linalg.norm(back) - 1) < 1e-12
        np.testing.assert_allclose(abs(back @ quaternion), 1, atol=1e-12)
        np.testing.assert_allclose(from_quaternion(back).rotation, rigid.rotation, atol=1e-12)
        np.testing.assert_allclose(rigid.rotation @ rigid.rotation.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(rigid.rotation) == pytest.approx(1)


def test_composition_and_inverse_agree_with_matrices(rng):
    def matrix(rigid):
        return np.vstack([np.column_stack([rigid.rotation, rigid.translation]), [0, 0, 0, 1]])

    for _ in range(20):
        a, b, points = random_rigid(rng), random_rigid(rng), rng.normal(size=(4, 5, 3))
        np.testing.assert_allclose(matrix(a.compose(b)), matrix(a) @ matrix(b), atol=1e-12)
        np.testing.assert_allclose(matrix(a.inverse()), np.linalg.inv(matrix(a)), atol=1e-12)
        np.testing.assert_allclose(a.compose(b).apply(points), a.apply(b.apply(points)), atol=1e-12)
        assert isinstance(a.compose(b), Rigid)


def test_a_covariance_turns_as_its_samples_do(rng):
    rigid = random_rigid(rng)
    samples = rng.multivariate_normal(np.zeros(3), np.diag([0.01, 0.04, 1.0]), 500)
    turned = rigid.covariance(np.cov(samples.T)[None])
    np.testing.assert_allclose(turned[0], np.cov(rigid.apply(samples).T), atol=1e-12)
    np.testing.assert_allclose(np.trace(turned[0]), np.trace(np.cov(samples.T)))


def test_what_is_unknown_stays_unknown(rng):
    rigid, points = random_rigid(rng), np.array([[np.nan] * 3, [1.0, 2.0, 3.0]], np.float32)
    assert np.isnan(rigid.apply(points)).all(-1).tolist() == [True, False]
    assert np.isnan(rigid.covariance(np.full((3, 3), np.nan))).all()
    assert rigid.apply(points).dtype == np.float64


@pytest.mark.parametrize(
    "quaternion, translation, expected",
    [
        ((0, 0, 0, 0), (0, 0, 0), "unit quaternion"),
        ((0, 0, 0, 2), (0, 0, 0), "unit quaternion"),
        ((0, 0, float("nan"), 1), (0, 0, 0), "unit quaternion"),
        ((0, 0, float("inf"), 1), (0, 0, 0), "unit quaternion"),
        ((0, 0, 1), (0, 0, 0), "unit quaternion"),
        ((0, 0, 0, 1), (0, float("nan"), 0), "translation"),
        ((0, 0, 0, 1), (0, 1e300, 0), "translation"),
        ((0, 0, 0, 1), (0, 0), "translation"),
    ],
)
def test_what_is_no_transform_is_refused(quaternion, translation, expected):
    with pytest.raises(FrameError, match=expected) as caught:
        from_quaternion(quaternion, translation)
    assert caught.value.kind == "transform"


def test_a_quaternion_of_nearly_unit_length_gives_a_pure_rotation():
    rotation = from_quaternion(np.array([0, 0, HALF, HALF]) * 1.005).rotation
    np.testing.assert_allclose(rotation, from_quaternion((0, 0, HALF, HALF)).rotation, atol=1e-12)


def test_axes_make_a_right_handed_rotation(rng):
    assert rotation_of_axes(np.zeros((0, 3)), np.zeros((0, 3))).shape == (0, 3, 3)
    np.testing.assert_allclose(rotation_of_axes(np.array([0, 0, 3]), np.array([0, 2, 1])), np.eye(3))
    up, left = rng.normal(size=(2, 50, 3))
    rotations = rotation_of_axes(up, left)
    np.testing.assert_allclose(rotations @ np.swapaxes(rotations, 1, 2), np.tile(np.eye(3), (50, 1, 1)), atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(rotations), 1)
    np.testing.assert_allclose(rotations[..., 2], up / np.linalg.norm(up, axis=-1, keepdims=True), atol=1e-12)
    assert ((rotations[..., 1] * left).sum(-1) > 0).all()
    for rotation in rotations:
        np.testing.assert_allclose(from_quaternion(quaternion_of(rotation)).rotation, rotation, atol=1e-9)


@pytest.mark.parametrize("up", [(0, 0, 0), (0, 2, 0), (np.nan, 0, 1), (np.inf, 0, 1)])
def test_axes_that_define_no_rotation_give_none(up):
    both = rotation_of_axes(np.array([up, (0, 0, 1)]), np.array([0, 1, 0]))
    assert np.isnan(both[0]).all() and np.allclose(both[1], np.eye(3))
