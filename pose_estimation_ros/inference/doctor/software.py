"""Find the package, the libraries of its networks, its extras and ROS."""

import os
import platform
import sys
from typing import Dict, List, Mapping, Tuple

from pose_estimation_ros import __version__
from pose_estimation_ros.core.resources import PACKAGE
from pose_estimation_ros.inference.doctor.finding import MISSING, OK, Finding
from pose_estimation_ros.inference.doctor.probe import Library, is_installed, probe

PIP = "%s -m pip install" % (sys.executable or "python3")  # another Python's would not mend this one
LIBRARIES = (
    Library(
        "libraries",
        "numpy",
        PIP + " numpy",
        broken=PIP + " --force-reinstall numpy; on a TX2 or Nano first: export OPENBLAS_CORETYPE=ARMV8",
    ),
    Library("libraries", "cv2", PIP + " opencv-python-headless"),
    Library("libraries", "onnxruntime", PIP + " onnxruntime", "m.get_available_providers()"),
    Library(
        "libraries",
        "openvino",
        PIP + " openvino (optional, see docs/explanation/precision.md)",
        "m.Core().available_devices",
    ),
    Library("libraries", "tensorrt", "install NVIDIA's JetPack or TensorRT (optional, see docs/how-to/tensorrt.md)"),
    Library(
        "libraries",
        "torch",
        PIP + " 'pose_estimation_ros[train]' (only to train and to export, Python 3.10 or later)",
        "['CUDA ' + m.version.cuda if m.cuda.is_available() else 'CPU only']",
    ),
)
# By the name of an extra of pip: the modules that it installs. A test compares them with setup.py.
EXTRAS = {
    "web": ("aiohttp",),
    "import": ("onnx", "yaml"),
    "evaluate": (
        "pycocotools", "tqdm", "h5py", "rosbags", "apsw", "lz4", "backports.zstd", "yaml", "onnx", "matplotlib", "PIL",
        "jinja2",
    ),
    "train": ("torch", "lightning_fabric", "onnx", "pycocotools", "yaml", "tensorboardX", "h5py", "PIL"),
}  # fmt: skip
OFFLINE, OFFLINE_PYTHON = ("evaluate", "train"), (3, 10)
TYPE_SUPPORT = "__import__('rclpy.type_support').type_support.check_for_type_support(m.PersonArray) or []"
ROS = (
    Library(
        "ROS",
        "rclpy",
        "source /opt/ros/DISTRO/setup.bash, or `make setup` (`pose predict` needs no ROS)",
        "[m.get_rmw_implementation_identifier()]",
    ),
    Library(
        "ROS",
        "pose_estimation_ros.msg",
        "build the messages: `colcon build` and source install/setup.bash, or `make setup`",
        TYPE_SUPPORT,
    ),
)
VARIABLES = ("RMW_IMPLEMENTATION", "ROS_DOMAIN_ID", "ROS_AUTOMATIC_DISCOVERY_RANGE", "ROS_LOCALHOST_ONLY")


def package() -> List[Finding]:
    """Return the versions of the package, of Python and of the system."""
    return [
        Finding("package", "pose_estimation_ros", "%s in %s" % (__version__, PACKAGE)),
        Finding("package", "Python", "%s, %s" % (platform.python_version(), sys.executable)),
        Finding("package", "system", "%s, %s" % (_release(), platform.platform())),
    ]


def libraries() -> List[Finding]:
    """Return the libraries that compute networks, with what they can use."""
    return probe(LIBRARIES)


def extras() -> List[Finding]:
    """Return for each extra of pip whether its modules are there."""
    return [_extra(name, modules) for name, modules in EXTRAS.items()]


def ros(environment: Mapping[str, str] = os.environ, root: str = "/opt/ros") -> List[Finding]:
    """Return the distribution of ROS, whether nodes can run, and the settings of its network.

    Args:
        environment: variables of the process.
        root: folder of the installed distributions.
    """
    settings = [Finding("ROS", name, environment[name]) for name in VARIABLES if environment.get(name)]
    return [_distribution(environment, root)] + probe(ROS) + settings


def _distribution(environment: Mapping[str, str], root: str) -> Finding:
    if environment.get("ROS_DISTRO"):
        return Finding("ROS", "distribution", environment["ROS_DISTRO"])
    installed = sorted(os.listdir(root)) if os.path.isdir(root) else []
    if installed:
        remedy = "source %s" % os.path.join(root, installed[-1], "setup.bash")
        return Finding("ROS", "distribution", "none sourced, installed: " + ", ".join(installed), MISSING, remedy)
    if is_installed("rclpy"):
        return Finding("ROS", "distribution", "that of this Python's packages")
    return Finding("ROS", "distribution", "none", MISSING, "see docs/how-to/install.md (`pose predict` needs no ROS)")


def _extra(name: str, modules: Tuple[str, ...]) -> Finding:
    absent = [module for module in modules if not is_installed(module)]
    if not absent:
        return Finding("extras", name, "complete", OK)
    remedy = "%s 'pose_estimation_ros[%s]'" % (PIP, name)
    if name in OFFLINE and sys.version_info < OFFLINE_PYTHON:
        remedy = "use Python %d.%d or later on another machine" % OFFLINE_PYTHON
    return Finding("extras", name, "without " + ", ".join(absent), MISSING, remedy)


def _release(path: str = "/etc/os-release") -> str:
    """Return the name of the system, such as "Ubuntu 22.04.4 LTS"."""
    values: Dict[str, str] = {}
    try:
        with open(path) as file:
            values = dict(line.strip().split("=", 1) for line in file if "=" in line)
    except (OSError, UnicodeDecodeError):
        pass
    return values.get("PRETTY_NAME", "unknown").strip('"')
