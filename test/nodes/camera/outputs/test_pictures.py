"""Test the overlay with stand-ins for publishers and for the clock."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS")

from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from pose_estimation_ros.core.poses import CONFIRMED, empty_poses, make_poses
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.imaging.compressed import decode_compressed
from pose_estimation_ros.nodes.camera.outputs import output as base
from pose_estimation_ros.nodes.camera.outputs import pictures
from pose_estimation_ros.nodes.camera.outputs.output import OutputContext, Result
from pose_estimation_ros.nodes.camera.outputs.pictures import OverlayOutput, RateLimit
from pose_estimation_ros.nodes.conversions import image_to_array

RAW, JPEG = "left/pose/image", "left/pose/image/compressed"
HEADER, FRAME = Header(frame_id="camera"), np.full((60, 80, 3), 128, np.uint8)
NOBODY = empty_poses(17)


class Publisher:
    """Keep what is published; nobody subscribes at first."""

    def __init__(self, kind):
        self.kind, self.messages, self.subscribers = kind, [], 0

    def publish(self, message):
        assert type(message) is self.kind
        self.messages.append(message)

    def get_subscription_count(self):
        return self.subscribers


@pytest.fixture
def overlay(monkeypatch):
    """Return an overlay whose ``made`` has its publishers, ``drawn`` a line for each drawing, ``clock.s`` the time."""
    made, drawn, clock = {}, [], SimpleNamespace(s=0.0)

    def advertise(_node, kind, topic, _qos):
        made[topic] = Publisher(kind)
        return made[topic]

    def draw(*arguments):
        drawn.append("drawn")
        return draw_poses(*arguments)

    draw_poses = pictures.draw_poses
    for module in (base, pictures):
        monkeypatch.setattr(module, "advertise", advertise)
    monkeypatch.setattr(pictures, "draw_poses", draw)
    monkeypatch.setattr(pictures, "time", SimpleNamespace(monotonic=lambda: clock.s))
    values = {"overlay": True, "overlay_rate_hz": 10.0, "overlay_quality": 80}
    output = OverlayOutput(OutputContext(None, "left/", get_skeleton("coco17"), values))
    output.made, output.drawn, output.clock, output.values = made, drawn, clock, values
    return output


def one_person():
    xy = np.random.RandomState(0).uniform(10, 50, (1, 17, 2))
    box = np.array([[5.0, 5.0, 55.0, 55.0]])
    poses = make_poses(xy, np.ones((1, 17)), box, np.ones(1), np.array([3]))
    return poses.replace(state=np.full(1, CONFIRMED, np.uint8))


@pytest.mark.parametrize(
    "subscribers, allowed, published, drawings",
    [
        ({}, True, [0, 0], 0),
        ({RAW: 1}, True, [1, 0], 1),
        ({JPEG: 2}, True, [0, 1], 1),
        ({RAW: 1, JPEG: 1}, True, [1, 1], 1),
        ({RAW: 1, JPEG: 1}, False, [0, 0], 0),
    ],
)
def test_an_image_is_drawn_once_for_those_who_subscribe(overlay, subscribers, allowed, published, drawings):
    overlay.values["overlay"] = allowed
    for topic, count in subscribers.items():
        overlay.made[topic].subscribers = count
    overlay.publish(Result(HEADER, FRAME, NOBODY, timing=None))
    assert [len(overlay.made[topic].messages) for topic in (RAW, JPEG)] == published
    assert len(overlay.drawn) == drawings


def test_both_show_the_same_people(overlay):
    for publisher in overlay.made.values():
        publisher.subscribers = 1
    overlay.publish(Result(HEADER, FRAME, one_person(), timing=None))
    (raw,), (jpeg,) = overlay.made[RAW].messages, overlay.made[JPEG].messages
    assert overlay.made[RAW].kind is Image and overlay.made[JPEG].kind is CompressedImage
    assert raw.header == jpeg.header == HEADER
    assert jpeg.format == "bgr8; jpeg compressed bgr8"  # as image_transport's plugin writes it
    drawn, decoded = image_to_array(raw).astype(int), decode_compressed(jpeg.format, jpeg.data).astype(int)
    assert np.abs(drawn - FRAME).max() > 50, "somebody is drawn"
    assert decoded.shape == drawn.shape and np.abs(decoded - drawn).mean() < 8


def test_the_quality_may_change_while_the_node_runs(overlay):
    overlay.made[JPEG].subscribers, sizes = 1, []
    frame = np.random.RandomState(0).randint(0, 256, (60, 80, 3)).astype(np.uint8)
    for overlay.clock.s, quality in enumerate((1, 50, 100)):
        overlay.values["overlay_quality"] = quality
        overlay.publish(Result(HEADER, frame, NOBODY, timing=None))
        sizes.append(len(overlay.made[JPEG].messages[-1].data))
        assert cv2.imdecode(np.frombuffer(overlay.made[JPEG].messages[-1].data, np.uint8), 1).shape == frame.shape
    assert sizes == sorted(sizes) and sizes[0] < sizes[1] < sizes[2]


def test_jpegs_are_limited_in_rate_and_raw_images_are_not(overlay):
    for publisher in overlay.made.values():
        publisher.subscribers = 1
    for image in range(90):
        overlay.clock.s = image / 30
        overlay.publish(Result(HEADER, FRAME, NOBODY, timing=None))
    assert [len(overlay.made[topic].messages) for topic in (RAW, JPEG)] == [90, 30]


@pytest.mark.parametrize(
    "rate_hz, camera_hz, expected_hz",
    [(0, 30, 30), (10, 30, 10), (10, 12, 10), (10, 25, 10), (10, 10, 10), (10, 7, 7), (0.5, 30, 0.5), (1000, 30, 30)],
)
def test_the_mean_rate_is_kept_whatever_the_camera_s(rate_hz, camera_hz, expected_hz):
    limit, jitter = RateLimit(), np.random.RandomState(0).uniform(-0.2, 0.2, 100 * camera_hz)
    passed = sum(limit.passes((i + jitter[i]) / camera_hz, rate_hz) for i in range(100 * camera_hz))
    assert passed == pytest.approx(100 * expected_hz, rel=0.06, abs=1)
    assert passed <= 100 * (rate_hz or camera_hz) + 1


def test_no_burst_follows_a_pause_and_a_changed_rate_holds_at_once():
    limit = RateLimit()
    assert limit.passes(0.0, 10.0)
    assert [limit.passes(60 + i / 100, 10.0) for i in range(12)] == [True] + [False] * 9 + [True, False]
    assert not limit.passes(62.0, 0.01) and limit.passes(62.0, 10.0), "a slow rate is no debt"
