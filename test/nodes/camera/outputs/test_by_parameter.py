"""Test the outputs of hri_msgs and foxglove_msgs with stand-ins for their messages and for publishers."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS")

from std_msgs.msg import Header

from pose_estimation_ros.core.poses import CONFIRMED, LOST, empty_poses, make_poses
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.messages import foxglove, hri
from pose_estimation_ros.nodes.camera.outputs import hri as hri_output
from pose_estimation_ros.nodes.camera.outputs import output as base
from pose_estimation_ros.nodes.camera.outputs.output import OutputContext, Result
from pose_estimation_ros.nodes.camera.results import BY_PARAMETER

KINDS = {"POINTS": 1, "LINE_LIST": 4}
HEADER, FRAME = Header(frame_id="camera"), np.zeros((480, 640, 3), np.uint8)


class Publisher:
    """Keep what is published on a topic; somebody subscribes to it."""

    def __init__(self, topic):
        self.topic, self.messages, self.subscribers = topic, [], 1

    def publish(self, message):
        self.messages.append(message)

    def get_subscription_count(self):
        return self.subscribers


class Node:
    """Keep the publishers that exist, by topic."""

    def __init__(self):
        self.publishers, self.warnings = {}, []

    def get_logger(self):
        return SimpleNamespace(warning=self.warnings.append)

    def destroy_publisher(self, publisher):
        del self.publishers[publisher.topic]


@pytest.fixture
def node(monkeypatch):
    """Return a stand-in for the node; the message packages are installed."""

    def advertise(node, _kind, topic, _qos):
        return node.publishers.setdefault(topic, Publisher(topic))

    for package, names in (("hri_msgs", hri.CLASSES), ("foxglove_msgs", foxglove.CLASSES)):
        module = SimpleNamespace(
            **{name: type(name, (SimpleNamespace,), {"POINTS": 1, "LINE_LIST": 4}) for name in names}
        )
        monkeypatch.setitem(sys.modules, package, SimpleNamespace(msg=module))
        monkeypatch.setitem(sys.modules, package + ".msg", module)
    for module in (base, hri_output):
        monkeypatch.setattr(module, "advertise", advertise)
    return Node()


@pytest.fixture
def make(node):
    """Return a function that opens the outputs with these parameters."""

    def make(skeleton="coco17", **values):
        context = OutputContext(node, "left/", get_skeleton(skeleton), values)
        return [BY_PARAMETER[name](context) for name in values]

    return make


def result(poses):
    return Result(HEADER, FRAME, poses, timing=None)


def people(*track_ids, state=CONFIRMED):
    count = len(track_ids)
    boxes = np.tile([20, 30, 60, 90], (count, 1))
    poses = make_poses(np.full((count, 17, 2), 50), np.ones((count, 17)), boxes, np.ones(count), np.array(track_ids))
    return poses.replace(state=np.full(count, state, np.uint8))


def test_topics_of_a_body_live_as_long_as_it_is_tracked(node, make):
    (output,) = make(hri=True)
    base = "left/humans/bodies/"
    assert set(node.publishers) == {base + "tracked"}
    for poses, ids in ((people(4, 7), ["b4", "b7"]), (people(7), ["b7"]), (people(7, state=LOST), [])):
        output.publish(result(poses))
        assert node.publishers[base + "tracked"].messages[-1].ids == ids
        topics = {"%s%s/%s" % (base, body, name) for body in ids for name in ("skeleton2d", "roi")}
        assert set(node.publishers) == topics | {base + "tracked"}


def test_a_body_that_stays_keeps_its_publishers(node, make):
    (output,) = make(hri=True)
    for _ in range(3):
        output.publish(result(people(4)))
    for name in ("skeleton2d", "roi"):
        messages = node.publishers["left/humans/bodies/b4/" + name].messages
        assert [message.header for message in messages] == [HEADER] * 3


def test_annotations_only_while_somebody_subscribes(node, make):
    (output,) = make(foxglove=True)
    publisher = node.publishers["left/pose/annotations"]
    publisher.subscribers = 0
    output.publish(result(people(4)))
    assert publisher.messages == []
    publisher.subscribers = 1
    output.publish(result(people(4)))
    (message,) = publisher.messages
    assert len(message.texts) == 1 and message.points[0].timestamp == HEADER.stamp


def test_close_destroys_all_publishers(node, make):
    outputs = make(hri=True, foxglove=True)
    for output in outputs:
        output.publish(result(people(4)))
    assert len(node.publishers) == 4
    for output in outputs:
        output.close()
    assert node.publishers == {}


def test_nobody_is_an_empty_list(node, make):
    (output,) = make(hri=True)
    output.publish(result(empty_poses(17)))
    assert node.publishers["left/humans/bodies/tracked"].messages[0].ids == []


@pytest.mark.parametrize("skeleton, warned", [("coco17", 0), ("mpii16", 0), ("hand21", 1), ("ap10k", 1)])
def test_a_skeleton_without_a_joint_of_the_body_is_said_once(node, make, skeleton, warned):
    (output,) = make(skeleton, hri=True)
    output.publish(result(empty_poses(get_skeleton(skeleton).num_keypoints)))
    assert len(node.warnings) == warned and all(skeleton in text for text in node.warnings)
    assert node.publishers["left/humans/bodies/tracked"].messages[0].ids == []
