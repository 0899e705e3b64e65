"""Publish the image with skeletons, pose/image and pose/image/compressed, and pose/markers for RViz."""

import math
import time
from typing import Any, List

from rclpy.publisher import Publisher
from sensor_msgs.msg import CompressedImage, Image
from visualization_msgs.msg import MarkerArray

from pose_estimation_ros.imaging.draw import draw_poses
from pose_estimation_ros.nodes.camera.image_qos import advertise
from pose_estimation_ros.nodes.camera.outputs.output import Output, OutputContext, Result
from pose_estimation_ros.nodes.conversions import MarkerMaker, array_to_image, array_to_jpeg
from pose_estimation_ros.nodes.qos import OUTPUT


class RateLimit:
    """Let events pass at a limited mean rate; a pause is not followed by a burst."""

    def __init__(self) -> None:
        """Let the first event pass."""
        self._slot_s = -math.inf  # when the last event that passed was due

    def passes(self, now_s: float, rate_hz: float) -> bool:
        """Return whether an event may pass now.

        Args:
            now_s: Time of the event on a steady clock.
            rate_hz: Largest rate; 0: every event passes.
        """
        period_s = 1 / rate_hz if rate_hz > 0 else 0.0
        due_s = self._slot_s + period_s
        if now_s < due_s:
            return False
        self._slot_s = due_s if now_s - due_s < period_s else now_s
        return True


class OverlayOutput(Output):
    """Publish the image with the skeletons of its people, raw and as JPEG; it is drawn once for both.

    The JPEGs are at most overlay_rate_hz a second, so that a page or a laptop on WiFi costs the robot little.
    """

    topic = "pose/image"

    def __init__(self, context: OutputContext) -> None:
        """Create the publishers."""
        super().__init__(context, Image)
        self.compressed: "Publisher[Any]" = advertise(
            context.node, CompressedImage, context.prefix + self.topic + "/compressed", OUTPUT
        )
        self._limit = RateLimit()

    def publishers(self) -> List["Publisher[Any]"]:
        """Return both publishers."""
        return [self.publisher, self.compressed]

    def publish(self, result: Result) -> None:
        """Publish the drawn image as those want it who subscribe, if the parameter overlay allows it."""
        if not self.context.values["overlay"]:
            return
        raw, jpeg = self.is_wanted(), self._is_jpeg_due()
        if not raw and not jpeg:
            return
        drawn = draw_poses(result.frame, result.poses, self.context.skeleton)
        if raw:
            self.publisher.publish(array_to_image(drawn, result.header))
        if jpeg:
            self.compressed.publish(array_to_jpeg(drawn, result.header, self.context.values["overlay_quality"]))

    def _is_jpeg_due(self) -> bool:
        if not self.compressed.get_subscription_count():
            return False
        return self._limit.passes(time.monotonic(), self.context.values["overlay_rate_hz"])


class MarkersOutput(Output):
    """Publish the skeletons as markers, in space where that is known."""

    topic = "pose/markers"

    def __init__(self, context: OutputContext) -> None:
        """Create the publisher."""
        super().__init__(context, MarkerArray)
        values = context.values
        self.needs_space = bool(values["target_frame"])  # positions in a plane are in the camera's frame
        lifetime_s, distance_m = values["marker_lifetime_s"], values["marker_distance_m"]
        self._make = MarkerMaker(context.skeleton, values["marker_metres_per_px"], lifetime_s, distance_m)

    def wants_space(self) -> bool:
        """Return whether anybody subscribes; without positions in space the markers stand in a plane."""
        return self.is_wanted()

    def message(self, result: Result) -> Any:
        """Return the MarkerArray of an image."""
        image = result.poses, result.header, result.image_wh, result.camera
        if result.space is None:
            return self._make(*image)
        return self._make(*image, result.space.joints, result.space.header, result.space.depth_m)
