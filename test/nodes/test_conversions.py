import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS")

from builtin_interfaces.msg import Time
from pose_estimation_ros.msg import Person, Person3DArray, PersonArray
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CameraInfo, Image, RegionOfInterest
from std_msgs.msg import Header

from pose_estimation_ros.core import poses as states
from pose_estimation_ros.core.depth import SURFACE_M, Joints, joints_in_space
from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.core.poses import empty_poses, make_poses
from pose_estimation_ros.core.skeleton import SKELETONS
from pose_estimation_ros.messages.poses import camera_from_info, msg_to_joints, msg_to_poses, stamp_to_s
from pose_estimation_ros.nodes.conversions import (
    array_to_image,
    depth_to_array,
    image_to_array,
    joints_to_msg,
    msg_to_skeleton,
    poses_to_msg,
    skeleton_to_msg,
)

HEADER = Header(stamp=Time(sec=12, nanosec=500000000), frame_id="camera_3")


def random_poses(count, keypoints=17):
    rng = np.random.RandomState(0)
    xy = rng.uniform(-50, 700, (count, keypoints, 2))
    score, boxes = rng.uniform(0, 1, (count, keypoints)), rng.uniform(0, 600, (count, 4))
    poses = make_poses(xy, score, boxes, rng.uniform(0, 1, count), np.arange(count) * 7 - 1)
    velocity = rng.uniform(-90, 90, (count, keypoints, 2)).astype(np.float32)
    return poses._replace(state=np.arange(count, dtype=np.uint8) % 4, velocity=velocity)


@pytest.mark.parametrize("count, keypoints", [(0, 17), (1, 17), (3, 14)])
def test_poses_round_trip_over_the_wire(count, keypoints):
    poses = random_poses(count, keypoints) if count else empty_poses(keypoints)
    msg = poses_to_msg(poses, HEADER, (640, 480), "coco17")
    back = deserialize_message(serialize_message(msg), PersonArray)
    assert (back.header, back.skeleton, back.image_width, back.image_height) == (HEADER, "coco17", 640, 480)
    for expected, actual in zip(poses, msg_to_poses(back, keypoints)):
        assert expected.dtype == actual.dtype
        np.testing.assert_array_equal(expected, actual)


def test_a_person_with_other_keypoints_is_refused():
    msg = poses_to_msg(random_poses(2, 14), HEADER, (640, 480), "crowdpose14")
    with pytest.raises(FrameError, match="expected 17 keypoints per person, got .14."):
        msg_to_poses(msg, 17)


@pytest.mark.parametrize("name", ["NO_STATE", "TENTATIVE", "CONFIRMED", "LOST"])
def test_states_have_the_messages_numbers(name):
    assert getattr(Person, name) == getattr(states, name)


def test_the_lost_have_a_box_and_no_keypoints():
    found = random_poses(1)
    lost = random_poses(1)._replace(score=np.zeros((1, 17), np.float32), state=np.array([states.LOST], np.uint8))
    first, second = poses_to_msg(states.joined(found, lost), HEADER, (640, 480), "coco17").persons
    assert (first.state, second.state) == (Person.NO_STATE, Person.LOST)
    assert [k.score for k in second.keypoints] == [0.0] * 17
    assert second.box_xyxy.tolist() == lost.box_xyxy[0].tolist()


def random_joints(count):
    """A third of them not valid."""
    rng = np.random.RandomState(1)
    valid = rng.uniform(0, 1, (count, 17)) > 0.3
    position = np.where(valid[..., None], rng.uniform(-2, 5, (count, 17, 3)), np.nan)
    covariance = np.where(valid[..., None, None], rng.uniform(0, 1, (count, 17, 3, 3)), np.nan)
    return Joints(position.astype(np.float32), covariance.astype(np.float32), valid)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_joints_round_trip_over_the_wire(count):
    poses, joints = random_poses(count), random_joints(count)
    msg = joints_to_msg(poses, joints, HEADER, "coco17")
    back = deserialize_message(serialize_message(msg), Person3DArray)
    assert (back.header, back.skeleton) == (HEADER, "coco17")
    for expected, actual in zip(joints, msg_to_joints(back, 17)):
        assert expected.dtype == actual.dtype
        np.testing.assert_array_equal(expected, actual)
    for person, own in enumerate(back.persons):
        assert (own.track_id, own.state) == (poses.track_id[person], poses.state[person])
        assert own.score == poses.person_score[person]
        assert [k.score for k in own.keypoints] == poses.score[person].tolist()


def test_covariance_is_row_by_row():
    joints = Joints(np.zeros((1, 17, 3)), np.tile(np.arange(9.0).reshape(3, 3), (1, 17, 1, 1)), np.ones((1, 17), bool))
    msg = joints_to_msg(random_poses(1), joints._replace(covariance=joints.covariance.astype("f4")), HEADER, "coco17")
    assert msg.persons[0].keypoints[16].covariance.tolist() == list(range(9))


def info(**fields):
    k = [500.0, 0.0, 320.0, 0.0, 510.0, 240.0, 0.0, 0.0, 1.0]
    p = [450.0, 0.0, 300.0, 0.0, 0.0, 450.0, 230.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    d = [0.1, -0.2, 0.0, 0.0, 0.0]
    return CameraInfo(**dict(dict(k=k, p=p, d=d, width=640, height=480, distortion_model="plumb_bob"), **fields))


@pytest.mark.parametrize(
    "fields, rectified, matrix, size_wh",
    [
        (dict(), False, (500, 510, 320, 240), (640, 480)),
        (dict(binning_x=2, binning_y=2), False, (250, 255, 160, 120), (320, 240)),
        (
            dict(roi=RegionOfInterest(x_offset=100, y_offset=40, width=200, height=300)),
            False,
            (500, 510, 220, 200),
            (200, 300),
        ),
        (dict(), True, (450, 450, 300, 230), (640, 480)),
    ],
)
def test_a_camera_from_its_info(fields, rectified, matrix, size_wh):
    camera = camera_from_info(info(**fields), rectified)
    own = camera.matrix
    assert (own[0, 0], own[1, 1], own[0, 2], own[1, 2]) == matrix
    assert camera.size_wh == size_wh
    assert camera.lens.coefficients[:2] == ((0.0, 0.0) if rectified else (0.1, -0.2))


@pytest.mark.parametrize("fields", [dict(k=[0.0] * 9), dict(width=0), dict(distortion_model="mei")])
def test_an_info_that_does_not_calibrate(fields):
    with pytest.raises(FrameError) as caught:
        camera_from_info(info(**fields))
    assert caught.value.kind == "camera_info"


def test_depth_as_realsense_sends_it():
    """Millimetres in 16UC1, is_bigendian 0, no padding: a person 2.5 m away."""
    data = np.full((480, 640), 2500, "<u2").tobytes()
    msg = Image(height=480, width=640, encoding="16UC1", is_bigendian=0, step=1280, data=data)
    depth, encoding = depth_to_array(msg)
    assert (depth.shape, depth.dtype, encoding) == ((480, 640), np.uint16, "16UC1")
    poses = make_poses(np.full((1, 17, 2), 320), np.ones((1, 17)), np.array([[280, 100, 360, 380]]), np.ones(1))
    joints = joints_in_space(poses, depth, encoding, camera_from_info(info(d=[])), SKELETONS["coco17"])
    assert joints.valid.all()
    flesh_m = joints.position[0, :, 2] - 2.5
    assert (flesh_m > 0).all() and (flesh_m <= max(SURFACE_M.values())).all()


@pytest.mark.parametrize("name", sorted(SKELETONS))
def test_skeleton_round_trip(name):
    skeleton = SKELETONS[name]
    msg = skeleton_to_msg(skeleton)
    back = msg_to_skeleton(msg)
    assert back._replace(sigmas=skeleton.sigmas) == skeleton
    np.testing.assert_allclose(back.sigmas, skeleton.sigmas, rtol=1e-6)
    assert list(zip(msg.flip_pairs[::2], msg.flip_pairs[1::2])) == list(skeleton.flip_pairs)


@pytest.mark.parametrize("shape", [(1, 1, 3), (480, 640, 3)])
def test_image_round_trip(shape):
    frame = np.random.RandomState(0).randint(0, 256, shape).astype(np.uint8)
    msg = array_to_image(frame[:, ::-1], HEADER)
    assert msg.header == HEADER and msg.step * msg.height == len(msg.data)
    np.testing.assert_array_equal(image_to_array(msg), frame[:, ::-1])


def test_a_rare_encoding_without_cv_bridge(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cv_bridge", None)
    msg = array_to_image(np.zeros((2, 2, 3), np.uint8), HEADER)
    msg.encoding = "bgr32"
    with pytest.raises(FrameError, match="got 'bgr32'; others need cv_bridge, which is not installed") as caught:
        image_to_array(msg)
    assert caught.value.kind == "encoding"


def test_stamp():
    assert stamp_to_s(HEADER.stamp) == 12.5
