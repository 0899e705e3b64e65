"""What the launch files compute: arguments -> keywords of launch_ros' Node. Needs neither launch nor rclpy."""

import os
import sys
from typing import Any, Dict, List, NamedTuple, Sequence

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.nodes.parameter_tables import POSE_PARAMETERS, VIDEO_PARAMETERS, Parameter

Argument = NamedTuple("Argument", [("name", str), ("default", str), ("description", str)])

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
PROFILE_VARIABLES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")  # of Kilted on, and before
BEFORE_KILTED = ("eloquent", "foxy", "galactic", "humble", "iron", "jazzy")
USE_SIM_TIME = Parameter("use_sim_time", False, "")


def pose_arguments(params: str, without: Sequence[str] = (), **defaults: str) -> List[Argument]:
    """Make the arguments of a launch file: its own, and every parameter of the node.

    A parameter's argument is empty by default, so that nothing but params_file decides. What a launch file is made for,
    such as the topics of a camera, stands in its params_file: users who give their own have their own.

    Args:
        params: Name of the default params_file in config/, without ".yaml".
        without: Arguments that the launch file does not have.
        defaults: Defaults of other arguments.
    """
    own = [
        Argument("params_file", config_file(params + ".yaml"), "YAML file with the node's parameters."),
        Argument("input_image_topic", "", "Image topic to subscribe to. Empty: as in params_file."),
    ]
    own += [Argument(p.name, "", p.description + " Empty: as in params_file.") for p in POSE_PARAMETERS]
    own = [argument for argument in COMMON + own if argument.name not in without]
    return [argument._replace(default=defaults.get(argument.name, argument.default)) for argument in own]


def demo_arguments() -> List[Argument]:
    """Make the arguments of the launch file that plays the clip of the demo to the node."""
    video = [p for p in VIDEO_PARAMETERS if p.name in VIDEO_ARGUMENTS]
    own = [Argument(p.name, "", p.description + " Empty: the default of video_node.") for p in video]
    own[0] = own[0]._replace(description="An image, a folder of images, a video or a camera index. Empty: a clip.")
    return pose_arguments("cpu") + own


def replay_arguments() -> List[Argument]:
    own = [
        Argument("bag", "", "Folder of a rosbag2 recording. Required."),
        Argument("rate", "1.0", "Speed, 1: as recorded."),
        Argument("loop", "false", "true: begin again at the end."),
    ]
    return pose_arguments("cpu", use_sim_time="true") + own


def pose_node(values: Dict[str, str]) -> Dict[str, Any]:
    """Make the keywords for launch_ros.actions.Node of pose_node. values: argument -> text. Raises ConfigError."""
    if not os.path.isfile(values["params_file"]):
        raise ConfigError("params_file: expected a YAML file, there is no %s" % values["params_file"])
    overrides = {p.name: parse(p, values[p.name]) for p in POSE_PARAMETERS if values.get(p.name)}
    if values.get("input_image_topic"):
        if "image_topics" in overrides:
            raise ConfigError("expected either input_image_topic or image_topics, got both")
        overrides["image_topics"] = ["image"]  # which is remapped, whatever params_file says
    return _node("pose_node", values, [values["params_file"]], overrides)


def video_node(values: Dict[str, str]) -> Dict[str, Any]:
    """Keywords for video_node, publishing where pose_node subscribes, with the Fast DDS profile for images."""
    given = [p for p in VIDEO_PARAMETERS if p.name in VIDEO_ARGUMENTS and values[p.name]]
    parameters = {p.name: parse(p, values[p.name]) for p in given}
    parameters.setdefault("source", demo_clip())
    node = _node("video_node", values, [], parameters)
    return dict(node, additional_env=image_publisher_environment())


def bag_player(values: Dict[str, str]) -> Dict[str, Any]:
    """Keywords for launch.actions.ExecuteProcess that plays a bag and its clock. Raises ConfigError."""
    if not os.path.exists(values["bag"]):
        raise ConfigError("bag: expected a rosbag2 recording, there is no %r" % values["bag"])
    rate = parse(Parameter("rate", 1.0, ""), values["rate"])
    again = ["--loop"] if parse(Parameter("loop", False, ""), values["loop"]) else []
    command = ["ros2", "bag", "play", values["bag"], "--clock", "--rate", str(rate)] + again
    return {"cmd": command, "additional_env": image_publisher_environment(), "output": "screen"}


def _node(executable: str, values: Dict[str, str], files: List[str], parameters: Dict[str, Any]) -> Dict[str, Any]:
    """Make the keywords of a node; an argument that is empty changes nothing."""
    if values["use_sim_time"]:
        parameters = dict(parameters, use_sim_time=parse(USE_SIM_TIME, values["use_sim_time"]))
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


def parse(parameter: Parameter, text: str) -> Any:
    """Text of a launch argument -> value of the parameter's type; lists are separated by commas. Raises ConfigError."""
    default = parameter.default
    if isinstance(default, list):
        return [_parse(parameter.name, type(default[0]), part.strip()) for part in text.split(",")]
    return _parse(parameter.name, type(default), text)


def _parse(name: str, kind: type, text: str) -> Any:
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise ConfigError("%s: expected true or false, got %r" % (name, text))
        return text.lower() == "true"
    try:
        return kind(text)
    except ValueError:
        raise ConfigError("%s: expected %s, got %r" % (name, kind.__name__, text))


def image_publisher_environment() -> Dict[str, str]:
    """Return the variables for processes that publish images: Fast DDS with shared memory that holds them.

    A profile that the user has set stays, and is logged.
    """
    for variable in PROFILE_VARIABLES:
        if os.environ.get(variable):
            print("Fast DDS's profile stays the one of %s, %s" % (variable, os.environ[variable]), file=sys.stderr)
            return {}
    old = os.environ.get("ROS_DISTRO") in BEFORE_KILTED  # Kilted warns of the old variable's name
    return {PROFILE_VARIABLES[old]: config_file("fastdds_shm.xml")}


def config_file(name: str) -> str:
    return _shared(os.path.join("config", name), os.path.join("config", name))


def demo_clip() -> str:
    return _shared(os.path.join("test", "data", "pedestrians.mp4"), os.path.join("data", "pedestrians.mp4"))


def _shared(in_source: str, in_share: str) -> str:
    """Path of a file of this package: in the source tree this module is in, or in share/ of its installation."""
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    above = os.path.dirname(package)
    path = os.path.join(above, in_source)
    while not os.path.isfile(path) and above != os.path.dirname(above):
        path = os.path.join(above, "share", "pose_estimation_ros", in_share)
        above = os.path.dirname(above)
    return path
