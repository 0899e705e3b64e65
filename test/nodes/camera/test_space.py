import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS")

from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from benchmarks.tracking.depth_renderer import COCO, render
from benchmarks.tracking.walkers import Walker
from pose_estimation_ros.core.camera import make_camera
from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.core.geometry import boxes_around
from pose_estimation_ros.core.poses import CONFIRMED, LOST, empty_poses, make_poses
from pose_estimation_ros.core.space.body_3d import people_from_joints
from pose_estimation_ros.core.space.motion_3d import Motion3D
from pose_estimation_ros.core.space.people_3d import FROM_DEPTH, NO_SOURCE, PREDICTED
from pose_estimation_ros.core.space.rigid import Rigid
from pose_estimation_ros.nodes.camera.space import SpaceFinder
from pose_estimation_ros.nodes.parameter_tables import POSE_PARAMETERS

CAMERA = make_camera([131.25, 0, 79.5, 0, 131.25, 59.5, 0, 0, 1], [], "plumb_bob", (160, 120))
VALUES = {option.name: option.default for option in POSE_PARAMETERS}
STANDING = Walker([(0, 0.3, 3.0), (2, 0.3, 3.0)]).joints(1.0)
PLACE = STANDING[11:13].mean(0)


def header(stamp_s=100.0, frame="camera"):
    return Header(stamp=Time(sec=int(stamp_s), nanosec=int(round(stamp_s % 1 * 1e9))), frame_id=frame)


def view(joints, track_id=3, state=CONFIRMED, camera=CAMERA):
    """Return the person with exact keypoints and the depth image; a person who is lost has no keypoints."""
    xy = camera.project(joints[None])
    score = np.full(xy.shape[:2], 0.0 if state == LOST else 0.9)
    poses = make_poses(xy, score, boxes_around(xy, np.ones(xy.shape[:2]), 0), np.ones(1), np.array([track_id]))
    return poses.replace(state=np.array([state], np.uint8)), (render(joints[None], camera), "32FC1")


POSES, DEPTH = view(STANDING)


class Moving:
    """Stand for Transforms: a camera that drives forward and looks back over its shoulder."""

    def __init__(self, speed_mps=0.5):
        self.asked, self.speed_mps, self.known = [], speed_mps, True

    def lookup(self, target, header):
        self.asked.append((target, header.frame_id, header.stamp.sec))
        if not self.known:
            raise FrameError("transform", "expected a transform, got none")
        return rigid(header.stamp.sec + 1e-9 * header.stamp.nanosec, self.speed_mps)


def rigid(stamp_s, speed_mps=0.5):
    """Map the camera's x right, y down, z forward to x forward, y left, z up of the world."""
    return Rigid(np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]]), np.array([speed_mps * (stamp_s - 100), 0, 1.2]))


def test_without_camera_or_depth_nothing_tells():
    finder = SpaceFinder(COCO, VALUES)
    assert finder.find(POSES, header(), None, DEPTH) is None
    assert finder.find(POSES, header(), CAMERA, None) is None
    assert finder.find(empty_poses(17), header(), CAMERA, DEPTH).people.position.shape == (0, 3)


def test_joints_place_and_height_in_the_cameras_frame():
    space = SpaceFinder(COCO, VALUES).find(POSES, header(), CAMERA, DEPTH)
    assert space.header == header() and space.joints.valid.mean() > 0.9
    np.testing.assert_allclose(space.people.position, [PLACE], atol=0.06)
    assert space.people.source.tolist() == [FROM_DEPTH] and abs(space.people.height[0] - 1.7) < 0.15


@pytest.mark.parametrize("rotation_deg, turn", [(90, 1), (180, 2), (270, 3)])
def test_a_camera_on_its_side(rotation_deg, turn):
    """np.rot90 rotates the image in the opposite direction, as the camera's mount does."""
    upright = np.linalg.matrix_power(np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]]), turn)
    lying = STANDING @ upright.T
    poses, depth = view(lying)
    shoulders = np.isin(np.arange(17), [5, 6]) * 0.9
    finder = SpaceFinder(COCO, dict(VALUES, rotation_deg=rotation_deg))
    people = finder.find(poses.replace(score=shoulders[None].astype("f4")), header(), CAMERA, depth).people
    np.testing.assert_allclose(people.position, [upright @ PLACE], atol=0.12)


@pytest.mark.parametrize("rotation_deg, turn", [(90, 1), (180, 2), (270, 3)])
def test_a_camera_on_its_side_without_depth(rotation_deg, turn):
    """Somebody is seen from the side without legs: directions of the body count most there."""
    upright = np.linalg.matrix_power(np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]]), turn)
    camera = make_camera([525, 0, 319.5, 0, 525, 319.5, 0, 0, 1], [], "plumb_bob", (640, 640))
    upper = (np.arange(17) < 11)[None] * np.float32(0.9)

    def found(joints, angle_deg):
        poses = view(joints, camera=camera)[0].replace(score=upper)
        values = dict(VALUES, rotation_deg=angle_deg, position_without_depth="height")
        return SpaceFinder(COCO, values).find(poses, header(), camera, None).people.position

    walking = Walker([(0, 0.3, 3.0), (2, 2.3, 3.0)]).joints(1.0)
    np.testing.assert_allclose(found(walking @ upright.T, rotation_deg), found(walking, 0) @ upright.T, rtol=5e-3)


def test_everything_is_in_the_target_frame_at_the_stamp_of_the_image():
    transforms = Moving()
    here = SpaceFinder(COCO, VALUES).find(POSES, header(104.0), CAMERA, DEPTH)
    there = SpaceFinder(COCO, dict(VALUES, target_frame="map"), transforms).find(POSES, header(104.0), CAMERA, DEPTH)
    assert transforms.asked == [("map", "camera", 104)]
    assert there.header == header(104.0, "map")
    moved = rigid(104.0)
    np.testing.assert_allclose(there.people.position, moved.apply(here.people.position))
    np.testing.assert_allclose(there.joints.position, moved.apply(here.joints.position), atol=1e-5)
    for name in ("joints", "people"):
        mine, theirs = (
            getattr(space, name).covariance if name == "joints" else getattr(space, name).position_covariance
            for space in (here, there)
        )
        np.testing.assert_allclose(theirs, moved.covariance(mine), atol=1e-6)
    np.testing.assert_array_equal(there.joints.valid, here.joints.valid)


@pytest.mark.parametrize("target, expected", [("map", [0, 0, 0]), ("", [0, 0, -0.5])])
def test_the_velocity_is_that_in_the_frame_of_the_header(target, expected):
    """The person stands and the camera drives towards them."""
    finder = SpaceFinder(COCO, dict(VALUES, target_frame=target), Moving() if target else None)
    for number in range(20):
        poses, depth = view(STANDING - [0, 0, 0.05 * number])
        people = finder.find(poses, header(100 + number / 10), CAMERA, depth).people
    np.testing.assert_allclose(people.velocity, [expected], atol=0.1)


@pytest.mark.parametrize("how", ["no depth image", "nothing measured", "lost"])
def test_people_who_are_not_measured_are_where_they_are_expected(how):
    finder, size = SpaceFinder(COCO, VALUES), 0.0
    for number in range(4):
        finder.find(POSES, header(100 + number / 10), CAMERA, DEPTH)
    for number in range(4, 7):
        poses = view(STANDING, state=LOST)[0] if how == "lost" else POSES
        depth = (np.zeros((120, 160), np.float32), "32FC1") if how == "nothing measured" else DEPTH
        space = finder.find(poses, header(100 + number / 10), CAMERA, None if how == "no depth image" else depth)
        assert not space.joints.valid.any() and space.joints.position.shape == (1, 17, 3)
        assert np.isnan(space.joints.position).all() and space.people.source.tolist() == [PREDICTED]
        np.testing.assert_allclose(space.people.position, [PLACE], atol=0.1)
        assert np.trace(space.people.position_covariance[0]) > size
        size = np.trace(space.people.position_covariance[0])
    assert finder.find(POSES, header(110.0), CAMERA, None) is None, "nothing tells any more"


def test_the_joints_that_tell_the_place_are_known_to_the_filter():
    """The place by the shoulders has another error than that by the hips, see Motion3D.update()."""
    finder, motion, alike = SpaceFinder(COCO, VALUES), Motion3D(), Motion3D()
    for number in range(12):
        shown = np.ones(17) if number % 4 < 2 else np.isin(np.arange(17), [5, 6])
        poses = POSES.replace(score=(0.9 * shown)[None].astype("f4"))
        found = finder.find(poses, header(100 + number / 10), CAMERA, DEPTH)
        measured, basis = people_from_joints(found.joints, COCO)
        expected = motion.update(measured, poses.track_id, 100 + number / 10, basis)
        other = alike.update(measured, poses.track_id, 100 + number / 10)
        np.testing.assert_allclose(found.people.position, expected.position, atol=1e-6)
    assert np.linalg.norm(found.people.position - other.position) > 1e-3


@pytest.mark.parametrize("forget", ["another frame", "reset", "a long time"])
def test_what_begins_anew(forget):
    finder = SpaceFinder(COCO, VALUES)
    for number in range(3):
        known = finder.find(POSES, header(100 + number / 10), CAMERA, DEPTH)
    assert np.isfinite(known.people.velocity).all()
    if forget == "reset":
        finder.reset()
    frame, stamp_s = "other" if forget == "another frame" else "camera", 130.0 if forget == "a long time" else 100.3
    assert np.isnan(finder.find(POSES, header(stamp_s, frame), CAMERA, DEPTH).people.velocity).all()


def test_an_unknown_transform_costs_that_image_only():
    transforms = Moving(speed_mps=0.0)
    finder = SpaceFinder(COCO, dict(VALUES, target_frame="map"), transforms)
    for number, known in enumerate([True, True, False, True]):
        transforms.known = known
        if known:
            people = finder.find(POSES, header(100 + number / 10), CAMERA, DEPTH).people
        else:
            with pytest.raises(FrameError):
                finder.find(POSES, header(100 + number / 10), CAMERA, DEPTH)
    assert np.linalg.norm(people.velocity) < 0.1 and people.source.tolist() == [FROM_DEPTH]


def test_an_untracked_person_has_a_place_only():
    finder = SpaceFinder(COCO, VALUES)
    poses = POSES.replace(track_id=np.array([-1], np.int32))
    for number in range(3):
        people = finder.find(poses, header(100 + number / 10), CAMERA, DEPTH).people
    assert np.isfinite(people.position).all() and np.isnan(people.velocity).all()
    assert finder.find(poses, header(101), CAMERA, None) is None
    assert NO_SOURCE not in people.source
