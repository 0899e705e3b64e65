"""What the launch files compute: arguments -> keywords of launch_ros' Node. Needs neither launch nor rclpy."""

import os
from typing import Any, Dict, List, NamedTuple

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.nodes.parameter_tables import POSE_PARAMETERS, VIDEO_PARAMETERS, Parameter

Argument = NamedTuple("Argument", [("name", str), ("default", str), ("description", str)])

COMMON = [
    Argument("namespace", "", "Namespace of the nodes and their topics."),
    Argument("use_sim_time", "false", "true: take the time from /clock, for bags and simulators."),
    Argument("log_level", "info", "debug, info, warn, error or fatal."),
]
VIDEO_ARGUMENTS = ("source", "rate_hz", "loop")
BEFORE_KILTED = ("eloquent", "foxy", "galactic", "humble", "iron", "jazzy")  # Kilted warns of the old variable's name
USE_SIM_TIME = Parameter("use_sim_time", False, "")


def pose_arguments(platform, image_topic="image", **defaults):
    # type: (str, str, str) -> List[Argument]
    """Arguments of a launch file with config/<platform>.yaml: its own, and every parameter of the node.

    image_topic: default of the topic to subscribe to. defaults: of other arguments.
    """
    own = [
        Argument("params_file", config_file(platform + ".yaml"), "YAML file with the node's parameters."),
        Argument("input_image_topic", image_topic, "Image topic to subscribe to; several: see image_topics."),
    ]
    own += [Argument(p.name, "", p.description + " Empty: as in params_file.") for p in POSE_PARAMETERS]
    return [argument._replace(default=defaults.get(argument.name, argument.default)) for argument in COMMON + own]


def demo_arguments():
    # type: () -> List[Argument]
    video = [p for p in VIDEO_PARAMETERS if p.name in VIDEO_ARGUMENTS]
    return pose_arguments("cpu") + [Argument(p.name, _text(p.default), p.description) for p in video]


def replay_arguments():
    # type: () -> List[Argument]
    own = [
        Argument("bag", "", "Folder of a rosbag2 recording. Required."),
        Argument("rate", "1.0", "Speed, 1: as recorded."),
        Argument("loop", "false", "true: begin again at the end."),
    ]
    return pose_arguments("cpu", use_sim_time="true") + own


def pose_node(values):
    # type: (Dict[str, str]) -> Dict[str, Any]
    """Keywords for launch_ros.actions.Node of pose_node. values: argument -> text. Raises ConfigError."""
    if not os.path.isfile(values["params_file"]):
        raise ConfigError("params_file: expected a YAML file, there is no %s" % values["params_file"])
    overrides = {p.name: parse(p, values[p.name]) for p in POSE_PARAMETERS if values.get(p.name)}
    remappings = [("image", values["input_image_topic"])]
    return _node("pose_node", values, [values["params_file"]], overrides, remappings)


def video_node(values):
    # type: (Dict[str, str]) -> Dict[str, Any]
    """Keywords for video_node, publishing where pose_node subscribes, with the Fast DDS profile for images."""
    parameters = {p.name: parse(p, values[p.name]) for p in VIDEO_PARAMETERS if p.name in VIDEO_ARGUMENTS}
    parameters["source"] = values["source"] or demo_clip()
    node = _node("video_node", values, [], parameters, [("image", values["input_image_topic"])])
    return dict(node, additional_env=image_publisher_environment())


def bag_player(values):
    # type: (Dict[str, str]) -> Dict[str, Any]
    """Keywords for launch.actions.ExecuteProcess that plays a bag and its clock. Raises ConfigError."""
    if not os.path.exists(values["bag"]):
        raise ConfigError("bag: expected a rosbag2 recording, there is no %r" % values["bag"])
    rate = parse(Parameter("rate", 1.0, ""), values["rate"])
    again = ["--loop"] if parse(Parameter("loop", False, ""), values["loop"]) else []
    command = ["ros2", "bag", "play", values["bag"], "--clock", "--rate", str(rate)] + again
    return {"cmd": command, "additional_env": image_publisher_environment(), "output": "screen"}


def _node(executable, values, files, parameters, remappings):
    # type: (str, Dict[str, str], List[str], Dict[str, Any], List[Any]) -> Dict[str, Any]
    parameters = dict(parameters, use_sim_time=parse(USE_SIM_TIME, values["use_sim_time"]))
    return {
        "package": "pose_estimation_ros",
        "executable": executable,
        "name": executable,
        "namespace": values["namespace"],
        "parameters": files + [parameters],
        "remappings": remappings,
        "arguments": ["--ros-args", "--log-level", values["log_level"]],
        "output": "screen",
    }


def parse(parameter, text):
    # type: (Parameter, str) -> Any
    """Text of a launch argument -> value of the parameter's type; lists are separated by commas. Raises ConfigError."""
    default = parameter.default
    if isinstance(default, list):
        return [_parse(parameter.name, type(default[0]), part.strip()) for part in text.split(",")]
    return _parse(parameter.name, type(default), text)


def _parse(name, kind, text):
    # type: (str, type, str) -> Any
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise ConfigError("%s: expected true or false, got %r" % (name, text))
        return text.lower() == "true"
    try:
        return kind(text)
    except ValueError:
        raise ConfigError("%s: expected %s, got %r" % (name, kind.__name__, text))


def _text(default):
    # type: (Any) -> str
    return str(default).lower() if isinstance(default, bool) else str(default)


def image_publisher_environment():
    # type: () -> Dict[str, str]
    """For processes that publish images: Fast DDS with shared memory that holds them."""
    old = os.environ.get("ROS_DISTRO") in BEFORE_KILTED
    return {
        "FASTRTPS_DEFAULT_PROFILES_FILE" if old else "FASTDDS_DEFAULT_PROFILES_FILE": config_file("fastdds_shm.xml")
    }


def config_file(name):
    # type: (str) -> str
    return _shared(os.path.join("config", name), os.path.join("config", name))


def demo_clip():
    # type: () -> str
    return _shared(os.path.join("test", "data", "pedestrians.mp4"), os.path.join("data", "pedestrians.mp4"))


def _shared(in_source, in_share):
    # type: (str, str) -> str
    """Path of a file of this package: in the source tree this module is in, or in share/ of its installation."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    above = os.path.dirname(package)
    path = os.path.join(above, in_source)
    while not os.path.isfile(path) and above != os.path.dirname(above):
        path = os.path.join(above, "share", "pose_estimation_ros", in_share)
        above = os.path.dirname(above)
    return path
