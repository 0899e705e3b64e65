import re
from types import SimpleNamespace

import numpy as np
import pytest
from plain_messages import message_class

from pose_estimation_ros.core.poses import CONFIRMED, LOST, NO_STATE, TENTATIVE, empty_poses, make_poses
from pose_estimation_ros.core.skeleton import SKELETONS
from pose_estimation_ros.messages.hri import (
    CLASSES,
    bodies,
    body_frame,
    body_id,
    body_ids,
    camera_name,
    cropped,
    joint_frame,
    regions,
    shared_joints,
    skeletons_2d,
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
    nobody = bodies(empty_poses(17), COCO)
    assert len(nobody) == 0 and body_ids(nobody, "left") == []
    assert skeletons_2d(MESSAGES, nobody, "header", (200, 100), COCO) == []
    assert regions(MESSAGES, nobody, "header", (200, 100)) == []
    assert cropped(np.zeros((100, 200, 3), np.uint8), nobody) == []


def test_classes():
    assert set(vars(MESSAGES)) == set(CLASSES)


def test_confirmed_people_alone():
    confirmed = bodies(people([TENTATIVE, CONFIRMED, LOST, NO_STATE]), COCO)
    assert body_ids(confirmed, "") == ["b4"]


def test_a_skeleton_by_its_constants():
    (skeleton,) = skeletons_2d(MESSAGES, people([CONFIRMED]), "header", (200, 200), COCO)
    points = skeleton.skeleton
    assert skeleton.header == "header" and len(points) == 18
    for k, name in enumerate(COCO.keypoints):  # eyes and ears too: where their names say
        own = points[INDEX[name]]
        assert (own.x, own.y, own.c) == pytest.approx(((100 + k) / 200, (50 + k) / 200, 0.75))
    shoulders = [points[INDEX[side + "_shoulder"]] for side in ("left", "right")]
    assert points[INDEX["neck"]].x == pytest.approx(sum(p.x for p in shoulders) / 2)


@pytest.mark.parametrize("xy, image_wh, found", [((-0.5, -0.5), (17, 17), 17), ((-0.6, 0), (17, 17), 16)])
def test_the_image_goes_from_0_to_1_and_what_lies_outside_was_not_found(xy, image_wh, found):
    """Keypoint k is k px further; the image's corner is half a pixel from the centre of its first pixel."""
    (skeleton,) = skeletons_2d(MESSAGES, people([CONFIRMED], xy), "h", image_wh, COCO)
    without_neck = [point for k, point in enumerate(skeleton.skeleton) if k != INDEX["neck"]]
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
    found = bodies(poses, skeleton)
    assert body_ids(found, "") == (["b7"] if shared else [])
    skeletons = skeletons_2d(MESSAGES, found, "header", (200, 100), skeleton)
    assert [sum(point.c > 0 for point in own.skeleton) for own in skeletons] == [shared] * bool(shared)


def test_the_box_is_cut_to_the_image():
    (roi,) = regions(MESSAGES, people([CONFIRMED]), "header", (200, 100))
    assert roi.header == "header"
    np.testing.assert_allclose([roi.xmin, roi.ymin, roi.xmax, roi.ymax, roi.c], [0, 0.2, 0.3, 1, 0.5], rtol=1e-6)


@pytest.mark.parametrize(
    "box_xyxy, columns, rows",
    [
        ((9.5, 19.5, 39.5, 59.5), (10, 40), (20, 60)),  # between pixels
        ((9.6, 19.6, 39.6, 59.6), (10, 41), (20, 61)),  # pixels that the box touches
        ((-50, -50, 500, 500), (0, 200), (0, 100)),  # larger than the image
        ((-50, 10.5, -10, 30.5), (0, 0), (11, 31)),  # on the left of the image
        ((250, 10.5, 300, 30.5), (200, 200), (11, 31)),
        ((np.nan, 10.5, 30.5, 30.5), (0, 31), (11, 31)),
    ],
)
def test_a_person_is_cut_out_at_the_border_of_the_image(box_xyxy, columns, rows):
    frame = np.arange(100 * 200 * 3, dtype=np.uint32).reshape(100, 200, 3)
    poses = people([CONFIRMED])
    poses = poses.replace(box_xyxy=np.array([box_xyxy], np.float32))
    (picture,) = cropped(frame, poses)
    np.testing.assert_array_equal(picture, frame[slice(*rows), slice(*columns)])


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
    assert body_ids(people([CONFIRMED, CONFIRMED]), camera) == [body_id(3, camera), body_id(4, camera)]


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
