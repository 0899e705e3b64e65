"""Find the cameras of all pose nodes, and follow their topics while somebody looks.

While nobody looks, this node subscribes to nothing, so no pose node draws a picture for it or computes distances. There
is one subscription for each topic, however many viewers there are.
"""

import time
from typing import Any, Callable, Dict, List, Tuple

import cv2
import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.subscription import Subscription
from sensor_msgs.msg import CompressedImage, Image

from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.imaging.compressed import encode_jpeg
from pose_estimation_ros.msg import PersonArray, PersonArray3D
from pose_estimation_ros.nodes.camera.image_qos import choose, node_name
from pose_estimation_ros.nodes.conversions import image_to_array
from pose_estimation_ros.nodes.guard import guard_of
from pose_estimation_ros.nodes.qos import NEWEST_IMAGE, OUTPUT
from pose_estimation_ros.nodes.web.hub import Hub
from pose_estimation_ros.nodes.web.readings import result_reading, space_reading, status_reading

RESULTS, KIND = "pose/keypoints", "pose_estimation_ros/msg/PersonArray"
SPACE, PICTURE, COMPRESSED = "pose/keypoints_3d", "pose/image", "pose/image/compressed"
SEARCH_S = 1.0  # time between two looks for cameras
LINGER_S = 5.0  # subscriptions stay for so long after the last viewer, who may only reload the page
FORGET_S = 300.0  # a camera whose node has ended is shown for so long
ENCODE_S = 0.1  # shortest time between two pictures that this node encodes
WIDEST = 1280  # px, of a picture that this node encodes
JPEG_QUALITY = 80
STARTS = (b"\xff\xd8\xff", b"\x89PNG")  # of the files that browsers show


class Cameras:
    """Tell a hub of all cameras."""

    def __init__(self, node: Node, hub: Hub) -> None:
        """Start without cameras.

        Args:
            node: node that subscribes.
            hub: gets what comes.
        """
        self._node, self._hub = node, hub
        self._followers: Dict[str, Follower] = {}
        self._diagnostics = Topic(node)
        self._searched_s = self._viewed_s = float("-inf")

    def tick(self) -> None:
        """Look for cameras, and begin or end to follow topics; the node's timer calls it several times a second."""
        now_s = time.monotonic()
        if now_s - self._searched_s >= SEARCH_S:
            self._searched_s = now_s
            self._search(now_s)
        if self._hub.viewers():
            self._viewed_s = now_s
        is_viewed = now_s - self._viewed_s < LINGER_S
        if is_viewed:
            self._diagnostics.follow(DiagnosticArray, "/diagnostics", self._on_diagnostics, OUTPUT)
        else:
            self._diagnostics.leave()
        watched = self._hub.watched()
        for name, follower in self._followers.items():
            follower.tick(is_viewed, name in watched, now_s)

    def _search(self, now_s: float) -> None:
        nodes = find_cameras(self._node)
        for name in sorted(nodes):
            if name not in self._followers:
                self._followers[name] = Follower(self._node, self._hub, name)
            self._followers[name].seen_s = now_s
        for name in [name for name, follower in self._followers.items() if now_s - follower.seen_s > FORGET_S]:
            self._followers.pop(name).close()
        self._hub.set_cameras(nodes, list(self._followers))

    def _on_diagnostics(self, msg: DiagnosticArray) -> None:
        self._hub.put_statuses([status_reading(status) for status in msg.status])


class Topic:
    """Hold the subscription to one topic while it is followed."""

    def __init__(self, node: Node) -> None:
        """Start without a subscription."""
        self._node = node
        self._name = ""
        self._subscription: Any = None

    def follow(self, kind: Any, name: str, callback: Callable[[Any], None], qos: Any) -> None:
        """Subscribe, unless that is done already.

        Args:
            kind: class of the messages.
            name: full name of the topic; another one than before replaces it.
            callback: gets each message; an unexpected exception costs that message.
            qos: profile of the subscription.
        """
        if self._subscription is not None and name == self._name:
            return
        self.leave()
        guarded = guard_of(self._node).wrap(callback)
        self._name, self._subscription = name, self._node.create_subscription(kind, name, guarded, qos)

    def leave(self) -> None:
        """End the subscription where there is one."""
        if self._subscription is not None:
            subscription: "Subscription[Any]" = self._subscription
            self._subscription = None
            self._node.destroy_subscription(subscription)


class Follower:
    """Follow the topics of one camera.

    ``seen_s`` is the time at which a node published its results last.
    """

    def __init__(self, node: Node, hub: Hub, camera: str) -> None:
        """Start without subscriptions.

        Args:
            node: node that subscribes.
            hub: gets what comes.
            camera: namespace of the camera, which ends with "/".
        """
        self.seen_s = 0.0
        self._node, self._hub, self._camera = node, hub, camera
        self._results, self._space, self._picture = Topic(node), Topic(node), Topic(node)
        self._watched_s = self._encoded_s = float("-inf")

    def tick(self, is_viewed: bool, is_watched: bool, now_s: float) -> None:
        """Begin or end to follow the topics.

        Args:
            is_viewed: whether there is any viewer.
            is_watched: whether one of them looks at this camera.
            now_s: present time.
        """
        if not is_viewed:
            self.close()
            return
        self._results.follow(PersonArray, self._camera + RESULTS, self._on_result, OUTPUT)
        if is_watched:
            self._watched_s = now_s
        if now_s - self._watched_s < LINGER_S:
            self._space.follow(PersonArray3D, self._camera + SPACE, self._on_space, OUTPUT)
            self._follow_picture()
        else:
            self._space.leave()
            self._picture.leave()

    def close(self) -> None:
        """End all subscriptions."""
        for topic in (self._results, self._space, self._picture):
            topic.leave()

    def _follow_picture(self) -> None:
        """Follow the compressed picture where it is published, else the raw one."""
        if self._node.count_publishers(self._camera + COMPRESSED):
            self._picture.follow(CompressedImage, self._camera + COMPRESSED, self._on_compressed, NEWEST_IMAGE)
            return
        publishers = self._node.get_publishers_info_by_topic(self._camera + PICTURE)
        if publishers:
            qos = choose(publishers, "auto", arrived=False)
            self._picture.follow(Image, self._camera + PICTURE, self._on_picture, qos)

    def _on_result(self, msg: PersonArray) -> None:
        self._hub.put_result(self._camera, result_reading(msg))

    def _on_space(self, msg: PersonArray3D) -> None:
        self._hub.put_space(self._camera, space_reading(msg))

    def _on_compressed(self, msg: CompressedImage) -> None:
        data = bytes(msg.data)
        if data.startswith(STARTS):
            self._hub.put_picture(self._camera, data)

    def _on_picture(self, msg: Image) -> None:
        now_s = time.monotonic()
        if now_s - self._encoded_s < ENCODE_S:
            return
        self._encoded_s = now_s
        try:
            self._hub.put_picture(self._camera, encoded(image_to_array(msg)))
        except FrameError:  # the page tells that no picture comes
            pass


def find_cameras(node: Node) -> Dict[str, str]:
    """Find all cameras whose results somebody publishes.

    Args:
        node: node that sees the topics.

    Returns:
        Full name of the publishing node, without a slash at its beginning, by the namespace of the camera, which ends
        with "/".
    """
    topics: List[Tuple[str, List[str]]] = node.get_topic_names_and_types()
    cameras = {}
    for topic, kinds in topics:
        if topic.endswith("/" + RESULTS) and KIND in kinds:
            publishers = node.get_publishers_info_by_topic(topic)
            if publishers:
                cameras[topic[: -len(RESULTS)]] = node_name(publishers[0]).lstrip("/")
    return cameras


def encoded(frame: np.ndarray) -> bytes:
    """Encode a picture (H, W, 3) uint8 BGR as a JPEG file that is at most WIDEST px wide; it may raise FrameError."""
    height, width = frame.shape[:2]
    if width > WIDEST:
        size_wh = (WIDEST, max(1, round(height * WIDEST / width)))
        frame = cv2.resize(frame, size_wh, interpolation=cv2.INTER_AREA)
    return encode_jpeg(frame, JPEG_QUALITY)
