import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS")

from builtin_interfaces.msg import Time
from pose_estimation_ros.msg import PersonArray
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Header

from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.core.poses import empty_poses, make_poses
from pose_estimation_ros.core.skeleton import SKELETONS
from pose_estimation_ros.nodes.conversions import (
    array_to_image,
    image_to_array,
    msg_to_poses,
    msg_to_skeleton,
    poses_to_msg,
    skeleton_to_msg,
    stamp_to_s,
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
    msg.encoding = "bgr16"
    with pytest.raises(FrameError, match="got 'bgr16'; others need cv_bridge, which is not installed") as caught:
        image_to_array(msg)
    assert caught.value.kind == "encoding"


def test_stamp():
    assert stamp_to_s(HEADER.stamp) == 12.5
