"""The launch files in the real `launch`, where it is installed: what a driver sees, and what does not leak."""

import os

import pytest

pytest.importorskip("launch_ros", reason="needs ROS' launch, of which there is no wheel")

from launch import LaunchContext
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_ros.actions import Node, PushRosNamespace

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", ".."))
DRIVER = """
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction

SEEN = []

def generate_launch_description():
    names = {"camera_name": "c", "log_level": "info", "params_file": "driver.yaml", "publish_tf": "true", "gyro": "off"}
    declared = [DeclareLaunchArgument(name, default_value=value) for name, value in names.items()]
    def remember(context):
        text = repr((dict(context.launch_configurations), dict(context.environment)))
        with open(__file__ + ".seen", "w") as file:
            file.write(text)
    return LaunchDescription(declared + [OpaqueFunction(function=remember)])
"""


def nodes_of(entity, context):
    """Carry out an entity and all that follows from it, but start no node; return the nodes."""
    if isinstance(entity, Node):
        return [entity]
    found = []
    for part in entity.visit(context) or []:
        found += nodes_of(part, context)
    return found


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """Install a driver that writes what it sees; return a function that reads that."""
    index = tmp_path / "share" / "ament_index" / "resource_index" / "packages"
    folder = tmp_path / "share" / "realsense2_camera" / "launch"
    for made in (index, folder):
        made.mkdir(parents=True)
    (index / "realsense2_camera").touch()
    (folder / "rs_launch.py").write_text(DRIVER)
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    monkeypatch.setenv("ROS_DISTRO", "kilted")
    monkeypatch.delenv("FASTDDS_DEFAULT_PROFILES_FILE", raising=False)
    return lambda: eval((folder / "rs_launch.py.seen").read_text())


def test_a_driver_sees_its_own_arguments_and_the_node_ours(driver):
    words = {
        "params_file": "orin",
        "log_level": "debug",
        "gyro": "on",
        "driver.publish_tf": "false",
        "camera_name": "head",
    }
    context = LaunchContext(argv=["%s:=%s" % item for item in words.items()])
    context.launch_configurations.update(words)
    PushRosNamespace("robot").visit(context)
    source = PythonLaunchDescriptionSource(os.path.join(ROOT, "launch", "realsense.launch.py"))
    (node,) = nodes_of(IncludeLaunchDescription(source), context)

    seen, environment = driver()
    expected = {"params_file": "driver.yaml", "log_level": "info", "publish_tf": "false", "gyro": "on"}
    assert {name: seen[name] for name in expected} == expected
    assert (seen["camera_name"], seen["camera_namespace"]) == ("head", "robot/camera")
    assert "ros_namespace" not in seen and "model" not in seen
    assert environment["FASTDDS_DEFAULT_PROFILES_FILE"].endswith("fastdds_shm.xml")

    assert context.launch_configurations["params_file"] == "orin", "what is hidden from the driver comes back"
    assert "FASTDDS_DEFAULT_PROFILES_FILE" not in context.environment
    command = " ".join(part.describe() for words in node.cmd for part in words)
    assert "image_topics:=[/robot/camera/head/color/image_raw]" in command and "debug" in command
