"""A camera for faults: good images, with which the node finds one person, and all kinds that are not good."""

import array

import cv2
import numpy as np
from builtin_interfaces.msg import Time
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
from tiny_models import paint_blob

WIDTH, HEIGHT = 96, 128
SPOTS = {(30, 40): (0, 0, 255), (60, 80): (0, 255, 0), (70, 20): (255, 0, 0)}  # of the colour finder
DEPTH_MM = 2000


def picture(width=WIDTH, height=HEIGHT):
    """(height, width, 3) uint8 BGR in which the tiny colour model finds one person."""
    frame = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for xy, color in SPOTS.items():
        paint_blob(frame, xy, color, 12.0)
    return cv2.resize(frame, (width, height))


def header(stamp_s):
    """Of an image with that stamp, s."""
    stamp_ns = int(round(stamp_s * 1e9))
    return Header(stamp=Time(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9), frame_id="camera_optical_frame")


def image(values, stamp_s, encoding="bgr8", **fields):
    """An Image of (H, W) or (H, W, C) values without padding; fields replace its own, rightly or not."""
    height, width = values.shape[:2]
    data = array.array("B", np.ascontiguousarray(values).tobytes())
    given = dict(height=height, width=width, encoding=encoding, step=values.nbytes // height, data=data)
    return Image(header=header(stamp_s), **dict(given, **fields))


def compressed(values, stamp_s, suffix=".jpg", keep=1.0):
    """A CompressedImage, of whose bytes only that share is there."""
    data = cv2.imencode(suffix, values)[1].tobytes()
    data = array.array("B", data[: int(keep * len(data))])
    return CompressedImage(header=header(stamp_s), format="bgr8; jpeg compressed bgr8", data=data)


def depth(stamp_s, width=WIDTH, height=HEIGHT):
    return image(np.full((height, width), DEPTH_MM, np.uint16), stamp_s, "16UC1")


def camera_info(stamp_s, focal_px=100.0):
    """focal_px 0: as uncalibrated cameras send."""
    k = [focal_px, 0.0, (WIDTH - 1) / 2.0, 0.0, focal_px, (HEIGHT - 1) / 2.0, 0.0, 0.0, 1.0]
    return CameraInfo(
        header=header(stamp_s), width=WIDTH, height=HEIGHT, k=k, distortion_model="plumb_bob", d=[0.0] * 5
    )


class Camera:
    """The publishers of a camera driver; transport: raw or compressed; with_depth: it has depth and calibration too."""

    def __init__(self, node, transport="raw", with_depth=False, reliable=True, latched=False):
        qos = QoSProfile(depth=5)
        qos.reliability = ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT
        qos.durability = DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE
        topics = {"image": (Image, "image")}
        if transport == "compressed":
            topics = {"image": (CompressedImage, "image/compressed")}
        if with_depth:
            topics.update(depth=(Image, "depth/image"), camera_info=(CameraInfo, "camera_info"))
        self._node, self._transport = node, transport
        self._publishers = {name: node.create_publisher(kind, topic, qos) for name, (kind, topic) in topics.items()}

    def publish(self, **messages):
        for name, message in messages.items():
            self._publishers[name].publish(message)

    def good(self, stamp_s, frame=None):
        """Publishes all that a good camera does for one image."""
        frame = picture() if frame is None else frame
        if "depth" in self._publishers:
            self.publish(camera_info=camera_info(stamp_s), depth=depth(stamp_s))
        self.publish(image=image(frame, stamp_s) if self._transport == "raw" else compressed(frame, stamp_s))

    def close(self):
        while self._publishers:
            self._node.destroy_publisher(self._publishers.popitem()[1])
