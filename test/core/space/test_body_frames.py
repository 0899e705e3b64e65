"""Axes of bodies and limbs, against people whose pose was made by hand in REP-103's axes: x forward, y left, z up."""

import numpy as np
import pytest

from pose_estimation_ros.core.skeleton import SKELETONS, get_skeleton
from pose_estimation_ros.core.space.body_frames import STRAIGHT_DEG, body_rotations, limb_rotations
from pose_estimation_ros.core.space.rigid import from_quaternion

COCO = get_skeleton("coco17")
UP = np.array([0.0, 0.0, 1.0])
STANDING = {
    "shoulder": (0, 0.2, 1.4), "elbow": (0, 0.22, 1.1), "wrist": (0, 0.22, 0.85),
    "hip": (0, 0.12, 0.9), "knee": (0, 0.12, 0.5), "ankle": (0, 0.12, 0.1),
}  # fmt: skip
TRUNK = [side + part for side in ("left_", "right_") for part in ("shoulder", "hip")]


def person(skeleton=COCO, known=None, **moved):
    """Return joints (1, K, 3) of a person who stands and looks along x; moved has other places by name."""
    places = {}
    for part, (x, y, z) in STANDING.items():
        places["left_" + part], places["right_" + part] = (x, y, z), (x, -y, z)
    places.update(moved)
    rows = [places.get(name) if known is None or name in known else None for name in skeleton.keypoints]
    return np.array([[(np.nan,) * 3 if row is None else row for row in rows]], np.float32)


def turned(seed):
    quaternion = np.random.default_rng(seed).normal(size=4)
    return from_quaternion(quaternion / np.linalg.norm(quaternion), (1.0, -2.0, 3.0))


def test_nobody_has_no_axes():
    assert body_rotations(np.zeros((0, 17, 3)), COCO).shape == (0, 3, 3)
    assert limb_rotations(np.zeros((0, 17, 3)), COCO).shape == (0, 17, 3, 3)


@pytest.mark.parametrize("known", [TRUNK] + [[name for name in TRUNK if name != missing] for missing in TRUNK])
def test_three_joints_of_the_trunk_tell_its_axes(known):
    np.testing.assert_allclose(body_rotations(person(known=known), COCO)[0], np.eye(3), atol=1e-6)
    for seed in range(5):
        rigid = turned(seed)
        found = body_rotations(rigid.apply(person(known=known)), COCO, UP)[0]
        np.testing.assert_allclose(found, rigid.rotation, atol=1e-6)


@pytest.mark.parametrize("part", ["shoulder", "hip"])
def test_two_joints_tell_them_only_where_the_vertical_is_known(part):
    joints = person(known=["left_" + part, "right_" + part])
    assert np.isnan(body_rotations(joints, COCO)).all()
    yaw = from_quaternion((0.0, 0.0, np.sin(0.5), np.cos(0.5)))
    np.testing.assert_allclose(body_rotations(yaw.apply(joints), COCO, UP)[0], yaw.rotation, atol=1e-6)


@pytest.mark.parametrize(
    "known", [[], ["left_shoulder"], ["left_shoulder", "left_hip"], ["left_shoulder", "right_hip"]]
)
def test_fewer_joints_tell_nothing(known):
    assert np.isnan(body_rotations(person(known=known), COCO, UP)).all()


def test_joints_in_one_place_tell_nothing():
    joints = np.zeros((1, 17, 3), np.float32)
    assert np.isnan(body_rotations(joints, COCO, UP)).all() and np.isnan(limb_rotations(joints, COCO)).all()


@pytest.mark.parametrize("share, known", [(0.3, False), (0.4, False), (0.7, True), (1.0, True)])
@pytest.mark.parametrize("joints", [TRUNK, TRUNK[:3], TRUNK[::2], TRUNK[1::2]], ids=len)
def test_a_body_seen_from_the_side_is_not_known(share, known, joints):
    """There the far joints are measured on the near ones, so the trunk seems narrow."""
    body = person(known=joints)
    body[..., 1] *= share
    assert np.isfinite(body_rotations(body, COCO, UP)).all() == known


def test_z_follows_the_spine_and_x_looks_forward():
    lean = person(left_shoulder=(0.3, 0.2, 1.3), right_shoulder=(0.3, -0.2, 1.3))
    x, y, z = body_rotations(lean, COCO)[0].T
    np.testing.assert_allclose(z, np.array([0.3, 0, 0.4]) / 0.5, atol=1e-6)
    np.testing.assert_allclose(y, (0, 1, 0), atol=1e-6)
    np.testing.assert_allclose(x, np.array([0.4, 0, -0.3]) / 0.5, atol=1e-6)


# Limb, its outer joints in a left limb, and z of the bones above and below the bend; y is to the left in each of them.
BENDS = [
    ("forearm to the front", "shoulder-elbow-wrist", {"wrist": (0.25, 0.22, 1.1)}, (0, -0.02, 0.3), (-1, 0, 0)),
    ("forearm half up", "shoulder-elbow-wrist", {"wrist": (0.2, 0.22, 1.3)}, (0, -0.02, 0.3), (-1, 0, -1)),
    ("shin to the back", "hip-knee-ankle", {"ankle": (-0.4, 0.12, 0.5)}, (0, 0, 1), (1, 0, 0)),
    ("seated", "hip-knee-ankle", {"knee": (0.4, 0.12, 0.9), "ankle": (0.4, 0.12, 0.5)}, (-1, 0, 0), (0, 0, 1)),
]


@pytest.mark.parametrize("side, mirror", [("left_", 1), ("right_", -1)])
@pytest.mark.parametrize("names, moved, above, below", [row[1:] for row in BENDS], ids=[row[0] for row in BENDS])
def test_bent_limbs_have_the_axes_of_the_body_that_move_with_them(side, mirror, names, moved, above, below):
    moved = {side + part: (x, mirror * y, z) for part, (x, y, z) in moved.items()}
    joints = [COCO.keypoints.index(side + part) for part in names.split("-")]
    for rigid in (from_quaternion((0.0, 0.0, 0.0, 1.0)), turned(3)):
        found = limb_rotations(rigid.apply(person(**moved)), COCO)[0]
        for joint, up in zip(joints, (above, below, below)):
            x, y, z = (rigid.rotation.T @ found[joint]).T
            expected = np.array(up, float) * (1, mirror, 1)
            np.testing.assert_allclose(z, expected / np.linalg.norm(expected), atol=1e-5)
            assert y[1] > 0.99, "to the left"
            np.testing.assert_allclose(np.cross(y, z), x, atol=1e-5)
        rest = [index for index in range(17) if index not in joints]
        assert np.isnan(found[rest]).all(), "other limbs are straight"


@pytest.mark.parametrize("bend_deg, defined", [(0, False), (STRAIGHT_DEG - 1, False), (STRAIGHT_DEG + 1, True)])
def test_a_straight_limb_has_no_plane(bend_deg, defined):
    bend = np.radians(bend_deg)
    wrist = (0.25 * np.sin(bend), 0.2, 1.1 - 0.25 * np.cos(bend))
    joints = person(left_elbow=(0, 0.2, 1.1), left_wrist=wrist)
    assert np.isfinite(limb_rotations(joints, COCO)[0, COCO.keypoints.index("left_elbow")]).all() == defined


def test_a_limb_needs_all_of_its_joints():
    known = [name for name in COCO.keypoints if name != "left_wrist"]
    assert np.isnan(limb_rotations(person(known=known, left_elbow=(0.3, 0.2, 1.4)), COCO)).all()


@pytest.mark.parametrize("name", sorted(SKELETONS))
def test_every_skeleton_is_read_by_its_names(name):
    skeleton = SKELETONS[name]
    joints = person(skeleton)
    has_trunk = sum(part in skeleton.keypoints for part in TRUNK) == 4
    assert np.isfinite(body_rotations(joints, skeleton)).all() == has_trunk
    assert np.isnan(limb_rotations(joints, skeleton)).all(), "all limbs are straight"
