"""List the arguments of the launch files, and warn of misspelled ones; it needs neither launch nor rclpy."""

import sys
from typing import Iterable, List, NamedTuple, Sequence

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.resources import config_file
from pose_estimation_ros.inference.options import RENAMED, REPLACED, Option, intended_name, unknown_text
from pose_estimation_ros.nodes.parameter_tables import POSE_PARAMETERS, VIDEO_PARAMETERS


class Argument(NamedTuple):
    """Describe an argument of a launch file."""

    name: str
    default: str
    description: str


def argument_of(option: Option) -> Argument:
    """Make the argument whose texts are values of an option."""
    return Argument(option.name, str(option.default).lower(), option.description)


RVIZ = Option("rviz", False, "true: start RViz with the people, the annotated image and TF.")
RESPAWN = Option("respawn", False, "true: start the nodes of this package again, 2 s after they ended.")
DRIVER = Option("driver", True, "false: do not start the camera's driver, as one runs already.")
USE_SIM_TIME = Option(
    "use_sim_time",
    False,
    "true: take the time from /clock, for bags and simulators. Empty: as in params_file or SetParameter.",
)
RATE = Option("rate", 1.0, "Speed of the replay; 1: as recorded.", 0.001, 1000.0)
LOOP = Option("loop", False, "true: start again at the end.")
FOXGLOVE_PORT = Option("foxglove_port", 8765, "Port of foxglove_bridge.", 1, 65535)
FOXGLOVE = "true: also publish pose/annotations (needs foxglove_msgs), and start foxglove_bridge where it is installed."
VIDEO_FRAME: str = next(p.default for p in VIDEO_PARAMETERS if p.name == "frame_id")
VIDEO_ARGUMENTS = ("source", "rate_hz", "loop")


COMMON = [
    Argument("namespace", "", "Namespace of the nodes and their topics."),
    Argument("name", "pose_node", "Name of pose_node."),
    Argument("use_sim_time", "", USE_SIM_TIME.description),
    Argument("log_level", "", "debug, info, warn, error or fatal. Empty: ROS's default."),
    argument_of(RESPAWN),
    argument_of(RVIZ),
    Argument("rviz_frame", "", "Fixed frame of RViz, the frame_id of the images. Empty: that of the known camera."),
    Argument("rviz_topics", "pose", "Where the topics of RViz are; with several cameras that of one: /left/pose."),
    Argument("foxglove_address", "127.0.0.1", "Where foxglove_bridge listens; 0.0.0.0: to all computers."),
    argument_of(FOXGLOVE_PORT),
]


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
        Argument("params_file", config_file(params + ".yaml"), "YAML file with parameters, or cpu, orin or tx2."),
        Argument("input_image_topic", "", "Image topic to subscribe to. Empty: as in params_file."),
    ]
    descriptions = dict({p.name: p.description for p in POSE_PARAMETERS}, foxglove=FOXGLOVE)
    of_node = [Argument(name, "", text + " Empty: as in params_file.") for name, text in descriptions.items()]
    arguments = [argument for argument in COMMON + first + of_node if argument.name not in without]
    return [argument._replace(default=defaults.get(argument.name, argument.default)) for argument in arguments]


def demo_arguments() -> List[Argument]:
    """Make the arguments of the launch file that plays the clip of the demo to the node."""
    arguments = video_arguments(VIDEO_ARGUMENTS)
    source = "An image, a folder of images, a video or a camera index. Empty: a clip."
    arguments[0] = arguments[0]._replace(description=source)
    return pose_arguments("cpu") + arguments


def webcam_arguments() -> List[Argument]:
    """Make the arguments of the launch file that starts a webcam and the node."""
    driver = argument_of(DRIVER)
    driver = driver._replace(description=driver.description + " Its images are on input_image_topic, or image_raw.")
    names = [p.name for p in VIDEO_PARAMETERS if p.name != "wait_for_subscribers"]
    return pose_arguments("cpu") + [driver] + video_arguments(names)


def video_arguments(names: Sequence[str]) -> List[Argument]:
    """Make the arguments of some parameters of video_node."""
    options = [p for p in VIDEO_PARAMETERS if p.name in names]
    return [Argument(p.name, "", p.description + " Empty: the default of video_node.") for p in options]


def replay_arguments() -> List[Argument]:
    """Make the arguments of the launch file that plays a recording to the node."""
    bag = Argument("bag", "", "Folder of a rosbag2 recording. Required.")
    remap = Argument("remap", "", "Other names for topics of the recording: /old:=/new, several separated by commas.")
    return pose_arguments("cpu", use_sim_time="true") + [bag, argument_of(RATE), argument_of(LOOP), remap]


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
