import re
from types import SimpleNamespace

import numpy as np
import pytest
from plain_messages import message_class

from pose_estimation_ros.core.poses import CONFIRMED, LOST, NO_STATE, TENTATIVE, empty_poses, make_poses
from pose_estimation_ros.core.skeleton import SKELETONS
from pose_estimation_ros.messages.hri import (
    CLASSES,
    body_frame,
    body_id,
    camera_name,
    joint_frame,
    poses_to_hri,
    shared_joints,
)

COCO = SKELETONS["coco17"]
# hri_msgs of Humble, as docs.ros.org has them; the constants are Skeleton2D's.
NAMES = (
    "NOSE NECK RIGHT_SHOULDER RIGHT_ELBOW RIGHT_WRIST LEFT_SHOULDER LEFT_ELBOW LEFT_WRIST RIGHT_HIP RIGHT_KNEE "
    "RIGHT_ANKLE LEFT_HIP LEFT_KNEE LEFT_ANKLE LEFT_EYE RIGHT_EYE LEFT_EAR RIGHT_EAR"
).split()
INDEX = {name.lower(): index for index, name in enumerate(NAMES)}
MESSAGES = SimpleNamespace(
    IdsList=message_class("IdsList", header=None, ids=list),
    NormalizedPointOfInterest2D=message_class("NormalizedPointOfInterest2D", x=0.0, y=0.0, c=0.0),
    NormalizedRegionOfInterest2D=message_class(
        "NormalizedRegionOfInterest2D", header=None, xmin=0.0, ymin=0.0, xmax=0.0, ymax=0.0, c=0.0
    ),
    Skeleton2D=message_class("Skeleton2D", header=None, skeleton=list),
)


def people(states, xy=(99.5, 49.5)):
    count = len(states)
    points = np.broadcast_to(np.array(xy, float), (count, 17, 2)) + np.arange(17)[:, None]
    boxes = np.tile([-20.5, 19.5, 59.5, 139.5], (count, 1))
    poses = make_poses(points, np.full((count, 17), 0.75), boxes, np.full(count, 0.5), np.arange(count) + 3)
    return poses.replace(state=np.array(states, np.uint8))


def test_nobody():
    ids, bodies = poses_to_hri(MESSAGES, empty_poses(17), "header", (200, 100), COCO)
    assert (ids.header, ids.ids, bodies) == ("header", [], ())


def test_classes():
    assert set(vars(MESSAGES)) == set(CLASSES)


def test_confirmed_people_alone():
    ids, bodies = poses_to_hri(MESSAGES, people([TENTATIVE, CONFIRMED, LOST, NO_STATE]), "h", (200, 200), COCO)
    assert ids.ids == [body.id for body in bodies] == ["b4"]


def test_a_skeleton_by_its_constants():
    (body,) = poses_to_hri(MESSAGES, people([CONFIRMED]), "header", (200, 200), COCO)[1]
    points = body.skeleton.skeleton
    assert body.skeleton.header == "header" and len(points) == 18
    for k, name in enumerate(COCO.keypoints):  # eyes and ears too: where their names say
        own = points[INDEX[name]]
        assert (own.x, own.y, own.c) == pytest.approx(((100 + k) / 200, (50 + k) / 200, 0.75))
    shoulders = [points[INDEX[side + "_shoulder"]] for side in ("left", "right")]
    assert points[INDEX["neck"]].x == pytest.approx(sum(p.x for p in shoulders) / 2)


@pytest.mark.parametrize("xy, image_wh, found", [((-0.5, -0.5), (17, 17), 17), ((-0.6, 0), (17, 17), 16)])
def test_the_image_goes_from_0_to_1_and_what_lies_outside_was_not_found(xy, image_wh, found):
    """Keypoint k is k px further; the image's corner is half a pixel from the centre of its first pixel."""
    (body,) = poses_to_hri(MESSAGES, people([CONFIRMED], xy), "h", image_wh, COCO)[1]
    without_neck = [point for k, point in enumerate(body.skeleton.skeleton) if k != INDEX["neck"]]
    assert sum(point.c > 0 for point in without_neck) == found
    assert all(0 <= point.x <= 1 and 0 <= point.y <= 1 for point in without_neck)
    assert all((point.x, point.y) == (0, 0) for point in without_neck if point.c == 0)


@pytest.mark.parametrize(
    "name, shared",
    [("hri18", 18), ("coco17", 18), ("wholebody133", 18), ("halpe26", 18), ("mpii16", 13), ("hand21", 0), ("ap10k", 0)],
)
def test_joints_that_are_shared_are_found_and_skeletons_without_any_have_no_bodies(name, shared):
    """MPII has no nose, eyes and ears; the neck of COCO is between the shoulders."""
    skeleton = SKELETONS[name]
    assert len(shared_joints(skeleton)) == shared
    count = skeleton.num_keypoints
    poses = make_poses(np.full((1, count, 2), 50), np.ones((1, count)), np.full((1, 4), 50), np.ones(1), np.array([7]))
    poses = poses.replace(state=np.array([CONFIRMED], np.uint8))
    ids, bodies = poses_to_hri(MESSAGES, poses, "header", (200, 100), skeleton)
    assert ids.ids == (["b7"] if shared else [])
    assert [sum(point.c > 0 for point in body.skeleton.skeleton) for body in bodies] == [shared] * bool(shared)


def test_the_box_is_cut_to_the_image():
    (body,) = poses_to_hri(MESSAGES, people([CONFIRMED]), "header", (200, 100), COCO)[1]
    roi = body.roi
    assert roi.header == "header"
    np.testing.assert_allclose([roi.xmin, roi.ymin, roi.xmax, roi.ymax, roi.c], [0, 0.2, 0.3, 1, 0.5], rtol=1e-6)


@pytest.mark.parametrize(
    "topic, camera",
    [
        ("/pose/keypoints", ""),
        ("/left/pose/keypoints", "left"),
        ("/robot1/camera/camera/pose/keypoints", "robot1_camera_camera"),
        ("/_hidden/pose/keypoints", "hidden"),
        ("/2nd/pose/keypoints", "2nd"),
        ("/people", "people"),  # remapped
        ("/mypose/keypoints", "mypose_keypoints"),
    ],
)
def test_the_name_of_a_camera_tells_ids_apart(topic, camera):
    assert camera_name(topic) == camera
    own = body_id(7, camera)
    assert own == ("b7_" + camera if camera else "b7")
    assert re.fullmatch("[A-Za-z](_?[A-Za-z0-9])*", own), "a valid part of a topic's name, and of a name in programs"
    ids, bodies = poses_to_hri(MESSAGES, people([CONFIRMED, CONFIRMED]), "h", (200, 200), COCO, camera)
    assert ids.ids == [body.id for body in bodies] == [body_id(3, camera), body_id(4, camera)]


@pytest.mark.parametrize(
    "joint, frame",
    [
        ("left_wrist", "l_wrist_b7"),
        ("R_Shoulder", "r_shoulder_b7"),
        ("RightAnkle", "r_ankle_b7"),
        ("nose", "nose_b7"),
        ("hip", "hip_b7"),
        ("left_eye", "left_eye_b7"),
        ("left_big_toe", "left_big_toe_b7"),
        ("Root of tail", "Root_of_tail_b7"),
        ("face-0", "face_0_b7"),
        ("body", "body_point_b7"),
    ],
)
def test_frames_of_joints(joint, frame):
    assert joint_frame(joint, "b7") == frame != body_frame("b7") == "body_b7"


@pytest.mark.parametrize("name", sorted(SKELETONS))
def test_frames_of_a_skeleton_differ(name):
    frames = {joint_frame(joint, "b7") for joint in SKELETONS[name].keypoints}
    assert len(frames | {body_frame("b7")}) == SKELETONS[name].num_keypoints + 1
