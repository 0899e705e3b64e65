"""Check that the bag evaluation gives the same results as the live node when it drops nothing."""

import pytest

pytest.importorskip("rclpy", reason="needs ROS")
pytest.importorskip("rosbags", reason="reads bags")

from pose_estimation_ros.msg import PersonArray
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Image

from pose_estimation_ros.__main__ import main
from pose_estimation_ros.evaluation.bag.files.message_types import serialized
from pose_estimation_ros.evaluation.bag.files.reader import Bag
from pose_estimation_ros.nodes.pose_node import PoseNode


@pytest.fixture
def bag(tmp_path, walking_clip):
    """Return a bag of eight frames in which a dot walks over the image."""
    assert main(["make-bag", str(walking_clip(frames=8, step_px=3)), "--out", str(tmp_path / "bag")]) == 0
    return tmp_path / "bag"


def evaluated(bag, out, model):
    options = ["--no-video", "-p", "detector:=full_frame", "-p", "threads:=1"]
    assert main(["evaluate-bag", str(bag), "--model", model, "--out", str(out), *options]) == 0
    with Bag(out / "bag" / "color_model" / "pose_bag") as made:
        return [deserialize_message(serialized(entry.message), PersonArray) for entry in made.read("/pose/keypoints")]


def test_the_live_node_publishes_the_same(bag, tmp_path, color_model, kept, make_node, wait_until):
    expected = evaluated(bag, tmp_path / "out", color_model)
    node = make_node(PoseNode, model=color_model, detector="full_frame", threads=1, qos="reliable")
    peer = kept(Node("peer"))
    images, answers = peer.create_publisher(Image, "image", QoSProfile(depth=10)), []
    peer.create_subscription(PersonArray, "pose/keypoints", answers.append, QoSProfile(depth=10))
    wait_until(
        lambda: images.get_subscription_count() == 1 and peer.count_publishers("pose/keypoints") == 1, node, peer
    )
    with Bag(bag) as recording:
        for frame in recording.read("/camera/image_raw"):
            images.publish(deserialize_message(serialized(frame.message), Image))
            wait_until(lambda: len(answers) == frame.index + 1, node, peer)  # noqa: B023
    for offline, live in zip(expected, answers):
        assert (offline.header, offline.persons, offline.skeleton) == (live.header, live.persons, live.skeleton)
    assert len(expected) == len(answers) == 8 and expected[7].persons[0].track_id == 1
