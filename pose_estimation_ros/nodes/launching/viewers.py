"""Compute keywords of launch_ros' Node for the programs that show the results; it needs neither launch nor rclpy."""

from typing import Any, Dict, Optional

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.resources import config_file
from pose_estimation_ros.inference.options import parse_text
from pose_estimation_ros.nodes.launching.arguments import FOXGLOVE_PORT, RVIZ, USE_SIM_TIME, warn
from pose_estimation_ros.nodes.launching.packages import apt_line, share_folder
from pose_estimation_ros.nodes.parameter_tables import POSE_PARAMETERS

RVIZ_TOPICS = ("image", "markers", "poses")  # those of config/pose.rviz, below pose/
# What a viewer needs. Without the others nobody can publish, call services or set parameters through the bridge.
CAPABILITIES = ["connectionGraph", "assets"]


def rviz(values: Dict[str, str]) -> Optional[Dict[str, Any]]:
    """Make the keywords for RViz, None where it is not asked for.

    RViz runs in the namespace of pose_node, and the topics of its configuration are remapped to that node's.

    Args:
        values: Text of each argument by its name.

    Raises:
        ConfigError: RViz is not installed, or a text does not fit.
    """
    if not parse_text(RVIZ, values["rviz"]):
        return None
    if not share_folder("rviz2"):
        raise ConfigError("expected rviz2 for rviz:=true, it is not installed: %s" % apt_line("rviz2"))
    frame = ["-f", values["rviz_frame"]] if values["rviz_frame"] else []
    topics = values["rviz_topics"].rstrip("/")
    node = {
        "package": "rviz2",
        "executable": "rviz2",
        "arguments": ["-d", config_file("pose.rviz")] + frame,
        "remappings": [("/pose/" + name, "%s/%s" % (topics, name)) for name in RVIZ_TOPICS],
        "parameters": _sim_time(values),
        "output": "screen",
    }
    return dict(node, namespace=values["namespace"]) if values["namespace"] else node


def foxglove_bridge(values: Dict[str, str]) -> Optional[Dict[str, Any]]:
    """Make the keywords for foxglove_bridge, None where it is not asked for, or not installed, which is a warning.

    Args:
        values: Text of each argument by its name.

    Raises:
        ConfigError: A text does not fit.
    """
    (option,) = [option for option in POSE_PARAMETERS if option.name == "foxglove"]
    port = parse_text(FOXGLOVE_PORT, values["foxglove_port"])  # refused in any case where it does not fit
    if not values["foxglove"] or not parse_text(option, values["foxglove"]):
        return None
    if not share_folder("foxglove_bridge"):
        warn("foxglove_bridge is not installed, none is started: %s" % apt_line("foxglove_bridge"))
        return None
    parameters = {
        "address": values["foxglove_address"],
        "port": port,
        "capabilities": CAPABILITIES,
    }
    return {
        "package": "foxglove_bridge",
        "executable": "foxglove_bridge",
        "name": "foxglove_bridge",
        "parameters": [parameters] + _sim_time(values),
        "output": "screen",
    }


def _sim_time(values: Dict[str, str]) -> Any:
    text = values["use_sim_time"]
    return [{"use_sim_time": parse_text(USE_SIM_TIME, text)}] if text else []
