"""Detect that no images arrive, and find out why.

What the first image waits for is logged once, a second after the start. The begin of an outage is logged once, a new
reason and its end, too; in between the reason is repeated once a minute.
"""

import difflib
from collections import deque
from typing import Any, Callable, Deque, Dict, List, Sequence, Tuple

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription
from rclpy.topic_endpoint_info import TopicEndpointInfo

from pose_estimation_ros.nodes.camera.image_qos import explain_incompatible, mismatches, node_name

WAIT_S = 0.9  # without a first image; below the second between two checks
LIMIT_S = 5.0
SLOW = 2.0  # a camera may be silent for so many times the shorter of its last two intervals
REPEAT_S = 60.0
LATE_S = 2.5  # between two checks: the node was busy, and images may wait for it
RAW, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
TRANSPORTS = {RAW: "raw", COMPRESSED: "compressed"}
SUFFIX = "/compressed"  # image_transport appends it to the topic of the raw image
NAMED_AT_MOST = 3


class Watchdog:
    """Watch one image topic for outages. All times are seconds of one steady clock, such as time.monotonic().

    ``outage`` describes the present outage, such as "no image on /image for 7 s: no publisher"; it is "" while images
    come. ``limit_s`` is the silence in seconds from which on it is an outage; of a slow camera more is expected, see
    SLOW. ``had_images`` tells whether any image ever came.
    """

    def __init__(self, topic: str, now_s: float, limit_s: float = LIMIT_S, repeat_s: float = REPEAT_S) -> None:
        """Start watching a topic.

        Args:
            topic: Full name of the topic.
            now_s: Present time.
            limit_s: Silence in seconds from which on it is an outage.
            repeat_s: Seconds after which the reason of an outage is logged again.
        """
        self._topic, self.limit_s, self._repeat_s = topic, limit_s, repeat_s
        self._last_image_s = self._last_report_s = self._last_check_s = now_s
        self._explained_wait = False
        self._intervals_s: Deque[float] = deque([0.0, 0.0], maxlen=2)
        self._reason = ""
        self.had_images = False
        self.outage = ""

    def image(self, now_s: float) -> str:
        """Note that an image came; return the message to log at the end of an outage, otherwise ""."""
        silent_s, was_out = now_s - self._last_image_s, bool(self.outage)
        if self.had_images:
            self._intervals_s.append(silent_s)
        self._last_image_s, self.had_images = now_s, True
        self._reason = self.outage = ""
        return "images again on %s after %.0f s" % (self._topic, silent_s) if was_out else ""

    def explain_wait(self, now_s: float, why: Callable[[bool], str]) -> str:
        """Return what the first image waits for, once, if none came in WAIT_S; otherwise "".

        Args:
            now_s: Present time.
            why: Function that gets had_images and returns the reason, see check().
        """
        if self.had_images or self._explained_wait or now_s - self._last_image_s < WAIT_S:
            return ""
        self._explained_wait = True
        return "waiting for images on %s: %s" % (self._topic, why(False))

    def check(self, now_s: float, why: Callable[[bool], str]) -> str:
        """Check for an outage, about once a second. A check that comes late finds none.

        Args:
            now_s: Present time.
            why: Function that gets had_images and returns the reason. It is called during outages only, because it
                queries the middleware.

        Returns:
            The message to log at the begin of an outage or about its new reason, otherwise "".
        """
        silent_s, is_late = now_s - self._last_image_s, now_s - self._last_check_s > LATE_S
        self._last_check_s = now_s
        if silent_s < max(self.limit_s, SLOW * min(self._intervals_s)) or is_late:
            return ""
        reason = why(self.had_images)
        self.outage = "no image on %s for %.0f s: %s" % (self._topic, silent_s, reason)
        if reason == self._reason and now_s - self._last_report_s < self._repeat_s:
            return ""
        self._reason, self._last_report_s = reason, now_s
        return self.outage


def ask_why(node: Node, subscription: "Subscription[Any]", had_images: bool) -> str:
    """Return the reason of an outage by what the node can see at present; see why_no_image().

    Args:
        node: The node.
        subscription: Subscription of the images.
        had_images: Whether images came before the outage.
    """
    topic, kind = subscription.topic_name, subscription.msg_type
    expected_type = "%s/msg/%s" % (kind.__module__.split(".")[0], kind.__name__)
    publishers = node.get_publishers_info_by_topic(topic)
    other_topics = other_images(node, topic)
    return why_no_image(topic, expected_type, publishers, other_topics, subscription.qos_profile, had_images)


def other_images(node: Node, topic: str) -> Dict[str, str]:
    """Find all image topics but this one that other nodes publish.

    Args:
        node: Node that asks.
        topic: Full name of the topic to leave out.

    Returns:
        The type of each topic by its name.
    """
    this_node = node.get_namespace().rstrip("/") + "/" + node.get_name()
    types_by_topic = {}
    for name, types in node.get_topic_names_and_types():
        image_types = [kind for kind in types if kind in TRANSPORTS]
        if name == topic or not image_types:
            continue
        if any(node_name(info) != this_node for info in node.get_publishers_info_by_topic(name)):
            types_by_topic[name] = image_types[0]
    return types_by_topic


def why_no_image(
    topic: str,
    expected_type: str,
    publishers: Sequence[TopicEndpointInfo],
    other_topics: Dict[str, str],
    requested: QoSProfile,
    had_images: bool,
) -> str:
    """Return the reason why no image comes, with the remedy where there is one.

    Args:
        topic: Full name of the topic.
        expected_type: Type of the messages, such as "sensor_msgs/msg/Image".
        publishers: Publishers of the topic, from get_publishers_info_by_topic().
        other_topics: Types of other image topics by name, from other_images().
        requested: Profile of the subscription.
        had_images: Whether any image ever came.

    Returns:
        The reason.
    """
    fitting = [info for info in publishers if info.topic_type == expected_type]
    if not publishers:
        reason = "its publisher has gone" if had_images else "no publisher"
        return reason + _hint_at_other_topic(topic, expected_type, other_topics)
    if not fitting:
        return _explain_type(expected_type, publishers[0])
    if all(mismatches(info.qos_profile, requested) for info in fitting):
        return explain_incompatible(topic, fitting, requested)
    return _explain_silence(fitting, requested, had_images)


def _hint_at_other_topic(topic: str, expected_type: str, other_topics: Dict[str, str]) -> str:
    other_name, other_type = _other_transport(topic, expected_type)
    if other_topics.get(other_name) == other_type:
        return "; %s has images: set image_transport to %s" % (other_name, TRANSPORTS[other_type])
    names = [name for name, kind in other_topics.items() if kind == expected_type]
    if not names:
        return "; no other topic has such images"
    names.sort(key=lambda name: (-difflib.SequenceMatcher(None, topic, name).ratio(), name))
    return ": did you mean %s?" % " or ".join(names[:NAMED_AT_MOST])


def _other_transport(topic: str, expected_type: str) -> Tuple[str, str]:
    """Return topic and type of the same images in the other transport, as image_transport names them."""
    if expected_type == COMPRESSED:
        return topic[: -len(SUFFIX)] if topic.endswith(SUFFIX) else "", RAW
    return topic + SUFFIX, COMPRESSED


def _explain_type(expected_type: str, info: TopicEndpointInfo) -> str:
    text = "publishers of another type: %s sends %s, expected %s" % (node_name(info), info.topic_type, expected_type)
    if info.topic_type in TRANSPORTS and expected_type in TRANSPORTS:
        text += ": set image_transport to %s" % TRANSPORTS[info.topic_type]
    return text


def _explain_silence(publishers: List[TopicEndpointInfo], requested: QoSProfile, had_images: bool) -> str:
    """Return the reason why nothing comes from publishers whose type and QoS match."""
    names = ", ".join(sorted({node_name(info) for info in publishers})[:NAMED_AT_MOST])
    if had_images:
        return "stalled: nothing more from %s" % names
    could_repeat = all(info.qos_profile.reliability == ReliabilityPolicy.RELIABLE for info in publishers)
    text = "nothing yet from %s, though type and QoS match: it sends none, or all are lost on the way" % names
    if could_repeat and requested.reliability == ReliabilityPolicy.BEST_EFFORT:
        text += " (over WiFi large images are lost easily: try the parameter qos with reliable)"
    return text
