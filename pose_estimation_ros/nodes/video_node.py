"""An image, a folder, a video, a stream or a camera as an image topic.

Publishes: image (sensor_msgs/Image, bgr8), stamped with the node's time when the image is published. The images of a
video follow each other as its container says, unless rate_hz is given.
"""

import sys
from typing import Any, List, Optional

import cv2
import numpy as np
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.task import Future
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.imaging.video import SourceFrame, open_source
from pose_estimation_ros.nodes.camera.image_qos import advertise
from pose_estimation_ros.nodes.conversions import array_to_image
from pose_estimation_ros.nodes.parameter_tables import VIDEO_PARAMETERS
from pose_estimation_ros.nodes.parameters import declare
from pose_estimation_ros.nodes.qos import OUTPUT
from pose_estimation_ros.nodes.qos_overrides import warn_of_unserved
from pose_estimation_ros.nodes.run import run

LINGER_S = 1.0  # at the end, for the last image to arrive


class VideoNode(Node):
    """Keyword arguments go to rclpy's Node. Raises ConfigError or DataError where it cannot start.

    ``finished`` is done a second after the last image where it does not loop.
    """

    def __init__(self, **node_options: Any) -> None:
        super().__init__("video_node", **node_options)
        self.finished: Future = Future()
        self._options = declare(self, VIDEO_PARAMETERS)
        self._check()
        self._source = open_source(self._options["source"])
        self._frames = iter(self._source)
        self._images = advertise(self, Image, "image", OUTPUT)
        warn_of_unserved(self)
        self._waiting = self._options["wait_for_subscribers"] > 0
        rate_hz = self._options["rate_hz"] or self._source.fps
        self._timer = self.create_timer(1.0 / rate_hz, self._publish_next)
        self._paced = not self._options["rate_hz"] and self._source.kind != "camera"
        self._next: Optional[SourceFrame] = None  # where paced: read before its time has come
        self._start: Any = None  # the node's time of the source's first frame
        self.get_logger().info("%s at %.4g Hz to %s" % (self._source.name, rate_hz, self._images.topic_name))

    def _check(self) -> None:
        if not self._options["source"]:
            raise ConfigError("parameter source: expected an image, a folder, a video or a camera index, got nothing")
        size_wh = self._options["width"], self._options["height"]
        if (size_wh[0] == 0) != (size_wh[1] == 0):
            raise ConfigError("expected both width and height or neither, got %d x %d" % size_wh)

    def _publish_next(self) -> None:
        if self._waiting and self._images.get_subscription_count() < self._options["wait_for_subscribers"]:
            return
        self._waiting = False
        frame = self._next or self._read()
        if frame is None:
            self._end()
            return
        now = self.get_clock().now()
        header = Header(stamp=now.to_msg(), frame_id=self._options["frame_id"])
        self._images.publish(array_to_image(self._resized(frame.image), header))
        if self._paced:
            self._wait_for_the_next(frame.time_s, now)

    def _wait_for_the_next(self, last_s: float, now: Any) -> None:
        """Read the next frame, and set the timer to its time; last_s: time of the frame that was published ``now``."""
        if self._start is None:
            self._start = now - Duration(seconds=last_s)
        self._next = self._read()
        if self._next is None:
            pause_s = 0.0
        elif self._start is None:  # the source has begun again
            pause_s = 1 / self._source.fps
        else:
            due = self._start + Duration(seconds=self._next.time_s)
            pause_s = 1e-9 * (due - self.get_clock().now()).nanoseconds
        self._timer.timer_period_ns = int(1e9 * max(pause_s, 0.0))
        self._timer.reset()

    def _read(self) -> Optional[SourceFrame]:
        """Return the next frame, of the source's beginning after its end where it loops; None at the end."""
        frame = next(self._frames, None)
        if frame is None:
            self._tell_unreadable()
            if self._options["loop"]:
                self._source.close()
                self._source = open_source(self._options["source"])
                self._frames, self._start = iter(self._source), None
                frame = next(self._frames, None)
        return frame

    def _tell_unreadable(self) -> None:
        unreadable = self._source.unreadable
        if unreadable:
            counts = len(unreadable), len(self._source.paths)
            text = "%d of %d images left out; the first: %s" % (counts + (unreadable[0],))
            self.get_logger().warning(text, once=True)

    def _end(self) -> None:
        self._timer.cancel()
        self._timer = self.create_timer(LINGER_S, lambda: self.finished.set_result(None))

    def _resized(self, image: np.ndarray) -> np.ndarray:
        size_wh = self._options["width"], self._options["height"]
        if size_wh == (0, 0) or size_wh == (image.shape[1], image.shape[0]):
            return image
        return cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA)

    def destroy_node(self) -> None:
        if hasattr(self, "_source"):
            self._source.close()
        super().destroy_node()


def main(args: List[str] = None) -> int:
    return run("video_node", VideoNode, args)


if __name__ == "__main__":
    sys.exit(main())
