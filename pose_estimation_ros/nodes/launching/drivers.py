"""Tell how the drivers of depth cameras are started and what they publish; it needs neither launch nor rclpy.

Names of arguments, topics and frames are those of realsense2_camera 4.56.1 (since 4.55 a topic begins with namespace
and name of the camera), zed_wrapper 5.4.1 (since 5.1.0 images are on .../color/rect/image), depthai_ros_driver 2.10.3
and depthai_ros_driver_v3 3.2.0.
"""

import os
from typing import Any, Callable, Dict, List, NamedTuple, Sequence, Tuple

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.inference.options import parse_text, unknown_text
from pose_estimation_ros.nodes.launching.arguments import DRIVER, Argument, argument_of, pose_arguments
from pose_estimation_ros.nodes.launching.packages import apt_line, first_installed, share_folder

PREFIX = "driver."  # of launch arguments that are for the driver alone
ZED_MODELS = "zed zedm zed2 zed2i zedx zedxm zedxnano zedxhdr zedxhdrmini zedxhdrmax virtual".split()
ZED_MODELS += "zedxonegs zedxone4k zedxonehdr".split()
ZED_MONOCULAR = "zedxone"  # beginning of the models without depth


class Camera(NamedTuple):
    """Hold what a driver is given and what it publishes.

    Attributes:
        arguments: Values of the driver's launch arguments.
        image_topic: Full name of the topic of colour images; camera_info is beside it.
        depth_topic: Full name of the topic of depth images that are aligned with them, "" where there are none.
        image_rectified: Whether the images are without distortion.
        frame: frame_id of the images, an optical frame.
    """

    arguments: Dict[str, str]
    image_topic: str
    depth_topic: str
    image_rectified: bool
    frame: str


class Driver(NamedTuple):
    """Describe the driver of a camera.

    Attributes:
        packages: Names of its ROS package; the first that is installed is used.
        launch_files: Names of its launch file; the first that exists is used.
        install: How to install it.
        arguments: Arguments of the driver that our launch file names, too; all others are passed on.
        camera: Function from {argument: text} and the namespace of pose_node, without slashes around it.
    """

    packages: Tuple[str, ...]
    launch_files: Tuple[str, ...]
    install: str
    arguments: List[Argument]
    camera: Callable[[Dict[str, str], str], Camera]


def driver_arguments(driver: Driver) -> List[Argument]:
    """Make the arguments of the launch file that starts a driver and pose_node."""
    return driver.arguments + [argument_of(DRIVER)] + pose_arguments("cpu")


def launch_file(driver: Driver, values: Dict[str, str]) -> str:
    """Find the driver's launch file.

    Args:
        driver: The driver.
        values: Text of each argument by its name.

    Returns:
        Its path, "" where the user runs a driver already.

    Raises:
        ConfigError: The driver is not installed, or has no such file.
    """
    if not parse_text(DRIVER, values["driver"]):
        return ""
    package = first_installed(driver.packages)
    if not package:
        text = "expected the driver %s, it is not installed: %s; driver:=false uses one that runs already"
        raise ConfigError(text % (" or ".join(driver.packages), driver.install))
    folder = os.path.join(share_folder(package), "launch")
    paths = [os.path.join(folder, name) for name in driver.launch_files]
    existing = [path for path in paths if os.path.isfile(path)]
    if not existing:
        raise ConfigError("expected %s in %s, it does not exist" % (" or ".join(driver.launch_files), folder))
    return existing[0]


def node_defaults(camera: Camera) -> Dict[str, str]:
    """Return the parameters of pose_node that fit a camera, as YAML."""
    defaults = {"image_topics": "[%s]" % camera.image_topic, "image_rectified": str(camera.image_rectified).lower()}
    return dict(defaults, depth_topic=camera.depth_topic) if camera.depth_topic else defaults


def driver_values(configurations: Dict[str, Any], known: Sequence[str]) -> Dict[str, str]:
    """Return the values that are for the driver alone: driver.publish_tf sets its publish_tf, not that of pose_node.

    Args:
        configurations: All launch configurations by name.
        known: Names of the driver's arguments.

    Raises:
        ConfigError: The driver has no such argument.
    """
    values = {name[len(PREFIX) :]: text for name, text in configurations.items() if name.startswith(PREFIX)}
    for name in values:
        if name not in known:
            raise ConfigError(unknown_text("argument of the camera's driver", name, known))
    return values


def joined(*names: str) -> str:
    """Join names of namespaces; empty ones count for nothing."""
    return "/".join(name.strip("/") for name in names if name.strip("/"))


def _given(values: Dict[str, str], names: Dict[str, str]) -> Dict[str, str]:
    """Return those of our arguments that are set, under the driver's names."""
    return {theirs: values[ours] for ours, theirs in names.items() if values[ours]}


def _realsense(values: Dict[str, str], namespace: str) -> Camera:
    name, serial = values["camera_name"], values["serial_no"]
    above = joined(namespace, values["camera_namespace"])
    arguments = {"camera_name": name, "camera_namespace": above, "align_depth.enable": "true"}
    if serial:  # digits alone would be a number, which the driver refuses
        arguments["serial_no"] = "_" + serial if serial.isdigit() else serial
    topics = "/" + joined(above, name)
    depth = topics + "/aligned_depth_to_color/image_raw"
    return Camera(arguments, topics + "/color/image_raw", depth, False, name + "_color_optical_frame")


def _zed(values: Dict[str, str], namespace: str) -> Camera:
    name, model = values["camera_name"], values["camera_model"]
    if model not in ZED_MODELS and (model or parse_text(DRIVER, values["driver"])):
        raise ConfigError("expected camera_model to be one of %s, got %r" % (", ".join(ZED_MODELS), model))
    arguments = dict(_given(values, {"serial_number": "serial_number"}), camera_name=name, camera_model=model)
    if namespace:  # the driver then takes the camera's name for the node's
        arguments["namespace"] = namespace
        topics = "/" + joined(namespace, name)
    else:
        arguments["node_name"] = "zed_node"
        topics = "/" + joined(name, "zed_node")
    monocular = model.startswith(ZED_MONOCULAR)
    frame = name + ("_camera_frame_optical" if monocular else "_left_camera_frame_optical")
    depth = "" if monocular else topics + "/depth/depth_registered"
    return Camera(arguments, topics + "/rgb/color/rect/image", depth, True, frame)


def _oak(values: Dict[str, str], namespace: str) -> Camera:
    name = values["camera_name"]
    arguments = _given(values, {"camera_model": "camera_model"})
    arguments.update(name=name, namespace=namespace)
    topics = "/" + joined(namespace, name)
    frame = name + "_rgb_camera_optical_frame"
    return Camera(arguments, topics + "/rgb/image_raw", topics + "/stereo/image_raw", False, frame)


REALSENSE = Driver(
    ("realsense2_camera",),
    ("rs_launch.py",),
    apt_line("realsense2_camera"),
    [
        Argument("camera_name", "camera", "Name of the camera, in its topics and frames."),
        Argument("camera_namespace", "camera", "Namespace of the camera, below that of pose_node."),
        Argument("serial_no", "", "Serial number, where several cameras are connected. Empty: any."),
    ],
    _realsense,
)
ZED = Driver(
    ("zed_wrapper",),
    ("zed_camera.launch.py",),
    "build github.com/stereolabs/zed-ros2-wrapper in your workspace, with the ZED SDK",
    [
        Argument("camera_model", "", "One of %s. Required." % ", ".join(ZED_MODELS)),
        Argument("camera_name", "zed", "Name of the camera, in its topics and frames."),
        Argument("serial_number", "", "Serial number, where several cameras are connected. Empty: any."),
    ],
    _zed,
)
OAK = Driver(
    ("depthai_ros_driver_v3", "depthai_ros_driver"),
    ("driver.launch.py", "camera.launch.py"),
    apt_line("depthai_ros_driver"),
    [
        Argument("camera_name", "oak", "Name of the camera, in its topics and frames."),
        Argument("camera_model", "", "Model, such as OAK-D-PRO. Empty: the driver's default."),
    ],
    _oak,
)
