"""One camera of the node: its image topic, the memory of its people, its results.

Subscribes: the image topic. Publishes, stamped as the image: pose/keypoints (PersonArray), and while somebody listens
pose/markers (MarkerArray), pose/image (Image with skeletons drawn).
"""

import collections
import time
from typing import Any, Dict, List

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import Image
from visualization_msgs.msg import MarkerArray

from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.inference.draw import draw_poses
from pose_estimation_ros.inference.pipeline import Pipeline
from pose_estimation_ros.msg import PersonArray, Timing
from pose_estimation_ros.nodes.conversions import array_to_image, image_to_array, poses_to_msg, stamp_to_s
from pose_estimation_ros.nodes.markers import MarkerMaker
from pose_estimation_ros.nodes.qos import NEWEST_IMAGE, OUTPUT

WARN_EVERY_S = 5.0


class CameraStream:
    """pipeline: this camera's own. prefix: of the topics published. values: the node's parameters, live ones change."""

    def __init__(self, node, pipeline, topic, prefix, values):
        # type: (Node, Pipeline, str, str, Dict[str, Any]) -> None
        self._node, self.pipeline, self.topic, self._values = node, pipeline, topic, values
        self.dropped = collections.Counter()  # type: collections.Counter
        self._subscriptions = []  # type: List[Any]
        self._make_markers = MarkerMaker(pipeline.skeleton, values["marker_metres_per_px"], values["marker_lifetime_s"])
        self._keypoints = node.create_publisher(PersonArray, prefix + "pose/keypoints", OUTPUT)
        self._markers = node.create_publisher(MarkerArray, prefix + "pose/markers", OUTPUT)
        self._overlay = node.create_publisher(Image, prefix + "pose/image", OUTPUT)

    def open(self):
        # type: () -> None
        """Subscribes; from then on ``topic`` is the topic's full name."""
        images = self._node.create_subscription(Image, self.topic, self.on_image, NEWEST_IMAGE)
        self._subscriptions, self.topic = [images], images.topic_name

    def close(self):
        # type: () -> None
        """Unsubscribes and forgets the people."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions = []
        self.pipeline.reset()

    def destroy(self):
        # type: () -> None
        self.close()
        for publisher in (self._keypoints, self._markers, self._overlay):
            self._node.destroy_publisher(publisher)

    def on_image(self, msg):
        # type: (Image) -> None
        if not self._values["enabled"]:
            return
        received_ms, start_s = self._since_ms(msg.header.stamp), time.perf_counter()
        try:
            frame = image_to_array(msg)
            decode_ms = 1e3 * (time.perf_counter() - start_s)
            poses = self.pipeline(frame, stamp_to_s(msg.header.stamp))
        except FrameError as error:
            self._drop(error)
            return
        people = poses_to_msg(poses, msg.header, (msg.width, msg.height), self.pipeline.skeleton.name)
        people.timing = self._timing(received_ms, decode_ms)
        people.timing.total_ms = self._since_ms(msg.header.stamp)
        self._keypoints.publish(people)
        self._show(poses, frame, msg)

    def _show(self, poses, frame, msg):
        # type: (Poses, np.ndarray, Image) -> None
        """Markers and overlay, only while somebody listens."""
        if self._markers.get_subscription_count():
            self._markers.publish(self._make_markers(poses, msg.header, (msg.width, msg.height)))
        if self._values["overlay"] and self._overlay.get_subscription_count():
            frame = frame.copy()
            draw_poses(frame, poses, self.pipeline.skeleton)
            self._overlay.publish(array_to_image(frame, msg.header))

    def _timing(self, received_ms, decode_ms):
        # type: (float, float) -> Timing
        """All but total_ms; decoding the image counts as preprocessing."""
        preprocess_ms, inference_ms, postprocess_ms = self.pipeline.timing
        return Timing(
            capture_to_receive_ms=received_ms,
            preprocess_ms=decode_ms + preprocess_ms,
            inference_ms=inference_ms,
            postprocess_ms=postprocess_ms,
        )

    def _since_ms(self, stamp):
        # type: (Any) -> float
        """Milliseconds from a stamp to now on the node's clock; NaN where the stamp is zero."""
        stamp_ns = stamp.sec * 10**9 + stamp.nanosec
        return 1e-6 * (self._node.get_clock().now().nanoseconds - stamp_ns) if stamp_ns else float("nan")

    def _drop(self, error):
        # type: (FrameError) -> None
        self.dropped[error.kind] += 1
        counts = ", ".join("%s %d" % item for item in sorted(self.dropped.items()))
        text = "image dropped: %s (so far: %s)" % (error, counts)
        self._node.get_logger().warning(text, throttle_duration_sec=WARN_EVERY_S)
