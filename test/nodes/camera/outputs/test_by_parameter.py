"""Test the outputs of vision_msgs, hri_msgs and foxglove_msgs with stand-ins for messages, publishers and the clock."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS")

from std_msgs.msg import Header, String
from vision_messages import vision_messages

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.poses import CONFIRMED, LOST, TENTATIVE, empty_poses, make_poses
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.core.space.depth import Joints
from pose_estimation_ros.core.space.people_3d import unknown_people
from pose_estimation_ros.messages import detections, foxglove, hri
from pose_estimation_ros.nodes.camera.outputs import hri as hri_output
from pose_estimation_ros.nodes.camera.outputs import output as base
from pose_estimation_ros.nodes.camera.outputs.output import OutputContext, Result, Space
from pose_estimation_ros.nodes.camera.outputs.pose_array import PoseArrayOutput
from pose_estimation_ros.nodes.camera.results import BY_PARAMETER
from pose_estimation_ros.nodes.conversions import image_to_array

PAGE = Path(__file__).resolve().parents[4] / "docs" / "reference" / "ros-interface.md"
BODIES = "/humans/bodies/"
HEADER = Header(frame_id="camera")
FRAME = np.arange(48 * 64 * 3, dtype=np.uint32).astype(np.uint8).reshape(48, 64, 3)


class Publisher:
    """Keep what is published on a topic; by default somebody subscribes to it."""

    def __init__(self, kind, topic, qos):
        self.kind, self.topic, self.qos, self.messages, self.subscribers = kind, topic, qos, [], 1

    def publish(self, message):
        self.messages.append(message)

    def get_subscription_count(self):
        return self.subscribers


class Node:
    """Keep the publishers that exist, by topic; ``made`` counts all that were ever made."""

    def __init__(self):
        self.publishers, self.warnings, self.made = {}, [], 0
        self.context = SimpleNamespace(ok=lambda: True)

    def get_logger(self):
        return SimpleNamespace(warning=self.warnings.append)

    def destroy_publisher(self, publisher):
        assert self.publishers.pop(publisher.topic) is publisher


@pytest.fixture
def clock(monkeypatch):
    """Return the clock of the outputs; ``clock.s`` is the time."""
    clock = SimpleNamespace(s=100.0)
    monkeypatch.setattr(hri_output, "time", SimpleNamespace(monotonic=lambda: clock.s))
    return clock


@pytest.fixture
def node(monkeypatch, clock):
    """Return a stand-in for the node; the message packages are installed."""

    def advertise(node, kind, topic, qos):
        assert topic not in node.publishers
        node.made += 1
        node.publishers[topic] = Publisher(kind, topic, qos)
        return node.publishers[topic]

    def plain(names):
        return {name: type(name, (SimpleNamespace,), {"POINTS": 1, "LINE_LIST": 4}) for name in names}

    packages = {
        "hri_msgs": plain(hri.CLASSES),
        "foxglove_msgs": plain(foxglove.CLASSES),
        "vision_msgs": vars(vision_messages("humble")),
    }
    for package, classes in packages.items():
        module = SimpleNamespace(**classes)
        monkeypatch.setitem(sys.modules, package, SimpleNamespace(msg=module))
        monkeypatch.setitem(sys.modules, package + ".msg", module)
    for module in (base, hri_output):
        monkeypatch.setattr(module, "advertise", advertise)
    return Node()


@pytest.fixture
def make(node):
    """Return a function that opens the outputs of a camera with these parameters."""

    def make(skeleton="coco17", camera="left", **values):
        values = dict(dict(tracking=True, rotation_deg=0), **values)
        context = OutputContext(node, camera + "/" * bool(camera), get_skeleton(skeleton), values, camera)
        return [kind(context) for name, kinds in BY_PARAMETER.items() if values.get(name) for kind in kinds]

    return make


def result(poses, **more):
    return Result(HEADER, FRAME, poses, timing=None, **more)


def people(*track_ids, state=CONFIRMED, box=(20, 10, 40, 30)):
    count = len(track_ids)
    boxes = np.tile(box, (count, 1))
    poses = make_poses(np.full((count, 17, 2), 25), np.ones((count, 17)), boxes, np.ones(count), np.array(track_ids))
    return poses.replace(state=np.full(count, state, np.uint8))


def space(poses, frame_id="camera", position=(1.0, 2.0, 3.0)):
    """Return everybody at one position, with no joint known."""
    shape = (len(poses), 17)
    joints = Joints(np.full(shape + (3,), np.nan), np.full(shape + (3, 3), np.nan), np.zeros(shape, bool))
    where = unknown_people(len(poses))._replace(position=np.tile(position, (len(poses), 1)))
    return Space(Header(frame_id=frame_id), joints, where, where.position[:, 2])


def topics_of(body):
    return {BODIES + body + "/" + part for part in ("skeleton2d", "roi", "cropped")}


def tracked(node):
    """Return the ids in the last list of bodies."""
    return node.publishers[BODIES + "tracked"].messages[-1].ids


def test_nobody_is_an_empty_list(node, make):
    (output,) = make(hri=True)
    output.publish(result(empty_poses(17)))
    assert tracked(node) == []


def test_topics_of_a_body_live_as_long_as_it_is_tracked(node, make):
    (output,) = make(hri=True)
    assert set(node.publishers) == {BODIES + "tracked"}
    steps = [
        (people(4, 7), ["b4_left", "b7_left"], ["b4_left", "b7_left"]),
        (people(7), ["b7_left"], ["b7_left"]),
        (people(7, state=LOST), [], ["b7_left"]),  # may come back, with the same topics
        (people(7), ["b7_left"], ["b7_left"]),
        (people(8, state=LOST), [], []),
        (people(9, state=TENTATIVE), [], []),
    ]
    for poses, ids, alive in steps:
        output.publish(result(poses))
        assert tracked(node) == ids
        assert set(node.publishers) == {BODIES + "tracked"}.union(*map(topics_of, alive))
    assert node.made == 1 + 3 * 2


def test_a_body_that_stays_keeps_its_publishers(node, make):
    (output,) = make(hri=True)
    for _ in range(3):
        output.publish(result(people(4)))
    for topic in topics_of("b4_left"):
        assert [message.header for message in node.publishers[topic].messages] == [HEADER] * 3


@pytest.mark.parametrize(
    "box, columns, rows", [((20, 10, 40, 30), (20, 41), (10, 31)), ((50, -9, 99, 30), (50, 64), (0, 31))]
)
def test_the_image_of_a_body_is_cut_at_the_border(node, make, box, columns, rows):
    (output,) = make(hri=True)
    output.publish(result(people(4, box=box)))
    (image,) = node.publishers[BODIES + "b4_left/cropped"].messages
    assert image.header == HEADER and image.encoding == "bgr8"
    np.testing.assert_array_equal(image_to_array(image), FRAME[slice(*rows), slice(*columns)])


def test_a_body_outside_of_the_image_has_no_image(node, make):
    (output,) = make(hri=True)
    output.publish(result(people(4, box=(70, 10, 90, 30))))
    assert node.publishers[BODIES + "b4_left/cropped"].messages == []
    assert len(node.publishers[BODIES + "b4_left/roi"].messages) == 1


def test_only_what_somebody_subscribes_to_is_made(node, make, monkeypatch):
    (output,) = make(hri=True)
    output.publish(result(people(4, 7)))
    made = []
    for name in ("skeletons_2d", "regions", "cropped"):
        own = getattr(hri, name)
        monkeypatch.setattr(hri, name, lambda *a, own=own, name=name: made.append((name, len(own(*a)))) or own(*a))
    for publisher in node.publishers.values():
        publisher.subscribers = 0
    for topic, expected in [
        (None, []),
        ("b7_left/roi", [("regions", 1)]),
        ("b4_left/cropped", [("regions", 1), ("cropped", 1)]),
        ("b4_left/roi", [("regions", 2), ("cropped", 1)]),
    ]:
        if topic:
            node.publishers[BODIES + topic].subscribers = 1
        made.clear()
        before = {name: len(publisher.messages) for name, publisher in node.publishers.items()}
        output.publish(result(people(4, 7)))
        assert made == expected
        more = {name for name, publisher in node.publishers.items() if len(publisher.messages) > before[name]}
        assert more == {name for name, publisher in node.publishers.items() if publisher.subscribers}


def test_one_list_holds_the_bodies_of_all_cameras_of_a_node(node, make, clock):
    (left,), (right,) = make(hri=True), make(hri=True, camera="right")
    for output, poses, ids in [
        (left, people(1, 2), ["b1_left", "b2_left"]),
        (right, people(1), ["b1_left", "b2_left", "b1_right"]),
        (left, people(2), ["b2_left", "b1_right"]),
        (right, people(), ["b2_left"]),
    ]:
        clock.s += 0.1
        output.publish(result(poses))
        assert tracked(node) == ids
    assert [topic for topic in node.publishers if topic.endswith("tracked")] == [BODIES + "tracked"]


@pytest.mark.parametrize(
    "interval_s, pause_s, stands",
    [(0.1, 1.9, True), (0.1, 2.1, False), (2.0, 5.9, True), (2.0, 6.1, False), (60.0, 9.9, True), (60.0, 10.1, False)],
)
def test_the_bodies_of_a_camera_that_stops_go(node, make, clock, interval_s, pause_s, stands):
    (left,), (right,) = make(hri=True), make(hri=True, camera="right")
    for _ in range(2):
        clock.s += interval_s
        right.publish(result(people(5)))
    clock.s += pause_s
    left.publish(result(people(3)))
    assert tracked(node) == ["b3_left"] + ["b5_right"] * stands


def test_a_camera_that_ends_without_bodies_says_nothing(node, make):
    (output,) = make(hri=True)
    publisher = node.publishers[BODIES + "tracked"]
    output.pause()
    output.close()
    assert publisher.messages == []


def test_bodies_need_ids(node, make):
    with pytest.raises(ConfigError, match="parameter hri: expected tracking to be true"):
        make(hri=True, tracking=False)
    assert node.publishers == {}


@pytest.mark.parametrize("end", ["pause", "close"])
def test_a_camera_that_ends_leaves_the_list(node, make, end):
    (left,), (right,) = make(hri=True), make(hri=True, camera="right")
    left.publish(result(people(3)))
    right.publish(result(people(5)))
    publisher = node.publishers[BODIES + "tracked"]
    getattr(left, end)()
    assert tracked(node) == ["b5_right"]
    assert set(node.publishers) == {BODIES + "tracked"} | topics_of("b5_right")
    getattr(right, end)()
    assert publisher.messages[-1].ids == []
    assert list(node.publishers) == [BODIES + "tracked"] * (end == "pause")
    again = left if end == "pause" else make(hri=True)[0]  # active or configured again
    again.publish(result(people(4)))
    assert tracked(node) == ["b4_left"]


def test_outputs_close_after_a_signal_has_ended_the_context(ros, kept, monkeypatch):
    """Nothing can be published or asked for then. Any messages will do, as nothing is sent."""
    for package, classes in [("hri_msgs", hri.CLASSES), ("foxglove_msgs", foxglove.CLASSES)]:
        module = SimpleNamespace(**dict.fromkeys(classes, String))
        monkeypatch.setitem(sys.modules, package, SimpleNamespace(msg=module))
        monkeypatch.setitem(sys.modules, package + ".msg", module)
    context = OutputContext(kept(ros.create_node("closing")), "", get_skeleton("coco17"), {"tracking": True})
    outputs = [kind(context) for name in ("hri", "foxglove") for kind in BY_PARAMETER[name]]
    outputs[0].publish(result(people(4)))
    assert len(list(context.node.publishers)) >= 5
    ros.shutdown()
    for output in outputs:
        output.close()
    assert not [own for own in context.node.publishers if "humans" in own.topic_name]


@pytest.mark.parametrize("skeleton, warned", [("coco17", 0), ("mpii16", 0), ("hand21", 1), ("ap10k", 1)])
def test_a_skeleton_without_a_joint_of_the_body_is_said_once(node, make, skeleton, warned):
    (output,) = make(skeleton, hri=True)
    output.publish(result(empty_poses(get_skeleton(skeleton).num_keypoints)))
    assert len(node.warnings) == warned and all(skeleton in text for text in node.warnings)
    assert tracked(node) == []


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


@pytest.mark.parametrize("name", ["poses_to_detections", "people_to_detections"])
def test_detections_only_while_somebody_subscribes(node, make, monkeypatch, name):
    """Nothing is computed either, and positions in space are asked for only where they are needed."""
    outputs, made = make(vision=True), []
    own = getattr(detections, name)
    monkeypatch.setattr(detections, name, lambda *arguments: made.append(name) or own(*arguments))
    topic = "left/pose/detections_" + ("2d" if name == "poses_to_detections" else "3d")
    for publisher in node.publishers.values():
        publisher.subscribers = 0
    poses = people(4)
    for count in (0, 1):
        node.publishers[topic].subscribers = count
        assert any(output.wants_space() for output in outputs) == (count == 1 and topic.endswith("3d"))
        for output in outputs:
            output.publish(result(poses, space=space(poses)))
        assert len(made) == count
    assert {name: len(own.messages) for name, own in node.publishers.items() if own.messages} == {topic: 1}


def test_detections_in_space_wait_for_positions(node, make):
    for output in make(vision=True):
        output.publish(result(people(4)))
    counts = [len(node.publishers["left/pose/detections_" + kind].messages) for kind in ("2d", "3d")]
    assert counts == [1, 0]


@pytest.mark.parametrize(
    "frame_id, rotation_deg, size",
    [
        ("camera", 0, (0.6, 1.7, 0.6)),
        ("camera", 180, (0.6, 1.7, 0.6)),
        ("camera", 90, (1.7, 0.6, 0.6)),
        ("camera", 270, (1.7, 0.6, 0.6)),
        ("other_optical_frame", 0, (0.6, 1.7, 0.6)),
        ("map", 0, (0.6, 0.6, 1.7)),
        ("map", 90, (0.6, 0.6, 1.7)),
    ],
)
def test_boxes_in_space_stand_upright(node, make, frame_id, rotation_deg, size):
    poses = people(4)
    for output in make(vision=True, rotation_deg=rotation_deg):
        output.publish(result(poses, space=space(poses, frame_id)))
    (array,) = node.publishers["left/pose/detections_3d"].messages
    (detection,) = array.detections
    assert array.header.frame_id == detection.header.frame_id == frame_id
    box = detection.bbox.size
    assert (box.x, box.y, box.z) == size


def test_poses_only_while_somebody_subscribes_and_positions_are_known(node):
    output = PoseArrayOutput(OutputContext(node, "left/", get_skeleton("coco17"), {}))
    publisher, poses = node.publishers["left/pose/poses"], people(4)
    with_space = result(poses, space=space(poses, "map"))
    for subscribers, own, count in [(0, with_space, 0), (1, result(poses), 0), (1, with_space, 1)]:
        publisher.subscribers = subscribers
        assert output.wants_space() == bool(subscribers)
        output.publish(own)
        assert len(publisher.messages) == count
    (array,) = publisher.messages
    assert array.header.frame_id == "map" and len(array.poses) == 1


def test_close_destroys_all_publishers(node, make):
    outputs = make(hri=True, foxglove=True, vision=True)
    for output in outputs:
        output.publish(result(people(4)))
    assert len(node.publishers) == 1 + 3 + 1 + 2
    for output in outputs:
        output.close()
    assert node.publishers == {}


def test_the_page_lists_these_topics(node, make):
    (hri, *_others) = make(camera="", hri=True, foxglove=True, vision=True)
    hri.publish(result(people(4)))
    rows = re.findall(r"^\| `(\S+)` \| out with.*? \| \w+/msg/(\w+) \| (.*) \|$", PAGE.read_text(), re.MULTILINE)
    qos = "%s, %s, depth %d"
    made = [(own.topic.replace("b4", "<id>"), own.kind.__name__, own.qos) for own in node.publishers.values()]
    assert len(made) == 7 and set(rows) >= {
        (topic, kind, qos % (own.reliability.short_key, own.durability.short_key, own.depth))
        for topic, kind, own in made
    }
