"""Test which topics hold for the time of publication, through the node and with a clock that the test sets."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS")

from rclpy.parameter import Parameter
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from pose_estimation_ros.nodes.camera.space import SpaceFinder
from pose_estimation_ros.nodes.conversions import array_to_image

SPEED, RATE_HZ, IMAGES, FIRST_S = 60.0, 10, 8, 50.0


@pytest.fixture
def walk(make_pose_node, blob, monkeypatch):
    """Return a function that plays a red spot, which moves to the right at 60 px/s, to a node.

    It returns the message of the last image's keypoints, and what was drawn of it. The node's clock is age_s ahead of
    the images' stamps, which are zero where age_s is None.
    """

    def walk(age_s, **parameters):
        node = make_pose_node(**parameters)
        results, sent, drawn = node.cameras[0].results, [], []
        monkeypatch.setattr(results.publishers["pose/keypoints"], "publish", sent.append)
        (overlay,) = (output for output in results.outputs if output.topic == "pose/image")
        monkeypatch.setattr(overlay, "publish", drawn.append)
        for i in range(IMAGES):
            image, now_s = np.zeros((128, 96, 3), np.uint8), FIRST_S + i / RATE_HZ
            blob(image, (20 + SPEED * i / RATE_HZ, 60), (0, 0, 255), 12.0)
            now = Time(seconds=now_s + (age_s or 0))
            monkeypatch.setattr(node, "get_clock", lambda now=now: SimpleNamespace(now=lambda: now))
            stamp = Time(seconds=0.0 if age_s is None else now_s).to_msg()
            node.cameras[0].inputs.on_image(array_to_image(image, Header(stamp=stamp, frame_id="camera")))
        return sent[-1], drawn[-1]

    return walk


@pytest.mark.parametrize(
    "age_s, ahead_s",
    [
        (0.0, 0.0),
        (0.1, 0.1),
        (2.0, 0.3),  # nobody goes straight on for longer
        (-0.1, 0.0),  # an image from the future
        (100.0, 0.0),  # another clock
        (None, 0.0),  # without a stamp
    ],
)
def test_keypoints_hold_for_the_time_of_publication_and_all_else_for_the_image(walk, age_s, ahead_s):
    sent, drawn = walk(age_s, smoothing=True, predict_to_now=True)
    moved = np.array([sent.persons[0].keypoints[0].x, sent.persons[0].box_xyxy[0], sent.persons[0].box_xyxy[2]])
    there = np.array([drawn.poses.xy[0, 0, 0], *drawn.poses.box_xyxy[0, [0, 2]]])
    assert moved - there == pytest.approx(SPEED * ahead_s, rel=0.15)
    later_ns = Time.from_msg(sent.header.stamp).nanoseconds - Time.from_msg(drawn.header.stamp).nanoseconds
    assert later_ns == pytest.approx(1e9 * ahead_s, abs=1000)
    assert sent.header.frame_id == "camera"
    if age_s:
        assert sent.timing.total_ms == pytest.approx(1e3 * age_s), "the age of the image, as ever"


@pytest.mark.parametrize("parameters", [{}, {"predict_to_now": True, "smoothing": False}])
def test_without_the_option_or_velocities_keypoints_stay_in_the_image(walk, parameters):
    sent, drawn = walk(0.1, **dict(dict(smoothing=True), **parameters))
    assert sent.persons[0].keypoints[0].x == drawn.poses.xy[0, 0, 0]


def test_the_option_may_change_while_the_node_runs(make_pose_node):
    node = make_pose_node()
    assert node.set_parameters([Parameter("predict_to_now", value=True)])[0].successful


def test_without_subscribers_keypoints_alone_are_made(make_pose_node, blob, monkeypatch):
    node = make_pose_node(position_without_depth="height")
    camera, sent, made = node.cameras[0], [], []
    monkeypatch.setattr(camera.results.publishers["pose/keypoints"], "publish", sent.append)
    monkeypatch.setattr(SpaceFinder, "find", lambda *_arguments: made.append("space"))
    for output in camera.results.outputs:
        monkeypatch.setattr(output, "message", lambda _result, output=output: made.append(output.topic))
    monkeypatch.setattr("pose_estimation_ros.nodes.camera.outputs.pictures.draw_poses", lambda *_: made.append("drawn"))
    info = CameraInfo(width=96, height=128, k=[90.0, 0, 47.5, 0, 90, 63.5, 0, 0, 1], distortion_model="plumb_bob")
    camera.inputs.on_camera_info(info)
    image = np.zeros((128, 96, 3), np.uint8)
    blob(image, (20, 60), (0, 0, 255), 12.0)
    camera.inputs.on_image(array_to_image(image, Header(stamp=Time(seconds=1).to_msg(), frame_id="camera")))
    assert len(sent[-1].persons) == 1 and camera.inputs.camera((96, 128)) and made == []


def test_a_failed_configuration_leaves_no_publisher(make_pose_node, monkeypatch):
    monkeypatch.setitem(sys.modules, "vision_msgs.msg", None)
    node = make_pose_node(vision=True, auto_activate=False)
    before = len(list(node.publishers))
    for _ in range(2):
        node.trigger_configure()
        assert node.cameras == [] and len(list(node.publishers)) == before
