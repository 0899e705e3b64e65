"""What one camera's images come with: their topic and those of camera_info, depth and person boxes, joined by stamp."""

import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence

from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from pose_estimation_ros.core.camera import Camera
from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.core.stamp_matching import Joiner
from pose_estimation_ros.messages.poses import camera_from_info
from pose_estimation_ros.nodes.camera.image_qos import choose, subscribe
from pose_estimation_ros.nodes.camera.statistics import CameraStatistics
from pose_estimation_ros.nodes.camera.watchdog import Watchdog, ask_why
from pose_estimation_ros.nodes.conversions import optional_messages
from pose_estimation_ros.nodes.guard import guard_of
from pose_estimation_ros.nodes.qos import NEWEST_IMAGE, PARTNER
from pose_estimation_ros.nodes.qos_overrides import with_overrides
from pose_estimation_ros.nodes.topic_names import camera_topics, resolved

NO_CLOCK = "use_sim_time is set and nothing came on /clock: no ages"
NO_RAYS = "CameraInfo gives no ray for %.1f %% of its image: no joints in space there"
ALIVE_S = 1.0  # since the last depth image: images wait for theirs no longer once it stopped


class Received(NamedTuple):
    """An image message and how old it was when it came, ms (NaN: no stamp)."""

    msg: Any
    age_ms: float


class CameraInputs:
    """Subscribes, and hands on complete sets: {"image": Received, "depth": msg, "detections": msg}.

    The last two only where they have a topic. Without depth for ALIVE_S, images go on without; without boxes there is
    nobody to look at, so images wait for theirs. take: gets the sets. ``topic``: full name of what the images come on.
    """

    def __init__(self, node: Node, topic: str, values: Dict[str, Any], take: Callable[[Dict[str, Any]], None]) -> None:
        self._node, self._values, self._take = node, values, take
        self.topics = camera_topics(node, topic, values)
        self.compressed = values["image_transport"] == "compressed"
        self.topic = resolved(node, self.topics.image + "/compressed") if self.compressed else self.topics.image
        self._detections: Any = None
        if self.topics.detections:
            self._detections = optional_messages("vision_msgs", ["Detection2DArray"]).Detection2DArray
        self._others: List[Any] = []
        self._images: Any = None
        self._reset()

    def _reset(self) -> None:
        now_s = time.monotonic()
        self.statistics, self.watchdog = CameraStatistics(now_s), Watchdog(self.topic, now_s)
        self._camera: Optional[Camera] = None
        self._camera_fault, self._lacked = "no CameraInfo", ""
        self._depth_s = float("-inf")
        boxes = {"detections": self._values["detections_slop_s"]} if self.topics.detections else {}
        # Of images with and without depth.
        self._joiners = {True: Joiner(dict(boxes, depth=self._values["depth_slop_s"])), False: Joiner(boxes)}

    def open(self) -> None:
        """Subscribes; afresh, as if nothing had ever come."""
        self._reset()
        self._open_images()
        info, depth, detections = self.topics[1:]
        if info:
            self._listen(CameraInfo, info, self._on_camera_info, NEWEST_IMAGE)
        if depth:
            kind, suffix = (CompressedImage, "/compressedDepth") if self.compressed else (Image, "")
            self._listen(kind, depth + suffix, self._on_depth, PARTNER)
        if detections:
            self._listen(self._detections, detections, self._on_detections, PARTNER)

    def _open_images(self) -> None:
        infos = self._node.get_publishers_info_by_topic(self.topic)
        silent_s = self.statistics.summary(time.monotonic()).last_image_age_s
        qos = self._image_qos(infos, arrived=not self.watchdog.outage or silent_s == silent_s)
        kind = CompressedImage if self.compressed else Image
        self._images = subscribe(self._node, kind, self.topic, self._guarded(self.on_image), qos)

    def _image_qos(self, infos: Sequence[Any], arrived: bool) -> QoSProfile:
        """Return the profile to ask images with; what the user overrides comes before our choice."""
        chosen = choose(infos, self._values["qos"], arrived)
        return with_overrides(self._node, "subscription", self.topic, chosen)

    def _listen(self, kind: Any, topic: str, callback: Callable, qos: Any) -> None:
        qos = with_overrides(self._node, "subscription", topic, qos)
        self._others.append(self._node.create_subscription(kind, topic, self._guarded(callback), qos))

    def _guarded(self, callback: Callable) -> Callable:
        """Wrap a callback so that an unexpected exception costs one message, and is counted."""

        def failed() -> None:
            self.statistics.bad_frame(time.monotonic(), "unexpected")

        return guard_of(self._node).wrap(callback, failed)

    def close(self) -> None:
        for subscription in self._others + ([self._images] if self._images else []):
            self._node.destroy_subscription(subscription)
        self._others, self._images = [], None

    def tick(self) -> None:
        """Every second: looks whether images come, and under qos auto asks for another kind where none ever did."""
        said = self.watchdog.check(time.monotonic(), lambda had: ask_why(self._node, self._images, had))
        lacks = "" if self.watchdog.outage else self.lacks
        if lacks and not self._lacked:
            said = "%s: %s" % (self.topic, lacks)
        self._lacked = lacks
        if said:
            self._node.get_logger().warning(said)
        if self.watchdog.outage and not self.watchdog.had_images and self._values["qos"] == "auto":
            wanted = self._image_qos(self._node.get_publishers_info_by_topic(self.topic), arrived=False)
            if wanted.reliability != self._images.qos_profile.reliability:
                self._node.destroy_subscription(self._images)
                self._open_images()

    @property
    def reliability(self) -> str:
        """That the image subscription asks for."""
        return self._images.qos_profile.reliability.short_key if self._images else "unknown"

    @property
    def lacks(self) -> str:
        """What is missing beside images that come, "" for nothing."""
        found = [self._joiner.why_waiting(), "" if self._node.get_clock().now().nanoseconds else NO_CLOCK]
        if self.topics.depth:
            found.append("" if self._depth_lives() else "no depth image for %g s: no joints in space" % ALIVE_S)
            found.append(self._camera_fault and self._camera_fault + ": no joints in space")
        unusable = self._camera.unusable_share() if self._camera else 0.0
        if unusable:
            found.append(NO_RAYS % (100 * unusable))
        return "; ".join(filter(None, found))

    def on_image(self, msg: Any, sequence: Optional[int] = None, publisher: bytes = b"") -> None:
        if not self._values["enabled"]:
            return
        now_s, stamp = time.monotonic(), msg.header.stamp
        self.statistics.received(now_s, sequence, publisher)
        said = self.watchdog.image(now_s)
        if said:
            self._node.get_logger().info(said)
        self._join("image", stamp, Received(msg, age_ms(self._node, stamp)))

    def _depth_lives(self) -> bool:
        return time.monotonic() - self._depth_s < ALIVE_S

    @property
    def _joiner(self) -> Joiner:
        return self._joiners[self._depth_lives()]

    def _join(self, name: str, stamp: Any, message: Any) -> None:
        joined = self._joiner.add(name, stamp.sec * 10**9 + stamp.nanosec, message)
        if joined:
            self._take(joined)

    def _on_depth(self, msg: Any) -> None:
        self._depth_s = time.monotonic()
        self._join("depth", msg.header.stamp, msg)

    def _on_detections(self, msg: Any) -> None:
        self._join("detections", msg.header.stamp, msg)

    def _on_camera_info(self, msg: CameraInfo) -> None:
        try:
            self._camera = camera_from_info(msg, self._values["image_rectified"])
        except FrameError as error:
            self._camera, self._camera_fault = None, "CameraInfo: %s" % error

    def camera(self, image_wh: Sequence[int]) -> Optional[Camera]:
        """The calibration of images of that size, None where there is none."""
        camera = self._camera
        if camera is None:
            return None
        fits = camera.size_wh == tuple(image_wh)
        problem = "CameraInfo is of images of %d x %d px, they have %d x %d" % (camera.size_wh + tuple(image_wh))
        self._camera_fault = "" if fits else problem
        return camera if fits else None


def age_ms(node: Node, stamp: Any) -> float:
    """From a stamp to now on the node's clock; NaN where one of them is zero, for it was never set."""
    stamp_ns, now_ns = stamp.sec * 10**9 + stamp.nanosec, node.get_clock().now().nanoseconds
    return 1e-6 * (now_ns - stamp_ns) if stamp_ns and now_ns else float("nan")
