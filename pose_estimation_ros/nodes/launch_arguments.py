"""What the launch files compute: arguments -> keywords of launch_ros' Node. Needs neither launch nor rclpy."""

import os
from typing import Any, Dict, List, NamedTuple

from pose_estimation_ros.core.errors import ConfigError

Argument = NamedTuple("Argument", [("name", str), ("default", str), ("description", str)])

COMMON = [
    Argument("namespace", "", "Namespace of the nodes and their topics."),
    Argument("use_sim_time", "false", "true: take the time from /clock, for bags and simulators."),
    Argument("log_level", "info", "debug, info, warn, error or fatal."),
]

# These override the YAML file where they are given; the type is that of the parameter.
OVERRIDES = [
    Argument("model", "", "Name of a model or path of its file."),
    Argument("detector", "", "full_frame, a detector's name, or path of its file."),
    Argument("detect_every", "", "Frames from one run of the detector to the next."),
    Argument("score_threshold", "", "Keypoints below get score 0, 0..1."),
    Argument("person_threshold", "", "People below are dropped, 0..1."),
    Argument("tracking", "", "true or false: ids that stay from frame to frame."),
    Argument("cpu_engine", "", "onnxruntime, or openvino where it is installed."),
    Argument("threads", "", "CPU threads of the networks, 0 = as many as cores."),
]

VIDEO = [
    Argument("source", "", "Image, folder, video file or camera index; default: the clip of the demo."),
    Argument("rate_hz", "0.0", "Images per second, 0 = as the source says."),
    Argument("loop", "true", "true: begin again at the end."),
]

BEFORE_KILTED = ("eloquent", "foxy", "galactic", "humble", "iron", "jazzy")  # Kilted warns of the old variable's name
TYPES = {"detect_every": int, "threads": int, "score_threshold": float, "person_threshold": float, "rate_hz": float}


def pose_arguments(platform, image_topic="image"):
    # type: (str, str) -> List[Argument]
    """Arguments of <platform>.launch.py. image_topic: default of the topic to subscribe to."""
    own = [
        Argument("params_file", config_file(platform + ".yaml"), "YAML file with the node's parameters."),
        Argument("input_image_topic", image_topic, "Image topic to subscribe to."),
    ]
    return COMMON + own + _from_file(OVERRIDES)


def demo_arguments():
    # type: () -> List[Argument]
    return pose_arguments("cpu") + VIDEO


def _from_file(arguments):
    # type: (List[Argument]) -> List[Argument]
    return [
        argument._replace(description=argument.description + " Empty: as in params_file.") for argument in arguments
    ]


def pose_node(values):
    # type: (Dict[str, str]) -> Dict[str, Any]
    """Keywords for launch_ros.actions.Node of pose_node. values: argument -> text. Raises ConfigError."""
    if not os.path.isfile(values["params_file"]):
        raise ConfigError("params_file: expected a YAML file, there is no %s" % values["params_file"])
    overrides = {a.name: parse(a.name, values[a.name]) for a in OVERRIDES if values.get(a.name)}
    remappings = [("image", values["input_image_topic"])]
    return _node("pose_node", values, [values["params_file"]], overrides, remappings)


def video_node(values):
    # type: (Dict[str, str]) -> Dict[str, Any]
    """Keywords for video_node, publishing where pose_node subscribes, with the Fast DDS profile for images."""
    parameters = {name: parse(name, values[name]) for name in ("rate_hz", "loop")}
    parameters["source"] = values["source"] or demo_clip()
    node = _node("video_node", values, [], parameters, [("image", values["input_image_topic"])])
    return dict(node, additional_env=image_publisher_environment())


def _node(executable, values, files, parameters, remappings):
    # type: (str, Dict[str, str], List[str], Dict[str, Any], List[Any]) -> Dict[str, Any]
    parameters = dict(parameters, use_sim_time=parse("use_sim_time", values["use_sim_time"]))
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


def parse(name, text):
    # type: (str, str) -> Any
    """Text of a launch argument -> value of the parameter's type. Raises ConfigError."""
    if name in ("loop", "tracking", "use_sim_time"):
        if text.lower() not in ("true", "false"):
            raise ConfigError("%s: expected true or false, got %r" % (name, text))
        return text.lower() == "true"
    kind = TYPES.get(name, str)
    try:
        return kind(text)
    except ValueError:
        raise ConfigError("%s: expected %s, got %r" % (name, kind.__name__, text))


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
