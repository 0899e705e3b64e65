import os
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS")

from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo, Image

from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.imaging.video import Source, VideoWriter
from pose_estimation_ros.nodes import video_node
from pose_estimation_ros.nodes.conversions import image_to_array
from pose_estimation_ros.nodes.video_node import VideoNode

CALIBRATION = """
image_width: 8
image_height: 6
camera_name: tiny
camera_matrix: {rows: 3, cols: 3, data: [9, 0, 3.5, 0, 9, 2.5, 0, 0, 1]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [0.1, 0, 0, 0, 0]}
rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}
projection_matrix: {rows: 3, cols: 4, data: [9, 0, 3.5, 0, 0, 9, 2.5, 0, 0, 0, 1, 0]}
"""


@pytest.fixture
def folder(tmp_path):
    """Return a folder of three images, 8 x 6 px, of grey 0, 50, 100."""
    for index in range(3):
        cv2.imwrite(str(tmp_path / ("%d.png" % index)), np.full((6, 8, 3), 50 * index, np.uint8))
    return str(tmp_path)


@pytest.fixture
def play(kept, make_node, wait_until):
    """Return a function that plays a source until enough images came or it ended, and returns (node, images)."""

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
    assert node.count_publishers("/camera_info") == 0, "there is no calibration"
    stamps = [(msg.header.stamp.sec, msg.header.stamp.nanosec) for msg in images]
    assert stamps == sorted(set(stamps)) and stamps[0][0] > 0


def test_in_a_loop(play, folder):
    node, images = play(count=7, source=folder)
    assert [int(image_to_array(msg).mean()) for msg in images[:7]] == [0, 50, 100, 0, 50, 100, 0]
    assert not node.finished.done()


class Paced:
    """Stand in for the clock and the timer of a node; time advances by the pauses of the timer."""

    def __init__(self):
        self.now_ns, self.timer_period_ns = 10**9, 0

    def now(self):
        return Time(nanoseconds=self.now_ns)

    def reset(self):
        self.now_ns += self.timer_period_ns


@pytest.mark.parametrize(
    "parameters, times_ms",
    [
        (dict(loop=False), [0, 20, 170, 200]),
        (dict(loop=True), [0, 20, 170, 200, 300, 320, 470, 500, 600]),
        (dict(loop=True, rate_hz=5.0), [0] * 6),  # the timer stays as it is
    ],
)
def test_a_video_keeps_its_own_times(make_node, tmp_path, monkeypatch, parameters, times_ms):
    writer = VideoWriter(str(tmp_path / "clip.mp4"), 10)
    for index in range(4):
        writer.write(np.full((48, 64, 3), 50 * index, np.uint8))
    writer.close()
    monkeypatch.setattr(Source, "_container_times_s", lambda self, capture: iter([0, 0.02, 0.17, 0.2]))
    node = make_node(VideoNode, source=str(tmp_path / "clip.mp4"), **parameters)
    paced, stamps = Paced(), []
    node.timer.cancel()
    monkeypatch.setattr(node, "timer", paced)
    monkeypatch.setattr(node, "get_clock", lambda: paced)
    monkeypatch.setattr(node, "publisher", SimpleNamespace(publish=lambda msg: stamps.append(msg.header.stamp)))
    for _ in times_ms:
        node.publish_next()
    assert [round(1e3 * (stamp.sec - 1) + 1e-6 * stamp.nanosec) for stamp in stamps] == times_ms


@pytest.mark.parametrize(
    "kind, rate_hz, period_s", [("camera", 0.0, 0.05), ("camera", 5.0, 0.2), ("video", 0.0, 0.1), ("video", 5.0, 0.2)]
)
def test_images_of_a_camera_do_not_wait_in_its_driver(make_node, monkeypatch, kind, rate_hz, period_s):
    source = Source(kind, "0")
    source.fps = 10.0
    monkeypatch.setattr(video_node, "open_source", lambda name: source)
    node = make_node(VideoNode, rate_hz=rate_hz)
    assert node.timer.timer_period_ns == pytest.approx(1e9 * period_s)


@pytest.mark.parametrize("loop", [True, False])
def test_a_bad_image_of_a_folder_is_left_out(play, folder, loop):
    open(os.path.join(folder, "0.png"), "w").close()
    _node, images = play(count=4 if loop else 10**9, source=folder, loop=loop, rate_hz=0.0)
    levels = [int(image_to_array(msg).mean()) for msg in images]
    assert levels[:4] == ([50, 100, 50, 100] if loop else [50, 100])


def test_resized(play, folder):
    _node, images = play(source=folder, loop=False, width=4, height=2)
    assert [(msg.width, msg.height, len(msg.data)) for msg in images] == [(4, 2, 24)] * 3


@pytest.fixture
def calibration(tmp_path):
    """Write the calibration of an 8 x 6 px camera, as camera_calibration has it; return its path."""
    (tmp_path / "calibration").mkdir()
    path = tmp_path / "calibration" / "my camera.yaml"
    path.write_text(CALIBRATION)
    return path


@pytest.mark.parametrize("prefix", ["file://", ""])
def test_camera_info_belongs_to_the_image(kept, make_node, wait_until, folder, calibration, prefix):
    listener, images, infos = kept(Node("listener")), [], []
    listener.create_subscription(Image, "image", images.append, QoSProfile(depth=100))
    listener.create_subscription(CameraInfo, "camera_info", infos.append, QoSProfile(depth=100))
    url = prefix + str(calibration).replace(" ", "%20" if prefix else " ")
    node = make_node(VideoNode, source=folder, rate_hz=50.0, wait_for_subscribers=1, camera_info_url=url)
    wait_until(lambda: len(images) >= 3 and len(infos) >= 3, node, listener)
    headers = [(msg.header.stamp.sec, msg.header.stamp.nanosec, msg.header.frame_id) for msg in images]
    assert {(i.header.stamp.sec, i.header.stamp.nanosec, i.header.frame_id) for i in infos[:3]} <= set(headers)
    assert (infos[0].width, infos[0].height, infos[0].distortion_model) == (8, 6, "plumb_bob")
    assert list(infos[0].k) == [9, 0, 3.5, 0, 9, 2.5, 0, 0, 1] and list(infos[0].d) == [0.1, 0, 0, 0, 0]


def test_images_of_another_size_have_no_calibration(play, folder, calibration, capfd):
    node, images = play(source=folder, loop=False, width=4, height=3, camera_info_url="file://%s" % calibration)
    words = "no camera_info: expected images of 8 x 6 px, as calibrated, got 4 x 3"
    assert len(images) == 3 and capfd.readouterr().err.count(words) == 1


@pytest.mark.parametrize(
    "error, words, parameters",
    [
        (ConfigError, "three slashes", dict(camera_info_url="file://a.yaml")),
        (ConfigError, "got http://a.yaml", dict(camera_info_url="http://a.yaml")),
        (
            ConfigError,
            "expected the package of .* not installed: sudo apt",
            dict(camera_info_url="package://no_such/a"),
        ),
        (DataError, "calibration /no.yaml: expected a YAML file, got", dict(camera_info_url="file:///no.yaml")),
        (ConfigError, "got nothing", dict(source="")),
        (ConfigError, "both width and height", dict(source="x", width=4)),
        (ConfigError, "unknown parameter 'sorce'; did you mean 'source'", dict(sorce="x")),
        (DataError, "nowhere.mp4", dict(source="nowhere.mp4")),
        (DataError, "cannot open the camera 98", dict(source="98")),
        (DataError, "cannot open the camera 98", dict(source=98)),
        (ConfigError, "^expected source to be a text, got 1.5", dict(source=1.5)),
        (ConfigError, "^expected source to be a text, got True", dict(source=True)),
        (DataError, "cannot open", dict(source=os.path.abspath(__file__))),
    ],
)
def test_what_cannot_be_played(make_node, error, words, parameters):
    with pytest.raises(error, match=words):
        make_node(VideoNode, **parameters)
