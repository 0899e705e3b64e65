"""Compute keywords of launch_ros' Node from the values of launch arguments; it needs neither launch nor rclpy."""

import os
import sys
from typing import Any, Dict, List, Optional

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.resources import config_file, demo_clip
from pose_estimation_ros.inference.options import REPLACED, parse_text, with_new_names
from pose_estimation_ros.nodes.launching.arguments import DRIVER, LOOP, RATE, RESPAWN, USE_SIM_TIME, warn
from pose_estimation_ros.nodes.parameter_tables import POSE_PARAMETERS, VIDEO_PARAMETERS

# The variable of Kilted and later releases, and that of earlier ones.
PROFILE_VARIABLES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
BEFORE_KILTED = ("eloquent", "foxy", "galactic", "humble", "iron", "jazzy")
RESPAWN_DELAY_S = 2.0


def pose_node(values: Dict[str, str], defaults: Optional[Dict[str, str]] = None) -> Dict[str, Any]:
    """Make the keywords for launch_ros.actions.Node of pose_node.

    Args:
        values: Text of each argument by its name, empty where it is not set; old names of parameters are taken, too.
        defaults: Parameters of the node, as YAML, which both params_file and the arguments override.

    Raises:
        ConfigError: A text does not fit its parameter, there is no params_file, or something is set twice.
    """
    params_file = _params_file(values["params_file"])
    known = POSE_PARAMETERS + [replaced.option for replaced in REPLACED.values()]
    overrides = with_new_names({p.name: parse_text(p, values[p.name]) for p in known if values.get(p.name)}, warn)
    if values.get("input_image_topic"):
        if "image_topics" in overrides:
            raise ConfigError("expected either input_image_topic or image_topics, got both")
        overrides["image_topics"] = ["image"]  # which is remapped, whatever params_file says
    return _node("pose_node", values, [params_file], overrides, defaults)


def _params_file(name: str) -> str:
    """Return the path of a params_file; cpu, orin and the like are the names of files in config/."""
    shipped = config_file(name + ".yaml")
    if name.isidentifier() and not os.path.exists(name) and os.path.isfile(shipped):
        return shipped
    if not os.path.isfile(name):
        raise ConfigError("params_file %s does not exist" % name)
    return name


def video_node(values: Dict[str, str]) -> Dict[str, Any]:
    """Make the keywords for video_node, which publishes where pose_node subscribes.

    Its environment has the Fast DDS profile for images. See pose_node for the argument and the errors.
    """
    options = [p for p in VIDEO_PARAMETERS if values.get(p.name)]
    parameters = {p.name: parse_text(p, values[p.name]) for p in options}
    node = _node("video_node", values, [], parameters)
    return dict(node, name="video_node", additional_env=image_publisher_environment())


def demo_video_node(values: Dict[str, str]) -> Dict[str, Any]:
    """Make the keywords for video_node that plays the demo's clip, if there is no other source."""
    return video_node(dict(values, source=values["source"] or demo_clip()))


def webcam_video_node(values: Dict[str, str]) -> Optional[Dict[str, Any]]:
    """Make the keywords for video_node that opens a camera, None where another driver is to be used."""
    return video_node(values) if parse_text(DRIVER, values["driver"]) else None


def webcam_pose_node(values: Dict[str, str]) -> Dict[str, Any]:
    """Make the keywords for pose_node on a webcam; without our driver on image_raw, where others publish."""
    if parse_text(DRIVER, values["driver"]):
        return pose_node(values)
    return pose_node(dict(values, input_image_topic=values["input_image_topic"] or "image_raw"))


def bag_player(values: Dict[str, str]) -> Dict[str, Any]:
    """Make the keywords for launch.actions.ExecuteProcess that plays a bag and its clock.

    See pose_node for the argument and the errors.
    """
    if not os.path.exists(values["bag"]):
        raise ConfigError("rosbag2 recording %r does not exist" % values["bag"])
    again = ["--loop"] if parse_text(LOOP, values["loop"]) else []
    rules = [rule.strip() for rule in values["remap"].split(",") if rule.strip()]
    for rule in rules:
        if not all(rule.partition(":=")[::2]):
            raise ConfigError("expected remap to be /old:=/new, several separated by commas, got %r" % rule)
    again += ["--remap"] + rules if rules else []
    command = ["ros2", "bag", "play", values["bag"], "--clock", "--rate", str(parse_text(RATE, values["rate"]))]
    return {"cmd": command + again, "additional_env": image_publisher_environment(), "output": "screen"}


def _node(
    executable: str,
    values: Dict[str, str],
    files: List[str],
    parameters: Dict[str, Any],
    defaults: Optional[Dict[str, str]] = None,
) -> Dict[str, Any]:
    """Make the keywords of a node; an argument that is empty changes nothing."""
    if values["use_sim_time"]:
        parameters = dict(parameters, use_sim_time=parse_text(USE_SIM_TIME, values["use_sim_time"]))
    topic = values.get("input_image_topic")
    node: Dict[str, Any] = {
        "package": "pose_estimation_ros",
        "executable": executable,
        "name": values["name"],
        "parameters": files + ([parameters] if parameters else []),
        "remappings": [("image", topic)] if topic else [],
        "arguments": _ros_arguments(values["log_level"], defaults or {}),
        "output": "screen",
    }
    if values["namespace"]:
        node["namespace"] = values["namespace"]
    if parse_text(RESPAWN, values["respawn"]):
        node.update(respawn=True, respawn_delay=RESPAWN_DELAY_S)
    return node


def _ros_arguments(log_level: str, defaults: Dict[str, str]) -> List[str]:
    """Return the first words of the command line; parameters there are weaker than those of files, which come later."""
    words = [word for name, text in sorted(defaults.items()) for word in ("-p", "%s:=%s" % (name, text))]
    words += ["--log-level", log_level] if log_level else []
    return ["--ros-args"] + words if words else []


def image_publisher_environment() -> Dict[str, str]:
    """Return the environment of processes that publish images: Fast DDS with shared memory that holds them.

    A profile that the user has set stays, and is logged.
    """
    for variable in PROFILE_VARIABLES:
        if os.environ.get(variable):
            print("Fast DDS's profile stays the one of %s, %s" % (variable, os.environ[variable]), file=sys.stderr)
            return {}
    old = os.environ.get("ROS_DISTRO") in BEFORE_KILTED  # Kilted warns of the old variable's name
    return {PROFILE_VARIABLES[old]: config_file("fastdds_shm.xml")}
