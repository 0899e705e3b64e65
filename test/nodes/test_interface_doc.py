"""Check that docs/reference/ros-interface.md agrees with the nodes."""

import re
import runpy
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS")

from pose_estimation_ros.msg import PersonArray
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage

from pose_estimation_ros.nodes.pose_node import PoseNode
from pose_estimation_ros.nodes.qos import OUTPUT
from pose_estimation_ros.nodes.video_node import VideoNode

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reference" / "ros-interface.md").read_text()
# Topics of every node, or of every node with a life cycle.
OF_RCLPY = {"/rosout", "/parameter_events", "/clock"}


def test_tables_are_those_of_the_code(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tools" / "documentation")
    tool = runpy.run_path(str(ROOT / "tools" / "documentation" / "interface_doc.py"))
    assert tool["filled"](tool["PAGE"], tool["parts"]()) == PAGE, "run tools/documentation/interface_doc.py"


def rows(heading):
    """Yield (topic, direction, type, reliability, durability, depth) of the table of topics right under a heading."""
    part = PAGE.split("## " + heading + "\n")[1].split("\n##")[0]
    cells = re.findall(r"^\| `(\S+)` \| (\S+?)[ ,].*?\| (\S+) \| (\S+ ?\S*), (\w+), depth (\d+)", part, re.MULTILINE)
    assert len(cells) == part.count("\n| `")
    for topic, direction, kind, reliability, durability, depth in cells:
        yield topic, direction, kind, reliability.replace(" ", "_"), durability, int(depth)


def endpoints(node):
    """Yield the same of a running node whose namespace is /."""
    entities_by_direction = {"in": node.subscriptions, "out": node.publishers}
    for direction, entities in entities_by_direction.items():
        for entity in entities:
            kind = "%s/msg/%s" % (entity.msg_type.__module__.split(".")[0], entity.msg_type.__name__)
            qos = entity.qos_profile
            line = (entity.topic_name, direction, kind, qos.reliability.short_key, qos.durability.short_key, qos.depth)
            if entity.topic_name not in OF_RCLPY and "transition_event" not in entity.topic_name:
                yield line


def absolute(row):
    return (row[0] if row[0].startswith("/") else "/" + row[0],) + row[1:]


@pytest.mark.parametrize("transport, other", [("raw", "image/compressed"), ("compressed", "image")])
def test_topics_of_the_pose_node(make_node, color_model, transport, other):
    node = make_node(PoseNode, model=color_model, detector="full_frame", depth_topic="depth", image_transport=transport)
    expected = {absolute(row) for row in rows("Topics of pose_node") if row[0] != other}
    seen = set(endpoints(node))
    if transport == "compressed":
        assert ("/depth/compressedDepth", "in", "sensor_msgs/msg/CompressedImage", "best_effort", "volatile", 5) in seen
        seen = {row for row in seen if not row[0].startswith("/depth")}
        expected = {row for row in expected if not row[0].startswith("/depth")}
    assert seen == expected


def test_topics_of_the_video_node(make_node):
    node = make_node(VideoNode, source=str(ROOT / "test" / "data" / "pedestrians.mp4"))
    assert set(endpoints(node)) == {absolute(row) for row in rows("Topic of video_node")}


def test_services_of_the_pose_node(make_node, color_model):
    node = make_node(PoseNode, model=color_model, detector="full_frame")
    documented = re.findall(r"^\| `~/(\w+)` \| (\S+) \|", PAGE, re.MULTILINE)
    types = {node.resolve_service_name(service.srv_name): service.srv_type for service in node.services}
    assert documented
    for name, kind in documented:
        found = types.pop("/pose_node/" + name)
        assert kind == "%s/srv/%s" % (found.__module__.split(".")[0], found.__name__)
    of_ros = {kind.__module__.split(".")[0] for kind in types.values()}
    assert of_ros <= {"rcl_interfaces", "lifecycle_msgs", "type_description_interfaces"}


def test_topics_of_the_web_view(make_node, kept, wait_until):
    """They are subscribed to while somebody looks at a camera."""
    pytest.importorskip("aiohttp", reason="needs aiohttp")
    from pose_estimation_ros.nodes.web_view import WebView

    expected = {absolute(row) for row in rows("Topics of web_view")}
    source, node = kept(Node("source")), make_node(WebView, port=0)
    for kind, topic in ((PersonArray, "pose/keypoints"), (CompressedImage, "pose/image/compressed")):
        source.create_publisher(kind, topic, OUTPUT)
    node.hub.watch("viewer", ["/"])
    wait_until(lambda: len(set(endpoints(node))) >= len(expected), source, node)
    assert set(endpoints(node)) == expected
