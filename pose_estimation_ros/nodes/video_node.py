"""Publish an image, a folder of images, a video, a stream or a camera as an image topic.

The topic is image (sensor_msgs/Image, bgr8). Its stamp is the node's time of publishing. The images of a video follow
each other at the times in its container, unless rate_hz is given. With a calibration, camera_info is published beside
each image, with the same header.
"""

import sys
from typing import Any, List, Optional

import cv2
import numpy as np
from rclpy.duration import Duration
from rclpy.task import Future
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.imaging.video import SourceFrame, open_source
from pose_estimation_ros.nodes.camera.image_qos import advertise
from pose_estimation_ros.nodes.camera_info_file import read_camera_info, stamped
from pose_estimation_ros.nodes.conversions import array_to_image
from pose_estimation_ros.nodes.parameter_tables import VIDEO_PARAMETERS
from pose_estimation_ros.nodes.parameters import ParameterNode, declare
from pose_estimation_ros.nodes.qos import OUTPUT
from pose_estimation_ros.nodes.qos_overrides import warn_of_unserved
from pose_estimation_ros.nodes.run import run
from pose_estimation_ros.nodes.topic_names import camera_topics

NO_PARTNERS = {"image_topics": ["image"], "depth_topic": "", "detections_topic": ""}
LINGER_S = 1.0  # after the end, so that the last image arrives


class VideoNode(ParameterNode):
    """Play an image source.

    ``finished`` is done a second after the last image if the source is not looped. ``timer`` calls publish_next() and
    ``publisher`` publishes the images.
    """

    def __init__(self, **node_options: Any) -> None:
        """Open the source and start to play it.

        Args:
            node_options: Keyword arguments of rclpy's Node.

        Raises:
            ConfigError: A parameter is wrong.
            DataError: The source cannot be played, or the calibration cannot be read.
        """
        super().__init__("video_node", **node_options)
        self.finished: "Future[None]" = Future()
        self._options = declare(self, VIDEO_PARAMETERS)
        self._check()
        url = self._options["camera_info_url"]
        self._camera_info = read_camera_info(url) if url else None
        self._source = open_source(self._options["source"])
        self._frames = iter(self._source)
        self.publisher = advertise(self, Image, "image", OUTPUT)
        if self._camera_info:
            topics = camera_topics(self, "image", dict(NO_PARTNERS, camera_info_topic="camera_info"))
            self._camera_info_publisher = advertise(self, CameraInfo, topics.camera_info, OUTPUT)
        warn_of_unserved(self)
        self._waiting = self._options["wait_for_subscribers"] > 0
        rate_hz = self._options["rate_hz"] or self._source.fps
        # Reading from a camera waits for its next image. A timer of the same rate would fall behind a little each time,
        # until it reads images that have waited in the driver's queue.
        reads_at_once = self._source.kind == "camera" and not self._options["rate_hz"]
        self.timer = self.create_timer((0.5 if reads_at_once else 1.0) / rate_hz, self.publish_next)
        self._follows_container = not self._options["rate_hz"] and self._source.kind != "camera"
        self._next: Optional[SourceFrame] = None  # read ahead while the container's times are followed
        self._start: Optional[Time] = None  # the node's time of the source's first frame
        self.get_logger().info("playing %s at %.4g Hz on %s" % (self._source.name, rate_hz, self.publisher.topic_name))

    def _check(self) -> None:
        if not self._options["source"]:
            raise ConfigError("parameter source: expected an image, a folder, a video or a camera index, got nothing")
        size_wh = self._options["width"], self._options["height"]
        if (size_wh[0] == 0) != (size_wh[1] == 0):
            raise ConfigError("expected both width and height or neither, got %d x %d" % size_wh)

    def publish_next(self) -> None:
        """Publish the next image, and set the timer to the time of the one after it."""
        if self._waiting and self.publisher.get_subscription_count() < self._options["wait_for_subscribers"]:
            return
        self._waiting = False
        frame = self._next or self._read()
        if frame is None:
            self._end()
            return
        now = self.get_clock().now()
        header = Header(stamp=now.to_msg(), frame_id=self._options["frame_id"])
        self._publish(self._resize(frame.image), header)
        if self._follows_container:
            self._schedule_next(frame.time_s, now)

    def _publish(self, image: np.ndarray, header: Header) -> None:
        self.publisher.publish(array_to_image(image, header))
        if not self._camera_info:
            return
        try:
            info = stamped(self._camera_info, header, (image.shape[1], image.shape[0]))
        except DataError as error:
            self.get_logger().warning("no camera_info: %s" % error, once=True)
        else:
            self._camera_info_publisher.publish(info)

    def _schedule_next(self, last_s: float, now: Time) -> None:
        """Read the next frame and set the timer to its time.

        Args:
            last_s: Time of the frame that was just published, in seconds of the source.
            now: The node's time at which it was published.
        """
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
        self.timer.timer_period_ns = int(1e9 * max(pause_s, 0.0))
        self.timer.reset()

    def _read(self) -> Optional[SourceFrame]:
        """Return the next frame, after the end the first one again if looped; None at the end."""
        frame = next(self._frames, None)
        if frame is None:
            self._warn_of_unreadable()
            if self._options["loop"]:
                self._source.close()
                self._source = open_source(self._options["source"])
                self._frames, self._start = iter(self._source), None
                frame = next(self._frames, None)
        return frame

    def _warn_of_unreadable(self) -> None:
        unreadable = self._source.unreadable
        if unreadable:
            counts = len(unreadable), len(self._source.paths)
            text = "%d of %d images cannot be read and are left out; the first: %s" % (counts + (unreadable[0],))
            self.get_logger().warning(text, once=True)

    def _end(self) -> None:
        self.timer.cancel()
        self.timer = self.create_timer(LINGER_S, lambda: self.finished.set_result(None))

    def _resize(self, image: np.ndarray) -> np.ndarray:
        size_wh = self._options["width"], self._options["height"]
        if size_wh == (0, 0) or size_wh == (image.shape[1], image.shape[0]):
            return image
        return cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA)

    def destroy_node(self) -> None:
        """Close the source and destroy the node."""
        if hasattr(self, "_source"):
            self._source.close()
        super().destroy_node()


def main(args: Optional[List[str]] = None) -> int:
    """Run the node; return the exit code."""
    return run("video_node", VideoNode, args)


if __name__ == "__main__":
    sys.exit(main())
