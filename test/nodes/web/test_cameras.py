"""Test how cameras are found and followed, with real topics."""

import json

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS")

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import Point, Vector3
from pose_estimation_ros.msg import Person, Person3D, PersonArray, PersonArray3D
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
from web_readings import JPEG

from pose_estimation_ros.nodes.conversions import array_to_image
from pose_estimation_ros.nodes.qos import OUTPUT
from pose_estimation_ros.nodes.web import cameras as module
from pose_estimation_ros.nodes.web.cameras import Cameras, encoded, find_cameras
from pose_estimation_ros.nodes.web.hub import Hub

KINDS = {"keypoints": PersonArray, "keypoints_3d": PersonArray3D, "image": Image, "image/compressed": CompressedImage}


class Source:
    """Publish as a pose node does."""

    def __init__(self, node, prefix, *names):
        self.publishers = {
            name: node.create_publisher(KINDS[name], prefix + "pose/" + name, OUTPUT) for name in ("keypoints",) + names
        }

    def publish(self, name, message):
        self.publishers[name].publish(message)

    def listeners(self, name):
        return self.publishers[name].get_subscription_count()


@pytest.fixture
def nodes(kept):
    return kept(Node("pose_node", namespace="/robot")), kept(Node("web_view"))


@pytest.fixture
def followed(nodes, wait_until, monkeypatch):
    """Return a hub, and a function that waits for a condition while the cameras are followed."""
    monkeypatch.setattr(module, "SEARCH_S", 0.05)
    monkeypatch.setattr(module, "LINGER_S", 0.1)
    hub = Hub()
    cameras = Cameras(nodes[1], hub)

    def wait(condition):
        def check():
            cameras.tick()
            return condition()

        wait_until(check, *nodes)

    return hub, wait


def cameras_of(hub):
    return {camera["name"]: camera for camera in json.loads(hub.state()[1])["cameras"]}


def test_without_cameras_nothing_is_found(nodes, followed):
    hub, _ = followed
    nodes[0].create_publisher(Image, "/pose/keypoints", 1)  # another type
    nodes[1].create_subscription(PersonArray, "/other/pose/keypoints", print, 1)  # nobody publishes it
    assert find_cameras(nodes[1]) == {} == cameras_of(hub)


def test_nobody_looks_so_nothing_is_subscribed_to(nodes, followed):
    hub, wait = followed
    source = Source(nodes[0], "/left/", "image/compressed")
    wait(lambda: cameras_of(hub))
    assert cameras_of(hub)["/left/"]["node"] == "robot/pose_node"
    assert len(list(nodes[1].subscriptions)) == 0
    hub.watch("viewer", [])
    wait(lambda: source.listeners("keypoints"))
    assert source.listeners("image/compressed") == 0
    hub.watch("viewer", ["/left/"])
    wait(lambda: source.listeners("image/compressed"))
    for index in range(9):  # one subscription for all
        hub.watch(index, ["/left/"])
    wait(lambda: True)
    assert len([s for s in nodes[1].subscriptions if s.topic_name == "/left/pose/image/compressed"]) == 1
    for viewer in list(range(9)) + ["viewer"]:
        hub.leave(viewer)
    wait(lambda: not list(nodes[1].subscriptions))
    wait(lambda: not source.listeners("keypoints") and not source.listeners("image/compressed"))


def test_results_and_pictures_of_two_cameras_arrive(nodes, followed):
    hub, wait = followed
    sources = [Source(nodes[0], prefix, "image/compressed", "keypoints_3d") for prefix in ("/left/", "/right/")]
    hub.watch("viewer", ["/left/", "/right/"])
    wait(lambda: all(source.listeners(name) for source in sources for name in source.publishers))
    for index, source in enumerate(sources):
        source.publish("keypoints", PersonArray(persons=[Person(track_id=index + 1)] * (index + 1)))
        source.publish("image/compressed", CompressedImage(data=JPEG % index))
    wait(lambda: [camera["count"] for camera in cameras_of(hub).values()] == [1, 2])
    place = Person3D(track_id=2, position=Point(x=0.0, y=3.0, z=4.0), velocity=Vector3(x=0.0, y=0.0, z=-1.5))
    sources[1].publish("keypoints_3d", PersonArray3D(header=Header(frame_id="base"), persons=[place]))
    wait(lambda: cameras_of(hub)["/right/"]["space_frame"] == "base")
    people = cameras_of(hub)["/right/"]["people"]
    assert [(person["distance_m"], person["speed_mps"]) for person in people] == [(5.0, 1.5)] * 2
    wait(lambda: hub.picture("/left/") and hub.picture("/right/"))
    assert (hub.picture("/left/").data, hub.picture("/right/").data) == (JPEG % 0, JPEG % 1)


@pytest.mark.parametrize("encoding, arrives", [("bgr8", True), ("rubbish", False)])
def test_a_node_without_compressed_pictures(nodes, followed, encoding, arrives):
    hub, wait = followed
    source = Source(nodes[0], "/", "image")
    hub.watch("viewer", ["/"])
    wait(lambda: source.listeners("image") and source.listeners("keypoints"))
    image = array_to_image(np.full((480, 640, 3), 90, np.uint8), Header())
    image.encoding = encoding
    source.publish("image", image)
    source.publish("keypoints", PersonArray())
    if arrives:
        wait(lambda: hub.picture("/"))
        assert hub.picture("/").data.startswith(b"\xff\xd8\xff")
    else:
        wait(lambda: cameras_of(hub)["/"]["result_age_s"] is not None)
        assert hub.picture("/") is None


def test_data_that_is_no_picture_is_left_out(nodes, followed):
    hub, wait = followed
    source = Source(nodes[0], "/", "image/compressed")
    hub.watch("viewer", ["/"])
    wait(lambda: source.listeners("image/compressed"))
    source.publish("image/compressed", CompressedImage(data=b"<svg onload=..."))
    source.publish("image/compressed", CompressedImage(data=JPEG % 5))
    wait(lambda: hub.picture("/"))
    assert hub.picture("/").number == 1 and hub.picture("/").data == JPEG % 5


def test_a_node_that_restarts_is_followed_again(kept, nodes, followed):
    hub, wait = followed
    first = Node("first")
    Source(first, "/")
    hub.watch("viewer", ["/"])
    wait(lambda: "/" in cameras_of(hub))
    first.destroy_node()
    wait(lambda: not cameras_of(hub)["/"]["present"])
    source = Source(nodes[0], "/")
    wait(lambda: cameras_of(hub)["/"]["present"] and source.listeners("keypoints"))
    source.publish("keypoints", PersonArray(persons=[Person(track_id=7)]))
    wait(lambda: cameras_of(hub)["/"]["count"] == 1)


def test_a_camera_is_forgotten_in_the_end(followed, monkeypatch):
    hub, wait = followed
    node = Node("short")
    Source(node, "/")
    wait(lambda: "/" in cameras_of(hub))
    node.destroy_node()
    monkeypatch.setattr(module, "FORGET_S", 0.1)
    wait(lambda: not cameras_of(hub))


def test_diagnostics_arrive(nodes, followed):
    hub, wait = followed
    publisher = nodes[0].create_publisher(DiagnosticArray, "/diagnostics", OUTPUT)
    hub.watch("viewer", [])
    wait(publisher.get_subscription_count)
    publisher.publish(DiagnosticArray(status=[DiagnosticStatus(name="usb", level=b"\2", message="slow")]))
    wait(lambda: json.loads(hub.state()[1])["others"])
    assert json.loads(hub.state()[1])["others"][0]["message"] == "slow"


@pytest.mark.parametrize("shape, width", [((1, 1, 3), 1), ((480, 640, 3), 640), ((1000, 4000, 3), module.WIDEST)])
def test_pictures_are_made_small(shape, width):
    import cv2

    frame = cv2.imdecode(np.frombuffer(encoded(np.zeros(shape, np.uint8)), np.uint8), cv2.IMREAD_COLOR)
    assert frame.shape[1] == width
