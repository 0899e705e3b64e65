"""Compute keywords of launch_ros' Node from launch arguments; it needs neither launch nor rclpy."""

import os
import sys
from typing import Any, Dict, Iterable, List, NamedTuple, Sequence

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.resources import config_file, demo_clip
from pose_estimation_ros.inference.options import (
    RENAMED,
    REPLACED,
    Option,
    intended_name,
    parse_text,
    unknown_text,
    with_new_names,
)
from pose_estimation_ros.nodes.parameter_tables import POSE_PARAMETERS, VIDEO_PARAMETERS


class Argument(NamedTuple):
    """Describe an argument of a launch file."""

    name: str
    default: str
    description: str


COMMON = [
    Argument("namespace", "", "Namespace of the nodes and their topics."),
    Argument(
        "use_sim_time",
        "",
        "true: take the time from /clock, for bags and simulators. Empty: as in params_file or SetParameter.",
    ),
    Argument("log_level", "", "debug, info, warn, error or fatal. Empty: ROS's default."),
]
VIDEO_ARGUMENTS = ("source", "rate_hz", "loop")
# The variable of Kilted and later releases, and that of earlier ones.
PROFILE_VARIABLES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
BEFORE_KILTED = ("eloquent", "foxy", "galactic", "humble", "iron", "jazzy")
USE_SIM_TIME = Option("use_sim_time", False, COMMON[1].description)
RATE = Option("rate", 1.0, "Speed of the replay; 1: as recorded.")
LOOP = Option("loop", False, "true: start again at the end.")


def pose_arguments(params: str, without: Sequence[str] = (), **defaults: str) -> List[Argument]:
    """Make the arguments of a launch file: its own, and every parameter of the node.

    A parameter's argument is empty by default, so that nothing but params_file decides. The purpose of a launch file,
    such as the topics of a camera, is in its params_file. Users who give another params_file replace all of it.

    Args:
        params: Name of the default params_file in config/, without ".yaml".
        without: Arguments that the launch file does not have.
        defaults: Defaults of other arguments.
    """
    first = [
        Argument("params_file", config_file(params + ".yaml"), "YAML file with the node's parameters."),
        Argument("input_image_topic", "", "Image topic to subscribe to. Empty: as in params_file."),
    ]
    of_node = [Argument(p.name, "", p.description + " Empty: as in params_file.") for p in POSE_PARAMETERS]
    arguments = [argument for argument in COMMON + first + of_node if argument.name not in without]
    return [argument._replace(default=defaults.get(argument.name, argument.default)) for argument in arguments]


def demo_arguments() -> List[Argument]:
    """Make the arguments of the launch file that plays the clip of the demo to the node."""
    video = [p for p in VIDEO_PARAMETERS if p.name in VIDEO_ARGUMENTS]
    arguments = [Argument(p.name, "", p.description + " Empty: the default of video_node.") for p in video]
    source = "An image, a folder of images, a video or a camera index. Empty: a clip."
    arguments[0] = arguments[0]._replace(description=source)
    return pose_arguments("cpu") + arguments


def replay_arguments() -> List[Argument]:
    """Make the arguments of the launch file that plays a recording to the node."""
    bag = Argument("bag", "", "Folder of a rosbag2 recording. Required.")
    player = [Argument(option.name, str(option.default).lower(), option.description) for option in (RATE, LOOP)]
    return pose_arguments("cpu", use_sim_time="true") + [bag] + player


def warn_of_misspelled(names: Iterable[str], arguments: Sequence[Argument]) -> None:
    """Warn on stderr of each name that is a misspelling of an argument, as launch ignores unknown names.

    A warning, not an error: the name may be an argument of another launch file, which includes this one. The old name
    of an argument is an error.

    Args:
        names: Names of arguments that the user wrote on the command line.
        arguments: All arguments of the launch file.

    Raises:
        ConfigError: A name is the old one of an argument.
    """
    known = [argument.name for argument in arguments]
    for name in set(names) - set(REPLACED):
        text = unknown_text("launch argument", name, known)
        if RENAMED.get(name) in known:
            raise ConfigError(text)
        if name not in known and intended_name(name, known):
            warn(text)


def warn(text: str) -> None:
    """Print a warning on stderr."""
    print("warning: %s" % text, file=sys.stderr)


def pose_node(values: Dict[str, str]) -> Dict[str, Any]:
    """Make the keywords for launch_ros.actions.Node of pose_node.

    Args:
        values: Text of each argument by its name, empty where it is not set; old names of parameters are taken, too.

    Raises:
        ConfigError: A text does not fit its parameter, there is no params_file, or something is set twice.
    """
    if not os.path.isfile(values["params_file"]):
        raise ConfigError("params_file %s does not exist" % values["params_file"])
    known = POSE_PARAMETERS + [replaced.option for replaced in REPLACED.values()]
    overrides = with_new_names({p.name: parse_text(p, values[p.name]) for p in known if values.get(p.name)}, warn)
    if values.get("input_image_topic"):
        if "image_topics" in overrides:
            raise ConfigError("expected either input_image_topic or image_topics, got both")
        overrides["image_topics"] = ["image"]  # which is remapped, whatever params_file says
    return _node("pose_node", values, [values["params_file"]], overrides)


def video_node(values: Dict[str, str]) -> Dict[str, Any]:
    """Make the keywords for video_node, which publishes where pose_node subscribes.

    Its environment has the Fast DDS profile for images. See pose_node for the argument and the errors.
    """
    options = [p for p in VIDEO_PARAMETERS if p.name in VIDEO_ARGUMENTS and values[p.name]]
    parameters = {p.name: parse_text(p, values[p.name]) for p in options}
    parameters.setdefault("source", demo_clip())
    node = _node("video_node", values, [], parameters)
    return dict(node, additional_env=image_publisher_environment())


def bag_player(values: Dict[str, str]) -> Dict[str, Any]:
    """Make the keywords for launch.actions.ExecuteProcess that plays a bag and its clock.

    See pose_node for the argument and the errors.
    """
    if not os.path.exists(values["bag"]):
        raise ConfigError("rosbag2 recording %r does not exist" % values["bag"])
    again = ["--loop"] if parse_text(LOOP, values["loop"]) else []
    command = ["ros2", "bag", "play", values["bag"], "--clock", "--rate", str(parse_text(RATE, values["rate"]))]
    return {"cmd": command + again, "additional_env": image_publisher_environment(), "output": "screen"}


def _node(executable: str, values: Dict[str, str], files: List[str], parameters: Dict[str, Any]) -> Dict[str, Any]:
    """Make the keywords of a node; an argument that is empty changes nothing."""
    if values["use_sim_time"]:
        parameters = dict(parameters, use_sim_time=parse_text(USE_SIM_TIME, values["use_sim_time"]))
    topic, level = values.get("input_image_topic"), values["log_level"]
    node = {
        "package": "pose_estimation_ros",
        "executable": executable,
        "name": executable,
        "parameters": files + ([parameters] if parameters else []),
        "remappings": [("image", topic)] if topic else [],
        "arguments": ["--ros-args", "--log-level", level] if level else [],
        "output": "screen",
    }
    return dict(node, namespace=values["namespace"]) if values["namespace"] else node


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
