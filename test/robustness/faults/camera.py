"""Provide a camera for the fault rig: good images, in which the node finds one person, and all kinds of bad ones."""

import array

import cv2
import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import TransformStamped
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
from tiny_models import paint_blob

WIDTH, HEIGHT = 96, 128
SPOTS = {(30, 40): (0, 0, 255), (60, 80): (0, 255, 0), (70, 20): (255, 0, 0)}  # colours that the colour model finds
DEPTH_MM = 2000
FRAME, FIXED_FRAME = "camera_optical_frame", "map"
TF = "tf_of_the_rig"  # its type needs no package beside those of every wheel of ROS; faults.tf_node reads it


def picture(width=WIDTH, height=HEIGHT):
    """Return an image (height, width, 3) uint8 BGR in which the tiny colour model finds one person."""
    frame = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for xy, color in SPOTS.items():
        paint_blob(frame, xy, color, 12.0)
    return cv2.resize(frame, (width, height))


def header(stamp_s):
    """Return the header of an image with that stamp in seconds."""
    stamp_ns = int(round(stamp_s * 1e9))
    return Header(stamp=Time(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9), frame_id=FRAME)


def image(values, stamp_s, encoding="bgr8", **fields):
    """Make an Image message without padding.

    Args:
        values: Image (H, W) or (H, W, C).
        stamp_s: Stamp in seconds.
        encoding: Encoding of the message.
        fields: Fields of the message to replace, whether they fit or not.

    Returns:
        The message.
    """
    height, width = values.shape[:2]
    data = array.array("B", np.ascontiguousarray(values).tobytes())
    consistent = dict(height=height, width=width, encoding=encoding, step=values.nbytes // height, data=data)
    return Image(header=header(stamp_s), **dict(consistent, **fields))


def compressed(values, stamp_s, suffix=".jpg", keep=1.0):
    """Make a CompressedImage message.

    Args:
        values: Image (H, W, 3) uint8 BGR.
        stamp_s: Stamp in seconds.
        suffix: Format of the file, such as ".jpg".
        keep: Share of the bytes to keep, to truncate the file.

    Returns:
        The message.
    """
    data = cv2.imencode(suffix, values)[1].tobytes()
    data = array.array("B", data[: int(keep * len(data))])
    return CompressedImage(header=header(stamp_s), format="bgr8; jpeg compressed bgr8", data=data)


def depth(stamp_s, width=WIDTH, height=HEIGHT):
    """Make a depth image of that size in which everything is DEPTH_MM away."""
    return image(np.full((height, width), DEPTH_MM, np.uint16), stamp_s, "16UC1")


def camera_info(stamp_s, focal_px=100.0):
    """Make a CameraInfo; an uncalibrated camera sends a focal length of 0."""
    k = [focal_px, 0.0, (WIDTH - 1) / 2.0, 0.0, focal_px, (HEIGHT - 1) / 2.0, 0.0, 0.0, 1.0]
    return CameraInfo(
        header=header(stamp_s), width=WIDTH, height=HEIGHT, k=k, distortion_model="plumb_bob", d=[0.0] * 5
    )


def transform(stamp_s):
    """Make the transform from the camera's frame to the fixed one, with which they are 1 m apart."""
    message = TransformStamped(header=header(stamp_s), child_frame_id=FRAME)
    message.header.frame_id = FIXED_FRAME
    message.transform.translation.z = 1.0
    return message


BESIDE = {
    "depth": (Image, "depth/image", depth),
    "camera_info": (CameraInfo, "camera_info", camera_info),
    "transform": (TransformStamped, TF, transform),
}


class Camera:
    """Publish as a camera driver does."""

    def __init__(self, node, transport="raw", beside=(), reliable=True, latched=False):
        """Create the publishers.

        Args:
            node: Node that publishes.
            transport: "raw" or "compressed".
            beside: What comes with each image, names of BESIDE.
            reliable: Reliability of the publishers.
            latched: Whether their durability is transient local.
        """
        qos = QoSProfile(depth=5)
        qos.reliability = ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT
        qos.durability = DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE
        topics = {"image": (Image, "image")}
        if transport == "compressed":
            topics = {"image": (CompressedImage, "image/compressed")}
        topics.update({name: BESIDE[name][:2] for name in beside})
        self._node, self._transport = node, transport
        self._publishers = {name: node.create_publisher(kind, topic, qos) for name, (kind, topic) in topics.items()}

    def publish(self, **messages):
        """Publish messages by their names, image and those of BESIDE."""
        for name, message in messages.items():
            self._publishers[name].publish(message)

    def good(self, stamp_s, frame=None):
        """Publish all that a good camera publishes for one image."""
        frame = picture() if frame is None else frame
        self.publish(**{name: BESIDE[name][2](stamp_s) for name in self._publishers if name in BESIDE})
        self.publish(image=image(frame, stamp_s) if self._transport == "raw" else compressed(frame, stamp_s))

    def close(self):
        """Destroy the publishers."""
        while self._publishers:
            self._node.destroy_publisher(self._publishers.popitem()[1])
