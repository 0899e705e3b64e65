"""Check config/pose.rviz against the node and RViz: it loads, and all that it names exists."""

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS")
yaml = pytest.importorskip("yaml", reason="reads YAML")

from rclpy.qos import DurabilityPolicy, ReliabilityPolicy

from pose_estimation_ros.nodes.launching.arguments import VIDEO_FRAME
from pose_estimation_ros.nodes.launching.viewers import RVIZ_TOPICS

# From ros2/rviz, rviz_default_plugins/plugins_description.xml and rviz_common, from Foxy to Rolling.
DISPLAYS = {  # and the type of their topic
    "rviz_default_plugins/Axes": None,
    "rviz_default_plugins/Grid": None,
    "rviz_default_plugins/Image": "sensor_msgs/msg/Image",
    "rviz_default_plugins/MarkerArray": "visualization_msgs/msg/MarkerArray",
    "rviz_default_plugins/PoseArray": "geometry_msgs/msg/PoseArray",
    "rviz_default_plugins/TF": None,
}
PANELS = {"rviz_common/Displays", "rviz_common/Views", "rviz_common/Selection", "rviz_common/Tool Properties"}
TOOLS = {"rviz_default_plugins/MoveCamera", "rviz_default_plugins/Select", "rviz_default_plugins/Interact"}
VIEWS = {"rviz_default_plugins/Orbit", "rviz_default_plugins/FPS", "rviz_default_plugins/TopDownOrtho"}


@pytest.fixture(scope="module")
def config(repository):
    return yaml.safe_load((repository / "config" / "pose.rviz").read_text())["Visualization Manager"]


def displays(config):
    """Return the displays that have a topic, by name."""
    return {display["Name"]: display for display in config["Displays"] if "Topic" in display}


def test_rviz_knows_every_class(config, repository):
    panels = yaml.safe_load((repository / "config" / "pose.rviz").read_text())["Panels"]
    assert {panel["Class"] for panel in panels} <= PANELS
    assert {display["Class"] for display in config["Displays"]} <= set(DISPLAYS)
    assert {tool["Class"] for tool in config["Tools"]} <= TOOLS
    assert config["Views"]["Current"]["Class"] in VIEWS


def test_it_shows_what_the_launch_files_remap(config):
    assert {display["Topic"]["Value"] for display in displays(config).values() if display["Enabled"]} == {
        "/pose/%s" % name for name in RVIZ_TOPICS
    }


def test_the_node_publishes_every_topic_as_it_is_listened_to(config, make_pose_node):
    node = make_pose_node()
    for display in displays(config).values():
        (publisher,) = node.get_publishers_info_by_topic(display["Topic"]["Value"])
        assert publisher.topic_type == DISPLAYS[display["Class"]]
        offered = publisher.qos_profile
        if display["Topic"]["Reliability Policy"] == "Reliable":
            assert offered.reliability == ReliabilityPolicy.RELIABLE
        if display["Topic"]["Durability Policy"] == "Transient Local":
            assert offered.durability == DurabilityPolicy.TRANSIENT_LOCAL


def test_the_view_is_the_cameras(config):
    """RViz's eye is the focal point + distance (cos yaw cos pitch, sin yaw cos pitch, sin pitch); its up is d/dpitch.

    In the optical frame (x right, y down, z forward) it looks along z from behind the camera, up being -y.
    """
    view = config["Views"]["Current"]
    yaw, pitch, focal = view["Yaw"], view["Pitch"], np.array([view["Focal Point"][axis] for axis in "XYZ"], float)
    away = np.array([np.cos(yaw) * np.cos(pitch), np.sin(yaw) * np.cos(pitch), np.sin(pitch)])
    up = np.array([-np.cos(yaw) * np.sin(pitch), -np.sin(yaw) * np.sin(pitch), np.cos(pitch)])
    np.testing.assert_allclose(focal + view["Distance"] * away, [0, 0, -1], atol=0.01)
    np.testing.assert_allclose(up, [0, -1, 0], atol=0.01)
    assert config["Global Options"]["Fixed Frame"] == VIDEO_FRAME == "camera_optical_frame"
