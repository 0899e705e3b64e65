"""Our message classes without ROS, against ROS's own."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from pose_estimation_ros.core.poses import empty_poses, make_poses
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.evaluation.bag.files.message_types import (
    MESSAGE_NAMES,
    header,
    messages,
    serialized,
    typestore,
)
from pose_estimation_ros.messages.markers import MarkerMaker
from pose_estimation_ros.messages.poses import msg_to_poses, poses_to_msg, skeleton_to_msg

COCO = get_skeleton("coco17")


def poses(count):
    rng = np.random.default_rng(0)
    score = rng.uniform(0, 1, (count, 17)) * (rng.uniform(0, 1, (count, 17)) > 0.3)
    boxes = rng.uniform(0, 600, (count, 4))
    return make_poses(rng.uniform(0, 600, (count, 17, 2)), score, boxes, rng.uniform(0, 1, count), range(count))


def test_fields_that_are_not_given():
    own = messages()
    marker = own.Marker(ns="a")
    assert (marker.ns, marker.id, marker.text, marker.points, marker.frame_locked) == ("a", 0, "", [], False)
    assert marker.pose is not own.Marker().pose
    assert own.CameraInfo().k.tolist() == [0.0] * 9 and own.CameraInfo().d.dtype == np.float64
    stamp = header(1_500_000_002, "cam").stamp
    assert (stamp.sec, stamp.nanosec) == (1, 500_000_002)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_poses_round_trip(count):
    people = poses(count) if count else empty_poses(17)
    msg = poses_to_msg(messages(), people, header(5, "cam"), (640, 480), "coco17")
    back = typestore().deserialize_cdr(serialized(msg), msg.__msgtype__)
    for expected, actual in zip(people.fields().values(), msg_to_poses(back, 17).fields().values()):
        np.testing.assert_array_equal(expected, actual)


def test_hashes_are_those_of_ross_generator():
    """rosidl writes each type's hash beside the message that it installs."""
    folder = Path(sys.prefix, "share", "pose_estimation_ros", "msg")
    if not folder.is_dir():
        pytest.skip("needs the messages built by ROS in this environment")
    for name in MESSAGE_NAMES:
        hashes = {
            e["type_name"]: e["hash_string"] for e in json.loads((folder / f"{name}.json").read_text())["type_hashes"]
        }
        full = f"pose_estimation_ros/msg/{name}"
        assert typestore().hash_rihs01(full) == hashes[full]


def test_ros_reads_what_is_written():
    rclpy_serialization = pytest.importorskip("rclpy.serialization", reason="needs ROS")
    from pose_estimation_ros.msg import PersonArray, Skeleton
    from visualization_msgs.msg import MarkerArray

    from pose_estimation_ros.nodes import conversions

    people, stamp = poses(3), header(7_000_000_009, "cam")
    own = poses_to_msg(messages(), people, stamp, (640, 480), "coco17")
    read = rclpy_serialization.deserialize_message(serialized(own), PersonArray)
    assert read == conversions.poses_to_msg(people, read.header, (640, 480), "coco17")
    assert (read.header.stamp.sec, read.header.stamp.nanosec, read.header.frame_id) == (7, 9, "cam")
    skeleton = rclpy_serialization.deserialize_message(serialized(skeleton_to_msg(messages(), COCO)), Skeleton)
    assert skeleton == conversions.skeleton_to_msg(COCO)
    shown = MarkerMaker(messages(), COCO, 0.002, 0.5)(people, stamp, (640, 480))
    expected = conversions.MarkerMaker(COCO, 0.002, 0.5)(people, read.header, (640, 480))
    wires = (
        serialized(shown),
        rclpy_serialization.serialize_message(expected),
    )  # padding differs
    first, second = (rclpy_serialization.deserialize_message(wire, MarkerArray) for wire in wires)
    assert first == second and len(first.markers) == 9
