"""No image: since when, and why. Tells once when images stop, once when they come again, and little in between."""

import difflib
from typing import Any, Callable, Dict, Sequence, Tuple

from rclpy.qos import QoSProfile, ReliabilityPolicy

from pose_estimation_ros.nodes.camera.image_qos import explain_incompatible, mismatches, node_name

LIMIT_S = 5.0
REPEAT_S = 60.0
LATE_S = 2.5  # between two checks: the node was at work itself, and images may wait for it
RAW, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
TRANSPORTS = {RAW: "raw", COMPRESSED: "compressed"}
SUFFIX = "/compressed"  # of image_transport, after the raw image's topic
NAMED_AT_MOST = 3


class Watchdog:
    """Of one image topic. Times are of one clock that never jumps, such as time.monotonic(), in s.

    outage: such as "no image on /image for 7 s: no publisher", "" while images come.
    """

    def __init__(self, topic: str, now_s: float, limit_s: float = LIMIT_S, repeat_s: float = REPEAT_S) -> None:
        self._topic, self._limit_s, self._repeat_s = topic, limit_s, repeat_s
        self._last_s, self._told_s, self._checked_s = now_s, now_s, now_s
        self._reason = ""
        self.had_images = False
        self.outage = ""

    def image(self, now_s: float) -> str:
        """An image came. Returns what is to be told: the end of an outage, else ""."""
        silent_s, was_out = now_s - self._last_s, bool(self.outage)
        self._last_s, self.had_images = now_s, True
        self._reason = self.outage = ""
        return "images again on %s after %.0f s" % (self._topic, silent_s) if was_out else ""

    def check(self, now_s: float, why: Callable[[bool], str]) -> str:
        """To be called about once a second. Returns what is to be told: an outage's begin, or its new reason, else "".

        A check that comes late says nothing. why: had_images -> reason; called during outages only, because it asks the
        middleware.
        """
        silent_s, is_late = now_s - self._last_s, now_s - self._checked_s > LATE_S
        self._checked_s = now_s
        if silent_s < self._limit_s or is_late:
            return ""
        reason = why(self.had_images)
        self.outage = "no image on %s for %.0f s: %s" % (self._topic, silent_s, reason)
        if reason == self._reason and now_s - self._told_s < self._repeat_s:
            return ""
        self._reason, self._told_s = reason, now_s
        return self.outage


def ask_why(node: Any, subscription: Any, had_images: bool) -> str:
    """why_no_image() with what the node can see now."""
    topic, kind = subscription.topic_name, subscription.msg_type
    wanted = "%s/msg/%s" % (kind.__module__.split(".")[0], kind.__name__)
    infos = node.get_publishers_info_by_topic(topic)
    return why_no_image(topic, wanted, infos, other_images(node, topic), subscription.qos_profile, had_images)


def other_images(node: Any, topic: str) -> Dict[str, str]:
    """{topic: type} of all other images that some other node publishes."""
    own = node.get_namespace().rstrip("/") + "/" + node.get_name()
    found = {}
    for name, types in node.get_topic_names_and_types():
        image_types = [kind for kind in types if kind in TRANSPORTS]
        if name == topic or not image_types:
            continue
        if any(node_name(info) != own for info in node.get_publishers_info_by_topic(name)):
            found[name] = image_types[0]
    return found


def why_no_image(
    topic: str, wanted: str, infos: Sequence[Any], others: Dict[str, str], asked: QoSProfile, had_images: bool
) -> str:
    """The reason, and the remedy where there is one.

    Args: topic: resolved; wanted: type such as "sensor_msgs/msg/Image"; infos: the topic's publishers, as of
    get_publishers_info_by_topic(); others: other_images(); asked: our subscription's profile.
    """
    fitting = [info for info in infos if info.topic_type == wanted]
    if not infos:
        return ("its publisher has gone" if had_images else "no publisher") + _where_images_are(topic, wanted, others)
    if not fitting:
        return _other_type(wanted, infos[0])
    if all(mismatches(info.qos_profile, asked) for info in fitting):
        return explain_incompatible(topic, fitting, asked)
    return _silent(fitting, asked, had_images)


def _where_images_are(topic: str, wanted: str, others: Dict[str, str]) -> str:
    other_name, other_type = _other_transport(topic, wanted)
    if others.get(other_name) == other_type:
        return "; on %s there is: set image_transport to %s" % (other_name, TRANSPORTS[other_type])
    names = [name for name, kind in others.items() if kind == wanted]
    if not names:
        return "; no other topic has such images"
    names.sort(key=lambda name: (-difflib.SequenceMatcher(None, topic, name).ratio(), name))
    return ": did you mean %s?" % " or ".join(names[:NAMED_AT_MOST])


def _other_transport(topic: str, wanted: str) -> Tuple[str, str]:
    """Topic and type of the same images in the other transport, by image_transport's naming."""
    if wanted == COMPRESSED:
        return topic[: -len(SUFFIX)] if topic.endswith(SUFFIX) else "", RAW
    return topic + SUFFIX, COMPRESSED


def _other_type(wanted: str, info: Any) -> str:
    text = "publishers of another type: %s sends %s, expected %s" % (node_name(info), info.topic_type, wanted)
    if info.topic_type in TRANSPORTS and wanted in TRANSPORTS:
        text += ": set image_transport to %s" % TRANSPORTS[info.topic_type]
    return text


def _silent(infos: Sequence[Any], asked: QoSProfile, had_images: bool) -> str:
    """Publishers that match, and nothing comes of them."""
    names = ", ".join(sorted({node_name(info) for info in infos})[:NAMED_AT_MOST])
    if had_images:
        return "stalled: nothing more from %s" % names
    could_repeat = all(info.qos_profile.reliability == ReliabilityPolicy.RELIABLE for info in infos)
    text = "nothing yet from %s, though type and QoS match: none is sent, or all are lost on the way" % names
    if could_repeat and asked.reliability == ReliabilityPolicy.BEST_EFFORT:
        text += " (large ones over WiFi are: try the parameter qos with reliable)"
    return text
