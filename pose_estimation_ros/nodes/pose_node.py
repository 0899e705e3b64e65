"""Camera topic in, keypoints out: wiring of parameters, Pipeline and publishers. One thread.

Subscribes: image (sensor_msgs/Image). Publishes, stamped as the image: pose/keypoints (PersonArray), pose/skeleton
(Skeleton, latched); and while somebody listens pose/markers (MarkerArray), pose/image (Image with skeletons drawn).
"""

import collections
import sys
import time
from typing import Any, List

import numpy as np
from rclpy.node import Node
from rclpy.task import Future
from sensor_msgs.msg import Image
from visualization_msgs.msg import MarkerArray

from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.inference.draw import draw_poses
from pose_estimation_ros.inference.pipeline import PipelineOptions, build_pipeline
from pose_estimation_ros.msg import PersonArray, Skeleton, Timing
from pose_estimation_ros.nodes.conversions import (
    array_to_image,
    image_to_array,
    poses_to_msg,
    skeleton_to_msg,
    stamp_to_s,
)
from pose_estimation_ros.nodes.markers import MarkerMaker
from pose_estimation_ros.nodes.parameters import POSE_PARAMETERS, declare
from pose_estimation_ros.nodes.qos import LATCHED, NEWEST_IMAGE, OUTPUT
from pose_estimation_ros.nodes.run import run

WARN_EVERY_S = 5.0


class PoseNode(Node):
    """Keyword arguments go to rclpy's Node. Raises ConfigError or ModelError where it cannot start."""

    def __init__(self, **node_options):
        # type: (Any) -> None
        super().__init__("pose_node", **node_options)
        self.finished = Future()  # type: Future  # never done: runs until a signal comes
        self.dropped = collections.Counter()  # type: collections.Counter
        values = declare(self, POSE_PARAMETERS)
        options = PipelineOptions(*(values[name] for name in PipelineOptions._fields))
        self._pipeline = build_pipeline(options)
        skeleton = self._pipeline.skeleton
        self._make_markers = MarkerMaker(skeleton, values["marker_metres_per_px"], values["marker_lifetime_s"])
        self._keypoints = self.create_publisher(PersonArray, "pose/keypoints", OUTPUT)
        self._markers = self.create_publisher(MarkerArray, "pose/markers", OUTPUT)
        self._overlay = self.create_publisher(Image, "pose/image", OUTPUT)
        self._skeleton = self.create_publisher(Skeleton, "pose/skeleton", LATCHED)
        self._skeleton.publish(skeleton_to_msg(skeleton))
        images = self.create_subscription(Image, "image", self._on_image, NEWEST_IMAGE)
        text = "%s on %s, detector %s, images from %s"
        pipeline = self._pipeline
        self.get_logger().info(text % (options.model, pipeline.backend_name, pipeline.detector_name, images.topic_name))
        self._fault = ""
        self._tell_fault()

    def _on_image(self, msg):
        # type: (Image) -> None
        received_ms, start_s = self._since_ms(msg.header.stamp), time.perf_counter()
        try:
            frame = image_to_array(msg)
            decode_ms = 1e3 * (time.perf_counter() - start_s)
            poses = self._pipeline(frame, stamp_to_s(msg.header.stamp))
        except FrameError as error:
            self._drop(error)
            return
        people = poses_to_msg(poses, msg.header, (msg.width, msg.height), self._pipeline.skeleton.name)
        self._tell_fault()
        people.timing = self._timing(received_ms, decode_ms)
        people.timing.total_ms = self._since_ms(msg.header.stamp)
        self._keypoints.publish(people)
        self._show(poses, frame, msg)

    def _show(self, poses, frame, msg):
        # type: (Poses, np.ndarray, Image) -> None
        """Markers and overlay, only while somebody listens."""
        if self._markers.get_subscription_count():
            self._markers.publish(self._make_markers(poses, msg.header, (msg.width, msg.height)))
        if self._overlay.get_subscription_count():
            frame = frame.copy()
            draw_poses(frame, poses, self._pipeline.skeleton)
            self._overlay.publish(array_to_image(frame, msg.header))

    def _timing(self, received_ms, decode_ms):
        # type: (float, float) -> Timing
        """All but total_ms; decoding the image counts as preprocessing."""
        preprocess_ms, inference_ms, postprocess_ms = self._pipeline.timing
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
        return 1e-6 * (self.get_clock().now().nanoseconds - stamp_ns) if stamp_ns else float("nan")

    def _tell_fault(self):
        # type: () -> None
        """Once for each: an engine that was not to be had, or failed on the way."""
        if self._pipeline.fault != self._fault:
            self._fault = self._pipeline.fault
            self.get_logger().warning("not as configured, on the CPU instead: %s" % self._fault)

    def _drop(self, error):
        # type: (FrameError) -> None
        self.dropped[error.kind] += 1
        counts = ", ".join("%s %d" % item for item in sorted(self.dropped.items()))
        text = "image dropped: %s (so far: %s)" % (error, counts)
        self.get_logger().warning(text, throttle_duration_sec=WARN_EVERY_S)

    def destroy_node(self):
        # type: () -> None
        if hasattr(self, "_pipeline"):
            self._pipeline.close()
        super().destroy_node()


def main(args=None):
    # type: (List[str]) -> int
    return run("pose_node", PoseNode, args)


if __name__ == "__main__":
    sys.exit(main())
