"""Subscribe to the topics of one camera and combine their messages by stamp.

The topics are the image, camera_info, the depth image and person boxes of an external detector.
"""

import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence

from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription
from rclpy.topic_endpoint_info import TopicEndpointInfo
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from pose_estimation_ros.core.camera import Camera
from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.messages.poses import camera_from_info
from pose_estimation_ros.nodes.camera.image_qos import choose, subscribe
from pose_estimation_ros.nodes.camera.stamp_matching import Joiner
from pose_estimation_ros.nodes.camera.statistics import CameraStatistics
from pose_estimation_ros.nodes.camera.watchdog import Watchdog, ask_why
from pose_estimation_ros.nodes.conversions import optional_messages
from pose_estimation_ros.nodes.guard import guard_of
from pose_estimation_ros.nodes.parameter_tables import NONE
from pose_estimation_ros.nodes.qos import NEWEST_IMAGE, PARTNER
from pose_estimation_ros.nodes.qos_overrides import with_overrides
from pose_estimation_ros.nodes.topic_names import camera_topics, resolved

NO_CLOCK = "use_sim_time is set and nothing came on /clock: ages are unknown"
NO_CAMERA_INFO = "no CameraInfo"
NO_DEPTH = "no depth image for %g s: no joints in space"
NO_SPACE = "no depth_topic and no position_without_depth: no positions in space for publish_tf and target_frame"
NO_RAYS = "CameraInfo gives no ray for %.1f %% of its image: no joints in space there"
WRONG_SIZE = "CameraInfo is for images of %d x %d px, they have %d x %d"
ALIVE_S = 1.0  # images do not wait for depth after no depth image came for that long

Callback = Callable[..., Any]


class Received(NamedTuple):
    """Hold an image message and its age when it came, in ms (NaN without a stamp)."""

    msg: Any
    age_ms: float


class CameraInputs:
    """Subscribe to one camera's topics and hand on complete sets of messages.

    A set is {"image": Received, "depth": message, "detections": message}, the last two only if they have a topic. If no
    depth image came for ALIVE_S, images go on without depth. Images always wait for their boxes.

    ``topic`` is the full name of the image topic, ``topics`` has those of the camera, ``compressed`` tells whether the
    images are compressed. ``statistics`` and ``watchdog`` are renewed by open(). ``image_subscription`` is None while
    closed.
    """

    def __init__(self, node: Node, topic: str, values: Dict[str, Any], take: Callable[[Dict[str, Any]], None]) -> None:
        """Resolve the names of the topics; open() subscribes.

        Args:
            node: Node that subscribes.
            topic: One of the parameter image_topics.
            values: Values of the node's parameters; the live ones may change.
            take: Function that gets the sets.
        """
        self._node, self._values, self._take = node, values, take
        self.topics = camera_topics(node, topic, values)
        self.compressed = values["image_transport"] == "compressed"
        self.topic = resolved(node, self.topics.image + "/compressed") if self.compressed else self.topics.image
        self._detections_type: Any = None
        if self.topics.detections:
            self._detections_type = optional_messages("vision_msgs", ["Detection2DArray"]).Detection2DArray
        self._partner_subscriptions: List["Subscription[Any]"] = []
        self.image_subscription: Optional["Subscription[Any]"] = None
        self._reset()

    def _reset(self) -> None:
        now_s = time.monotonic()
        self.statistics, self.watchdog = CameraStatistics(now_s), Watchdog(self.topic, now_s)
        self._camera: Optional[Camera] = None
        self._camera_fault, self._logged_lacks = NO_CAMERA_INFO, ""
        self._last_depth_s = float("-inf")
        boxes = {"detections": self._values["detections_slop_s"]} if self.topics.detections else {}
        self._joiner_with_depth = Joiner(dict(boxes, depth=self._values["depth_slop_s"]))
        self._joiner_without_depth = Joiner(boxes)

    def open(self) -> None:
        """Subscribe, forgetting all that came before."""
        self._reset()
        self._open_images()
        if self.topics.camera_info:
            self._subscribe(CameraInfo, self.topics.camera_info, self.on_camera_info, NEWEST_IMAGE)
        if self.topics.depth:
            kind, suffix = (CompressedImage, "/compressedDepth") if self.compressed else (Image, "")
            self._subscribe(kind, self.topics.depth + suffix, self.on_depth, PARTNER)
        if self.topics.detections:
            self._subscribe(self._detections_type, self.topics.detections, self.on_detections, PARTNER)

    def _open_images(self) -> None:
        publishers = self._node.get_publishers_info_by_topic(self.topic)
        silent_s = self.statistics.summary(time.monotonic()).last_image_age_s
        qos = self._image_qos(publishers, arrived=not self.watchdog.outage or silent_s == silent_s)
        kind = CompressedImage if self.compressed else Image
        self.image_subscription = subscribe(self._node, kind, self.topic, self.guarded(self.on_image), qos)

    def _image_qos(self, publishers: Sequence[TopicEndpointInfo], arrived: bool) -> QoSProfile:
        """Choose the profile of the image subscription; the user's overrides take precedence."""
        chosen = choose(publishers, self._values["qos"], arrived)
        return with_overrides(self._node, "subscription", self.topic, chosen)

    def _subscribe(self, kind: Any, topic: str, callback: Callback, qos: QoSProfile) -> None:
        qos = with_overrides(self._node, "subscription", topic, qos)
        self._partner_subscriptions.append(self._node.create_subscription(kind, topic, self.guarded(callback), qos))

    def guarded(self, callback: Callback) -> Callback:
        """Wrap a callback so that an unexpected exception costs one message, and is counted."""
        return guard_of(self._node).wrap(callback, self._count_fault)

    def fault(self, error: Exception) -> None:
        """Count and log an unexpected exception that cost an image."""
        guard_of(self._node).note(error)
        self._count_fault()

    def _count_fault(self) -> None:
        self.statistics.bad_frame(time.monotonic(), "unexpected")

    def close(self) -> None:
        """Destroy the subscriptions."""
        for subscription in self._partner_subscriptions + [self.image_subscription]:
            if subscription:
                self._node.destroy_subscription(subscription)
        self._partner_subscriptions, self.image_subscription = [], None

    def tick(self) -> None:
        """Log outages and missing inputs, and change the QoS if no image ever came; to be called every second."""
        subscription = self.image_subscription
        if subscription is None:
            return
        now_s = time.monotonic()
        waits = self.watchdog.explain_wait(now_s, lambda had: ask_why(self._node, subscription, had))
        if waits:
            self._node.get_logger().info(waits)
        warning = self.watchdog.check(now_s, lambda had: ask_why(self._node, subscription, had))
        lacks = self.lacks if self.watchdog.had_images and not self.watchdog.outage else ""
        if lacks and not self._logged_lacks:
            warning = "%s: %s" % (self.topic, lacks)
        self._logged_lacks = lacks
        if warning:
            self._node.get_logger().warning(warning)
        if self.watchdog.outage and not self.watchdog.had_images and self._values["qos"] == "auto":
            wanted = self._image_qos(self._node.get_publishers_info_by_topic(self.topic), arrived=False)
            if wanted.reliability != subscription.qos_profile.reliability:
                self._node.destroy_subscription(subscription)
                self._open_images()

    @property
    def reliability(self) -> str:
        """Return the reliability that the image subscription requests."""
        subscription = self.image_subscription
        return str(subscription.qos_profile.reliability.short_key) if subscription else "unknown"

    @property
    def lacks(self) -> str:
        """Return what is missing beside the images that come, "" for nothing."""
        problems = [self._joiner.why_waiting(), "" if self._node.get_clock().now().nanoseconds else NO_CLOCK]
        if self.topics.depth:
            problems.append("" if self.depth_is_alive else NO_DEPTH % ALIVE_S)
            problems.append(self._camera_fault and self._camera_fault + ": no joints in space")
        elif self._values["position_without_depth"] != NONE:
            problems.append(self._camera_fault and self._camera_fault + ": no positions of people")
        elif self._values["publish_tf"] != NONE or self._values["target_frame"]:
            problems.append(NO_SPACE)
        unusable = self._camera.unusable_share() if self._camera else 0.0
        if unusable:
            problems.append(NO_RAYS % (100 * unusable))
        return "; ".join(filter(None, problems))

    @property
    def depth_is_alive(self) -> bool:
        """Return whether a depth image came within the last ALIVE_S."""
        return time.monotonic() - self._last_depth_s < ALIVE_S

    @property
    def _joiner(self) -> Joiner:
        return self._joiner_with_depth if self.depth_is_alive else self._joiner_without_depth

    def on_image(self, msg: Any, sequence: Optional[int] = None, publisher: bytes = b"") -> None:
        """Take an image.

        Args:
            msg: Image or CompressedImage.
            sequence: Number that its publisher gave it, None if unknown.
            publisher: Id of the publisher, b"" if unknown.
        """
        if not self._values["enabled"]:
            return
        now_s, stamp = time.monotonic(), msg.header.stamp
        self.statistics.received(now_s, sequence, publisher)
        news = self.watchdog.image(now_s)
        if news:
            self._node.get_logger().info(news)
        self._join("image", stamp, Received(msg, age_ms(self._node, stamp)))

    def on_depth(self, msg: Any) -> None:
        """Take a depth image."""
        self._last_depth_s = time.monotonic()
        self._join("depth", msg.header.stamp, msg)

    def on_detections(self, msg: Any) -> None:
        """Take the boxes of an external detector."""
        self._join("detections", msg.header.stamp, msg)

    def on_camera_info(self, msg: CameraInfo) -> None:
        """Take a calibration."""
        try:
            self._camera = camera_from_info(msg, self._values["image_rectified"])
        except FrameError as error:
            self._camera, self._camera_fault = None, "CameraInfo: %s" % error

    def _join(self, name: str, stamp: Any, message: Any) -> None:
        joined = self._joiner.add(name, stamp.sec * 10**9 + stamp.nanosec, message)
        if joined:
            self._take(joined)

    def camera(self, image_wh: Sequence[int]) -> Optional[Camera]:
        """Return the calibration of images of that size in pixels, None where there is none."""
        camera = self._camera
        if camera is None:
            return None
        fits = camera.size_wh == tuple(image_wh)
        self._camera_fault = "" if fits else WRONG_SIZE % (camera.size_wh + tuple(image_wh))
        return camera if fits else None


def age_ms(node: Node, stamp: Any) -> float:
    """Return the time from a stamp to the node's present time in ms; NaN if one of the two was never set.

    Args:
        node: The node, for its clock.
        stamp: The builtin_interfaces/Time.
    """
    stamp_ns, now_ns = stamp.sec * 10**9 + stamp.nanosec, node.get_clock().now().nanoseconds
    return 1e-6 * (now_ns - stamp_ns) if stamp_ns and now_ns else float("nan")
