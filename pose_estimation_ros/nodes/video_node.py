"""An image, a folder, a video or a camera as an image topic.

Publishes: image (sensor_msgs/Image, bgr8), stamped with the node's time when the image was read.
"""

import sys
from typing import Any, List

import cv2
import numpy as np
from rclpy.node import Node
from rclpy.task import Future
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.inference.video import open_source
from pose_estimation_ros.nodes.conversions import array_to_image
from pose_estimation_ros.nodes.parameter_tables import VIDEO_PARAMETERS
from pose_estimation_ros.nodes.parameters import declare
from pose_estimation_ros.nodes.qos import OUTPUT
from pose_estimation_ros.nodes.run import run

LINGER_S = 1.0  # at the end, for the last image to arrive


class VideoNode(Node):
    """Keyword arguments go to rclpy's Node. Raises ConfigError or DataError where it cannot start.

    ``finished`` is done a second after the last image where it does not loop.
    """

    def __init__(self, **node_options):
        # type: (Any) -> None
        super().__init__("video_node", **node_options)
        self.finished = Future()  # type: Future
        self._options = declare(self, VIDEO_PARAMETERS)
        self._check()
        self._source = open_source(self._options["source"])
        self._frames = iter(self._source)
        self._images = self.create_publisher(Image, "image", OUTPUT)
        self._waiting = self._options["wait_for_subscribers"] > 0
        rate_hz = self._options["rate_hz"] or self._source.fps
        self._timer = self.create_timer(1.0 / rate_hz, self._publish_next)
        self.get_logger().info("%s at %.4g Hz to %s" % (self._source.name, rate_hz, self._images.topic_name))

    def _check(self):
        # type: () -> None
        if not self._options["source"]:
            raise ConfigError("parameter source: expected an image, a folder, a video or a camera index, got nothing")
        size_wh = self._options["width"], self._options["height"]
        if (size_wh[0] == 0) != (size_wh[1] == 0):
            raise ConfigError("expected both width and height or neither, got %d x %d" % size_wh)

    def _publish_next(self):
        # type: () -> None
        if self._waiting and self._images.get_subscription_count() < self._options["wait_for_subscribers"]:
            return
        self._waiting = False
        frame = next(self._frames, None)
        if frame is None:
            frame = self._begin_again() if self._options["loop"] else None
        if frame is None:
            self._end()
            return
        header = Header(stamp=self.get_clock().now().to_msg(), frame_id=self._options["frame_id"])
        self._images.publish(array_to_image(self._resized(frame.image), header))

    def _begin_again(self):
        # type: () -> Any
        self._source.close()
        self._source = open_source(self._options["source"])
        self._frames = iter(self._source)
        return next(self._frames, None)

    def _end(self):
        # type: () -> None
        self._timer.cancel()
        self._timer = self.create_timer(LINGER_S, lambda: self.finished.set_result(None))

    def _resized(self, image):
        # type: (np.ndarray) -> np.ndarray
        size_wh = self._options["width"], self._options["height"]
        if size_wh == (0, 0) or size_wh == (image.shape[1], image.shape[0]):
            return image
        return cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA)

    def destroy_node(self):
        # type: () -> None
        if hasattr(self, "_source"):
            self._source.close()
        super().destroy_node()


def main(args=None):
    # type: (List[str]) -> int
    return run("video_node", VideoNode, args)


if __name__ == "__main__":
    sys.exit(main())
