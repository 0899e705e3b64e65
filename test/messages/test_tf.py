"""People as frames: names, parents, places and rotations, multiplied back; what is not known never comes out."""

from types import SimpleNamespace

import numpy as np
import pytest
from plain_messages import message_class

from pose_estimation_ros.core.poses import CONFIRMED, LOST, NO_STATE, TENTATIVE, empty_poses, make_poses
from pose_estimation_ros.core.skeleton import Skeleton, get_skeleton
from pose_estimation_ros.core.space.depth import Joints
from pose_estimation_ros.core.space.people_3d import unknown_people
from pose_estimation_ros.core.space.rigid import Rigid, from_quaternion
from pose_estimation_ros.messages.tf import UP, TfOptions, is_optical, people_to_tf

COCO = get_skeleton("coco17")
NUMBERS = dict(x=0.0, y=0.0, z=0.0)
MESSAGES = SimpleNamespace(
    Header=message_class("Header", stamp=None, frame_id=""),
    Vector3=message_class("Vector3", **NUMBERS),
    Quaternion=message_class("Quaternion", w=1.0, **NUMBERS),
    Transform=message_class("Transform", translation=None, rotation=None),
    TransformStamped=message_class("TransformStamped", header=None, child_frame_id="", transform=None),
)
HEADER = MESSAGES.Header(stamp="now", frame_id="map")
ALL = TfOptions(joints=True, joint_orientations=True)
# A person at (5, 0): looks along y, with the left forearm stretched forward.
PLACES = {
    "left_shoulder": (4.8, 0, 1.4), "right_shoulder": (5.2, 0, 1.4), "left_hip": (4.88, 0, 0.9),
    "right_hip": (5.12, 0, 0.9), "left_elbow": (4.8, 0, 1.1), "left_wrist": (4.8, 0.25, 1.1), "nose": (5, 0.1, 1.6),
}  # fmt: skip
FACING_Y = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


def crowd(*states, places=PLACES):
    """Return poses with track ids 3, 4 ..., joints and people; all of them have the same joints."""
    count = len(states)
    poses = make_poses(
        np.zeros((count, 17, 2)), np.ones((count, 17)), np.zeros((count, 4)), np.ones(count), 3 + np.arange(count)
    ).replace(state=np.array(states, np.uint8))
    position = np.array([[places.get(name, (np.nan,) * 3) for name in COCO.keypoints]] * count, np.float32)
    position = position.reshape(count, 17, 3)
    joints = Joints(position, np.zeros((count, 17, 3, 3), np.float32), np.isfinite(position).all(-1))
    return poses, joints, unknown_people(count)._replace(position=np.tile([5.0, 0.0, 0.9], (count, 1)))


def frames(poses, joints, people, options=ALL, up=None, skeleton=COCO):
    """Return {child: (parent, Rigid)}, and check what holds for every message."""
    found = {}
    for message in people_to_tf(MESSAGES, HEADER, poses, joints, people, skeleton, options, up):
        assert message.header.stamp == "now" and message.child_frame_id not in found
        turn, shift = message.transform.rotation, message.transform.translation
        numbers = np.array([turn.x, turn.y, turn.z, turn.w, shift.x, shift.y, shift.z])
        assert np.isfinite(numbers).all() and all(type(number) is float for number in numbers.tolist())
        assert abs(np.linalg.norm(numbers[:4]) - 1) < 1e-9, "tf2 refuses others from 1e-6 on"
        rigid = from_quaternion(numbers[:4], numbers[4:])
        found[message.child_frame_id] = message.header.frame_id, rigid
    return found


def test_nobody_has_no_frames():
    poses = empty_poses(17)
    joints = Joints(np.zeros((0, 17, 3)), np.zeros((0, 17, 3, 3)), np.zeros((0, 17), bool))
    assert people_to_tf(MESSAGES, HEADER, poses, joints, unknown_people(0), COCO, ALL) == []


@pytest.mark.parametrize("state, count", [(CONFIRMED, 1), (TENTATIVE, 0), (LOST, 0), (NO_STATE, 0)])
def test_only_confirmed_people_have_frames(state, count):
    assert len(frames(*crowd(state), options=TfOptions())) == count


def test_a_body_is_where_and_as_the_person_is():
    parent, rigid = frames(*crowd(CONFIRMED), options=TfOptions())["body_b3"]
    assert parent == "map"
    np.testing.assert_allclose(rigid.translation, (5, 0, 0.9))
    np.testing.assert_allclose(rigid.rotation, FACING_Y, atol=1e-6)


def test_people_of_several_cameras_have_frames_of_their_own():
    assert set(frames(*crowd(CONFIRMED, LOST, CONFIRMED), options=TfOptions(camera="left"))) == {
        "body_b3_left",
        "body_b5_left",
    }


@pytest.mark.parametrize("orientations", [False, True])
def test_joints_are_children_of_the_body_and_where_they_were_measured(orientations):
    found = frames(*crowd(CONFIRMED), options=TfOptions(True, orientations))
    body = found.pop("body_b3")[1]
    names = {"l_shoulder", "r_shoulder", "l_hip", "r_hip", "l_elbow", "l_wrist", "nose"}
    assert set(found) == {name + "_b3" for name in names}
    for name, (parent, rigid) in found.items():
        place = PLACES[name[:-3].replace("l_", "left_").replace("r_", "right_")]
        assert parent == "body_b3"
        np.testing.assert_allclose(body.compose(rigid).translation, place, atol=1e-6)


def test_joints_are_turned_as_their_limb_or_exactly_as_the_body():
    found = frames(*crowd(CONFIRMED))
    body = found["body_b3"][1]
    # The upper arm hangs; the forearm points along the map's y, so z points from the wrist to the elbow: along -y.
    down_arm = body.compose(found["l_elbow_b3"][1]).rotation
    np.testing.assert_allclose(down_arm.T, [(0, 0, 1), (-1, 0, 0), (0, -1, 0)], atol=1e-6)
    np.testing.assert_allclose(found["l_wrist_b3"][1].rotation, found["l_elbow_b3"][1].rotation, atol=1e-9)
    np.testing.assert_allclose(body.compose(found["l_shoulder_b3"][1]).rotation, FACING_Y, atol=1e-6)
    for name in ("nose_b3", "r_shoulder_b3"):
        assert found[name][1].rotation.tolist() == np.eye(3).tolist(), "not known: exactly that of the parent"
    assert all(rigid.rotation.tolist() == np.eye(3).tolist() for _, rigid in _joints(TfOptions(True, False)))


def _joints(options):
    return [value for name, value in frames(*crowd(CONFIRMED), options=options).items() if name != "body_b3"]


def test_a_body_that_is_not_known_is_turned_exactly_as_its_parent():
    shoulders = {name: place for name, place in PLACES.items() if "shoulder" in name or name == "nose"}
    assert frames(*crowd(CONFIRMED, places=shoulders))["body_b3"][1].rotation.tolist() == np.eye(3).tolist()
    np.testing.assert_allclose(
        frames(*crowd(CONFIRMED, places=shoulders), up=UP)["body_b3"][1].rotation, FACING_Y, atol=1e-6
    )


@pytest.mark.parametrize("place", [np.nan, np.inf, -np.inf, 1e30])
def test_what_is_nowhere_has_no_frame(place):
    poses, joints, people = crowd(CONFIRMED, CONFIRMED)
    people.position[0, 1] = place
    assert all(name.endswith("b4") for name in frames(poses, joints, people))
    people.position[0, 1] = 0.0
    joints.position[0, COCO.keypoints.index("nose"), 2] = place
    found = frames(poses, joints, people)
    assert {"nose_b4", "l_elbow_b3"} <= set(found) and "nose_b3" not in found


def test_two_joints_with_one_name_of_a_frame_give_one_frame():
    skeleton = Skeleton("twice", ("left_wrist", "l_wrist"), (), (), None)
    poses, joints, people = crowd(CONFIRMED)
    joints = Joints(joints.position[:, 9:11] * 0, joints.covariance[:, 9:11], np.ones((1, 2), bool))
    assert set(frames(poses, joints, people, skeleton=skeleton)) == {"body_b3", "l_wrist_b3"}


def test_rotations_survive_a_turn_of_the_frame():
    """In any frame of positions, the same joints give the same frames."""
    rigid = from_quaternion(np.array([1.0, 2.0, -3.0, 4.0]) / np.sqrt(30), (10.0, -20.0, 3.0))
    poses, joints, people = crowd(CONFIRMED)
    moved = joints._replace(position=rigid.apply(joints.position))
    elsewhere = frames(poses, moved, people._replace(position=rigid.apply(people.position)))
    for name, (parent, here) in frames(poses, joints, people).items():
        expected = rigid.compose(here) if parent == "map" else here
        for part in Rigid._fields:
            np.testing.assert_allclose(getattr(elsewhere[name][1], part), getattr(expected, part), atol=1e-5)


@pytest.mark.parametrize(
    "frame, optical",
    [("camera", True), ("map", False), ("cam_optical_frame", True), ("zed_left_camera_optical", True), ("", False)],
)
def test_frames_of_cameras_by_their_names(frame, optical):
    assert is_optical(frame, "camera") == optical
