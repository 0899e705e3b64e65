"""Test the node in this process, with a publisher in this process and the tiny colour model of conftest."""

import json
import math
import sys

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS")

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus
from pose_estimation_ros.msg import PersonArray, Skeleton
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

from pose_estimation_ros.core.errors import ConfigError, ModelError
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.nodes.conversions import array_to_image, msg_to_skeleton
from pose_estimation_ros.nodes.qos import LATCHED


@pytest.fixture
def node(make_pose_node):
    return make_pose_node()


class Peer(Node):
    """Publish images and keep what the pose node publishes."""

    def __init__(self):
        super().__init__("peer")
        self.images = self.create_publisher(Image, "image", QoSProfile(depth=10))
        self.received = {}
        self.listen(PersonArray, "pose/keypoints", QoSProfile(depth=10))

    def listen(self, kind, topic, qos):
        self.received[topic] = []
        return self.create_subscription(kind, topic, self.received[topic].append, qos)

    @property
    def arrays(self):
        return self.received["pose/keypoints"]


@pytest.fixture
def peer(kept, node, wait_until):
    peer = kept(Peer())
    wait_until(lambda: peer.images.get_subscription_count() == 1, node, peer)
    wait_until(lambda: peer.count_publishers("pose/keypoints") == 1, node, peer)
    return peer


@pytest.fixture
def frame(blob):
    """Return red at (30, 40), green at (60, 80) and blue at (70, 20) on black, 96 x 128 px as the model's input."""
    frame = np.zeros((128, 96, 3), np.uint8)
    for xy, color in (((30, 40), (0, 0, 255)), ((60, 80), (0, 255, 0)), ((70, 20), (255, 0, 0))):
        blob(frame, xy, color, 12.0)
    return frame


def header(sec=100, nanosec=7):
    return Header(stamp=Time(sec=sec, nanosec=nanosec), frame_id="camera_3")


@pytest.fixture
def ask(node, peer, wait_until):
    """Return a function that publishes an image and returns the array that answers it."""

    def ask(msg):
        before = len(peer.arrays)
        peer.images.publish(msg)
        wait_until(lambda: len(peer.arrays) > before, node, peer)
        return peer.arrays[-1]

    return ask


def test_nobody_is_an_empty_array(ask):
    answer = ask(array_to_image(np.zeros((128, 96, 3), np.uint8), header()))
    assert list(answer.persons) == []
    assert (answer.header, answer.skeleton) == (header(), "coco17")


def test_a_person(ask, frame):
    answer = ask(array_to_image(frame, header()))
    assert (answer.header, answer.image_width, answer.image_height) == (header(), 96, 128)
    (person,) = answer.persons
    assert person.track_id == 1 and 0.9 < person.score <= 1 and len(person.keypoints) == 17
    assert list(person.box_xyxy) == [0, 0, 96, 128]
    for keypoint, xy in zip(person.keypoints[:3], ((30, 40), (60, 80), (70, 20))):
        assert math.hypot(keypoint.x - xy[0], keypoint.y - xy[1]) < 8, "within a pixel of the heatmap, which is 10 px"
        assert keypoint.score > 0.9


def test_timing(ask, node, frame):
    captured = node.get_clock().now()
    timing = ask(array_to_image(frame, Header(stamp=captured.to_msg()))).timing
    parts = timing.preprocess_ms + timing.inference_ms + timing.postprocess_ms
    assert min(timing.preprocess_ms, timing.inference_ms, timing.postprocess_ms) > 0
    assert timing.capture_to_receive_ms >= 0
    assert timing.total_ms >= (timing.capture_to_receive_ms + parts) * 0.999


def test_no_stamp_no_latency(ask, frame):
    timing = ask(array_to_image(frame, header(0, 0))).timing
    assert math.isnan(timing.capture_to_receive_ms) and math.isnan(timing.total_ms) and timing.inference_ms > 0


@pytest.mark.parametrize("stamps", [(0, 0, 0), (5, 5, 5), (9, 8, 7), (1000, 3, 4)], ids=str)
def test_stamps_that_stand_still_or_go_back(ask, frame, stamps):
    for sec in stamps:
        answer = ask(array_to_image(frame, header(sec, 0)))
        assert answer.header == header(sec, 0) and len(answer.persons) == 1
        assert np.isfinite([[k.x, k.y, k.score] for k in answer.persons[0].keypoints]).all()


def bad_images(node):
    """Return the number of images that could not be used, by kind."""
    return node.cameras[0].inputs.statistics.summary(0.0).bad_total


def test_a_bad_image_is_dropped_counted_and_the_next_one_answered(node, peer, ask, frame, wait_until):
    good = array_to_image(frame, header())
    for changes in (dict(encoding="nonsense"), dict(height=0), dict(step=1), dict(data=good.data[:-1]), dict(step=300)):
        bad = array_to_image(frame, header())
        for field, value in changes.items():
            setattr(bad, field, value)
        dropped = sum(bad_images(node).values())
        peer.images.publish(bad)
        wait_until(lambda: sum(bad_images(node).values()) > dropped, node, peer)  # noqa: B023
    assert bad_images(node) == dict(encoding=1, size=1, step=1, data=2)
    assert peer.arrays == []
    assert ask(good).header == header()


def test_the_skeleton_reaches_late_subscribers(node, peer, wait_until):
    peer.listen(Skeleton, "pose/skeleton_info", LATCHED)
    wait_until(lambda: peer.received["pose/skeleton_info"], node, peer)
    (msg,) = peer.received["pose/skeleton_info"]
    assert msg_to_skeleton(msg).keypoints == get_skeleton("coco17").keypoints


def test_markers_and_overlay_only_while_somebody_listens(node, peer, ask, frame, wait_until, monkeypatch):
    made, publishers = [], node.cameras[0].results.publishers
    monkeypatch.setattr(publishers["pose/markers"], "publish", lambda msg: made.append("markers"))
    monkeypatch.setattr(publishers["pose/image"], "publish", lambda msg: made.append("image"))
    ask(array_to_image(frame, header()))
    assert made == []
    listening = peer.listen(MarkerArray, "pose/markers", QoSProfile(depth=10))
    wait_until(lambda: publishers["pose/markers"].get_subscription_count() == 1, node, peer)
    ask(array_to_image(frame, header()))
    wait_until(lambda: made == ["markers"], node, peer)
    peer.destroy_subscription(listening)
    peer.listen(Image, "pose/image", QoSProfile(depth=10))
    wait_until(lambda: publishers["pose/markers"].get_subscription_count() == 0, node, peer)
    wait_until(lambda: publishers["pose/image"].get_subscription_count() == 1, node, peer)
    ask(array_to_image(frame, header()))
    wait_until(lambda: made == ["markers", "image"], node, peer)


def test_overlay_and_markers_have_the_stamp_of_the_image(node, peer, ask, frame, wait_until):
    peer.listen(MarkerArray, "pose/markers", QoSProfile(depth=10))
    peer.listen(Image, "pose/image", QoSProfile(depth=10))
    publishers = node.cameras[0].results.publishers
    for topic in ("pose/markers", "pose/image"):
        wait_until(publishers[topic].get_subscription_count, node, peer)
    ask(array_to_image(frame, header()))
    wait_until(lambda: peer.received["pose/markers"] and peer.received["pose/image"], node, peer)
    assert {marker.header.stamp.sec for marker in peer.received["pose/markers"][0].markers} == {100}
    overlay = peer.received["pose/image"][0]
    assert overlay.header == header() and (overlay.width, overlay.height) == (96, 128)
    assert bytes(overlay.data) != frame.tobytes()


def warnings(capfd, words):
    """Count the warnings with these words since the last call."""
    return len([line for line in capfd.readouterr().err.splitlines() if "[WARN]" in line and words in line])


def test_without_its_engine_it_serves_all_the_same_and_logs_it_once(
    make_pose_node, frame, monkeypatch, capfd, tmp_path
):
    monkeypatch.setattr("pose_estimation_ros.inference.backends.find.model_folders", lambda: [str(tmp_path)])
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    node, sent = make_pose_node(model="color_model.engine"), []
    monkeypatch.setattr(node.cameras[0].results.publishers["pose/keypoints"], "publish", sent.append)
    for sec in range(3):
        node.cameras[0].inputs.on_image(array_to_image(frame, header(sec)))
    assert [len(people.persons) for people in sent] == [1, 1, 1]
    assert warnings(capfd, "on the CPU instead of the configured device: expected TensorRT's Python module") == 1


def test_a_cuda_error_in_flight_costs_no_image_and_is_logged_once(
    make_pose_node, gpu, color_model, save_engine, frame, monkeypatch, capfd
):
    cudart, _ = gpu()
    node, sent = make_pose_node(model=save_engine(color_model)), []
    monkeypatch.setattr(node.cameras[0].results.publishers["pose/keypoints"], "publish", sent.append)
    node.cameras[0].inputs.on_image(array_to_image(frame, header(9, 0)))
    assert warnings(capfd, "") == 0
    cudart.failing["cudaEventSynchronize"] = 700
    for number in (1, 2):
        node.cameras[0].inputs.on_image(array_to_image(frame, header(9, number * 10**8)))
        node.tick()
    assert [[person.track_id for person in people.persons] for people in sent] == [[1], [1], [1]]
    assert warnings(capfd, "cudaEventSynchronize: an illegal memory access was encountered (CUDA error 700)") == 1


def _corrupt(path):
    with open(path, "r+b") as file:
        file.write(b"rubbish")


def _respec(path, **changes):
    spec = path.replace(".onnx", ".json")
    with open(spec) as file:
        fields = dict(json.load(file), **changes)
    with open(spec, "w") as file:
        json.dump(fields, file)


@pytest.mark.parametrize(
    "spoil, words",
    [
        (_corrupt, "expected an ONNX model, got a file that is not one"),
        (lambda path: _respec(path, skeleton="crowdpose14", flip_pairs=None), "expected .*14.* got .*17"),
        (lambda path: _respec(path, input_size_wh=[192, 256]), "expected .*256, 192.* got .*64, 48"),
        (lambda path: _respec(path, task="person_detector", decoder="boxes"), "top_down"),
    ],
)
def test_a_bad_model_ends_the_start(make_pose_node, color_model, spoil, words):
    spoil(color_model)
    with pytest.raises(ModelError, match=words):
        make_pose_node()


def test_a_missing_model_or_a_bad_parameter_ends_the_start(make_pose_node):
    with pytest.raises(ModelError, match="nowhere.onnx"):
        make_pose_node(model="nowhere.onnx")
    with pytest.raises(ConfigError, match="unknown parameter 'modle'; did you mean 'model'"):
        make_pose_node(modle="x")


@pytest.mark.parametrize(
    "bias, people, level",
    [
        (np.full(17, np.nan), 0, DiagnosticStatus.ERROR),
        (np.full(17, np.inf), 0, DiagnosticStatus.ERROR),
        (np.where(np.arange(17) == 5, np.inf, 0), 1, DiagnosticStatus.WARN),
    ],
)
def test_a_network_whose_numbers_overflow(make_pose_node, broken_model, frame, capfd, bias, people, level):
    node, sent, shown = make_pose_node(model=broken_model(bias)), [], []
    publishers = node.cameras[0].results.publishers
    for publisher in (publishers["pose/image"], publishers["pose/markers"]):
        publisher.get_subscription_count = lambda: 1  # as if somebody watched
        publisher.publish = shown.append
    publishers["pose/keypoints"].publish = sent.append
    node.diagnostics_publisher.publish = sent.append
    for sec in range(3):
        node.cameras[0].inputs.on_image(array_to_image(frame, header(sec)))
        node.tick()
    assert [len(answer.persons) for answer in sent[::2]] == [people] * 3 and len(shown) == 6
    joints = [k for answer in sent[::2] for person in answer.persons for k in person.keypoints]
    assert np.isfinite([[k.x, k.y, k.score] for k in joints]).all()
    for diagnosis in sent[1::2]:
        assert diagnosis.status[0].level == level and "values that are not finite" in diagnosis.status[0].message
    assert warnings(capfd, "values that are not finite") == 1
