"""Messages <-> arrays and Poses, in inverse pairs."""

import array
import functools
from types import SimpleNamespace
from typing import Tuple

import numpy as np
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.imaging.encodings import decode_depth, decode_image
from pose_estimation_ros.imaging.image_headers import MAX_PIXELS
from pose_estimation_ros.messages import poses as messages
from pose_estimation_ros.msg import Keypoint, Keypoint3D, Person, Person3D, Person3DArray, PersonArray
from pose_estimation_ros.msg import Skeleton as SkeletonMsg

MESSAGES = SimpleNamespace(
    Keypoint=Keypoint, Person=Person, PersonArray=PersonArray, Skeleton=SkeletonMsg,
    Keypoint3D=Keypoint3D, Person3D=Person3D, Person3DArray=Person3DArray,
)  # fmt: skip


def image_to_array(msg: Image, max_pixels: int = MAX_PIXELS, mono16_bits: int = 0) -> np.ndarray:
    """Return a frame (H, W, 3) uint8 BGR, for bgr8 a view on the message. Raises FrameError, see decode_image.

    An encoding outside encodings.LAYOUTS is left to cv_bridge where that is installed.
    """
    fields = (msg.encoding, msg.height, msg.width, msg.step, msg.is_bigendian, msg.data)
    try:
        return decode_image(*fields, max_pixels=max_pixels, mono16_bits=mono16_bits)
    except FrameError as error:
        if error.kind != "encoding":
            raise
        return _by_cv_bridge(msg, error)


def depth_to_array(msg: Image, max_pixels: int = MAX_PIXELS) -> Tuple[np.ndarray, str]:
    """Return depth (H, W) float32 m or uint16 mm, and its encoding; see encodings.decode_depth. Raises FrameError."""
    return decode_depth(msg.encoding, msg.height, msg.width, msg.step, msg.is_bigendian, msg.data, max_pixels)


def _by_cv_bridge(msg: Image, cause: FrameError) -> np.ndarray:
    try:
        from cv_bridge import CvBridge, CvBridgeError
    except ImportError:
        raise FrameError("encoding", "%.350s; others need cv_bridge, which is not installed" % cause)
    try:
        return CvBridge().imgmsg_to_cv2(msg, "bgr8")
    except CvBridgeError as error:
        raise FrameError("encoding", "%.250s; cv_bridge: %.200s" % (cause, error))


def array_to_image(frame: np.ndarray, header: Header) -> Image:
    """Frame (H, W, 3) uint8 BGR -> a bgr8 message without padding."""
    height, width = frame.shape[:2]
    msg = Image(header=header, height=height, width=width, encoding="bgr8", is_bigendian=0, step=3 * width)
    msg.data = array.array("B", frame.tobytes())  # any other type would be checked byte by byte
    return msg


poses_to_msg = functools.partial(messages.poses_to_msg, MESSAGES)
joints_to_msg = functools.partial(messages.joints_to_msg, MESSAGES)
skeleton_to_msg = functools.partial(messages.skeleton_to_msg, MESSAGES)


def msg_to_skeleton(msg: SkeletonMsg) -> Skeleton:
    """Inverse of skeleton_to_msg: a subscriber needs no table of its own."""
    links = tuple(zip(msg.links[::2], msg.links[1::2]))
    return Skeleton(msg.name, tuple(msg.keypoints), links, tuple(msg.oks_sigmas))
