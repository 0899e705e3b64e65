"""Convert between rclpy's messages and arrays, Poses and skeletons, and load messages of optional packages.

What the messages contain is decided in the package `messages`, which works with the classes of rclpy and of bag readers
alike. Here its functions are bound to rclpy's classes. Inverse functions stand beside each other.
"""

import array
import functools
import importlib
from types import SimpleNamespace
from typing import Any, Sequence, Tuple

import numpy as np
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point, Pose, PoseArray, Vector3
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from pose_estimation_ros.core.errors import ConfigError, FrameError
from pose_estimation_ros.imaging.compressed import JPEG_FORMAT, encode_jpeg
from pose_estimation_ros.imaging.encodings import decode_depth, decode_image
from pose_estimation_ros.imaging.image_headers import MAX_PIXELS
from pose_estimation_ros.messages import markers, pose_array, poses
from pose_estimation_ros.msg import Keypoint, Keypoint3D, Person, Person3D, PersonArray, PersonArray3D
from pose_estimation_ros.msg import Skeleton as SkeletonMsg

MESSAGES = SimpleNamespace(
    Keypoint=Keypoint, Person=Person, PersonArray=PersonArray, Skeleton=SkeletonMsg,
    Keypoint3D=Keypoint3D, Person3D=Person3D, PersonArray3D=PersonArray3D,
    Duration=Duration, Point=Point, Pose=Pose, PoseArray=PoseArray, Vector3=Vector3, ColorRGBA=ColorRGBA,
    Marker=Marker, MarkerArray=MarkerArray,
)  # fmt: skip

poses_to_msg = functools.partial(poses.poses_to_msg, MESSAGES)
people_to_pose_array = functools.partial(pose_array.people_to_pose_array, MESSAGES)
people_to_msg = functools.partial(poses.people_to_msg, MESSAGES)
skeleton_to_msg = functools.partial(poses.skeleton_to_msg, MESSAGES)
msg_to_skeleton = poses.msg_to_skeleton
MarkerMaker = functools.partial(markers.MarkerMaker, MESSAGES)


def image_to_array(msg: Image, max_pixels: int = MAX_PIXELS, mono16_bits: int = 0) -> np.ndarray:
    """Decode an image message; an encoding that is not in encodings.LAYOUTS is left to cv_bridge where installed.

    Args:
        msg: Image message.
        max_pixels: Largest number of pixels that is accepted.
        mono16_bits: Bits used of 16-bit samples; 0 chooses by the largest value.

    Returns:
        Frame (H, W, 3) uint8 BGR; for the encoding bgr8 a view on the message's data.

    Raises:
        FrameError: The message is inconsistent, too large, or of an unknown encoding.
    """
    fields = (msg.encoding, msg.height, msg.width, msg.step, msg.is_bigendian, msg.data)
    try:
        return decode_image(*fields, max_pixels=max_pixels, mono16_bits=mono16_bits)
    except FrameError as error:
        if error.kind != "encoding":
            raise
        return _decode_by_cv_bridge(msg, error)


def _decode_by_cv_bridge(msg: Image, cause: FrameError) -> np.ndarray:
    try:
        from cv_bridge import CvBridge, CvBridgeError
    except ImportError:
        raise FrameError("encoding", "%.350s; others need cv_bridge, which is not installed" % cause)
    try:
        frame: np.ndarray = CvBridge().imgmsg_to_cv2(msg, "bgr8")
    except CvBridgeError as error:
        raise FrameError("encoding", "%.250s; cv_bridge: %.200s" % (cause, error))
    return frame


def array_to_image(frame: np.ndarray, header: Header) -> Image:
    """Make an image message without padding.

    Args:
        frame: Frame (H, W, 3) uint8 BGR.
        header: Header of the message.

    Returns:
        Image message of the encoding bgr8.
    """
    height, width = frame.shape[:2]
    msg = Image(header=header, height=height, width=width, encoding="bgr8", is_bigendian=0, step=3 * width)
    msg.data = array.array("B", frame.tobytes())  # rclpy would check any other type byte by byte
    return msg


def array_to_jpeg(frame: np.ndarray, header: Header, quality: int) -> CompressedImage:
    """Make a message of a compressed image, as image_transport does.

    Args:
        frame: Frame (H, W, 3) uint8 BGR.
        header: Header of the message.
        quality: Quality of the JPEG, 1..100.

    Returns:
        Message whose data is a JPEG.

    Raises:
        FrameError: The frame is empty, or larger than a JPEG can be.
    """
    msg = CompressedImage(header=header, format=JPEG_FORMAT)
    msg.data = array.array("B", encode_jpeg(frame, quality))  # rclpy would check any other type byte by byte
    return msg


def depth_to_array(msg: Image, max_pixels: int = MAX_PIXELS) -> Tuple[np.ndarray, str]:
    """Decode a depth image message.

    Args:
        msg: Image message.
        max_pixels: Largest number of pixels that is accepted.

    Returns:
        Depth (H, W), float32 in metres or uint16 in millimetres, and its encoding, 32FC1 or 16UC1.

    Raises:
        FrameError: The message is inconsistent, too large, or of an encoding that is no depth.
    """
    return decode_depth(msg.encoding, msg.height, msg.width, msg.step, msg.is_bigendian, msg.data, max_pixels)


def optional_messages(package: str, names: Sequence[str]) -> SimpleNamespace:
    """Import message classes of a package that need not be installed.

    Args:
        package: Name of the ROS package, such as "hri_msgs".
        names: Names of the classes.

    Returns:
        Namespace with the classes.

    Raises:
        ConfigError: The package is not installed, or lacks one of the classes.
    """
    module = optional_module(package + ".msg", package, names)
    return SimpleNamespace(**{name: getattr(module, name) for name in names})


def optional_module(module: str, package: str, names: Sequence[str]) -> Any:
    """Import a Python module of a ROS package that need not be installed.

    Args:
        module: Name of the module, such as "tf2_ros".
        package: Name of the ROS package, such as "tf2_ros_py".
        names: What the module must have.

    Returns:
        The module.

    Raises:
        ConfigError: The package is not installed, or lacks one of the names.
    """
    try:
        imported = importlib.import_module(module)
    except ImportError as error:
        debian = package.replace("_", "-")
        raise ConfigError("expected %s, install ros-$ROS_DISTRO-%s: %s" % (package, debian, error))
    missing = [name for name in names if not hasattr(imported, name)]
    if missing:
        raise ConfigError("expected a %s with %s, got one without" % (package, ", ".join(missing)))
    return imported
