import os

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS")

from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image

from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.nodes.conversions import image_to_array
from pose_estimation_ros.nodes.video_node import VideoNode


@pytest.fixture
def folder(tmp_path):
    """Three images, 8 x 6 px, of grey 0, 50, 100."""
    for index in range(3):
        cv2.imwrite(str(tmp_path / ("%d.png" % index)), np.full((6, 8, 3), 50 * index, np.uint8))
    return str(tmp_path)


@pytest.fixture
def play(kept, make_node, wait_until):
    """A function that plays a source until a number of images came or the node has finished; returns (node, images)."""

    def play(count=10**9, **parameters):
        listener, images = kept(Node("listener")), []
        listener.create_subscription(Image, "image", images.append, QoSProfile(depth=100))
        values = dict(dict(rate_hz=50.0, wait_for_subscribers=1), **parameters)
        node = make_node(VideoNode, **values)
        wait_until(lambda: len(images) >= count or node.finished.done(), node, listener)
        return node, images

    return play


def test_once(play, folder):
    node, images = play(source=folder, loop=False, frame_id="left")
    assert node.finished.done()
    assert [int(image_to_array(msg).mean()) for msg in images] == [0, 50, 100]
    assert {msg.header.frame_id for msg in images} == {"left"}
    stamps = [(msg.header.stamp.sec, msg.header.stamp.nanosec) for msg in images]
    assert stamps == sorted(set(stamps)) and stamps[0][0] > 0


def test_in_a_loop(play, folder):
    node, images = play(count=7, source=folder)
    assert [int(image_to_array(msg).mean()) for msg in images[:7]] == [0, 50, 100, 0, 50, 100, 0]
    assert not node.finished.done()


def test_resized(play, folder):
    _node, images = play(source=folder, loop=False, width=4, height=2)
    assert [(msg.width, msg.height, len(msg.data)) for msg in images] == [(4, 2, 24)] * 3


@pytest.mark.parametrize(
    "error, words, parameters",
    [
        (ConfigError, "got nothing", dict(source="")),
        (ConfigError, "both width and height", dict(source="x", width=4)),
        (ConfigError, "unknown parameter 'sauce'; did you mean 'source'", dict(sauce="x")),
        (DataError, "nowhere.mp4", dict(source="nowhere.mp4")),
        (DataError, "cannot open", dict(source=os.path.abspath(__file__))),
    ],
)
def test_what_cannot_be_played(make_node, error, words, parameters):
    with pytest.raises(error, match=words):
        make_node(VideoNode, **parameters)
