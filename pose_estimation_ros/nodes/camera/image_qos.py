"""Which quality of service suits the images' publishers, and one line with the remedy where two sides do not match.

What a publisher offers must be at least what a subscription asks for, policy by policy (DDS: "requested versus
offered"); where it is not, DDS delivers nothing and says nothing.
"""

from typing import Any, Callable, List, NamedTuple, Optional, Sequence

from rclpy.qos import DurabilityPolicy, HistoryPolicy, LivelinessPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription

from pose_estimation_ros.nodes.qos import NEWEST_IMAGE
from pose_estimation_ros.nodes.qos_overrides import with_overrides

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks, UnsupportedEventTypeError
except ImportError:  # before Iron
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks, UnsupportedEventTypeError

RELIABLE_IMAGE = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.RELIABLE)
INFINITE_NS = (2**31 - 1) * 10**9  # DDS's infinite duration; some middlewares report more, zero means it too
GIVES_MESSAGE_INFO = hasattr(Subscription, "CallbackType")  # from Iron on


class Mismatch(NamedTuple):
    """A policy in which a publisher offers less than a subscription asks for."""

    policy: str
    offered: str
    asked: str


def choose(infos: Sequence[Any], wanted: str, arrived: bool = True) -> QoSProfile:
    """The image subscription's profile: keep the newest, volatile, best effort (REP-2003) unless told otherwise.

    "auto" asks for reliable images only where best effort has brought none although every publisher is reliable: of
    large images one lost fragment loses the whole, and over WiFi that can be all of them. Else best effort is better:
    it matches every publisher and never waits for what is sent again.

    Args: infos: node.get_publishers_info_by_topic(); wanted: the parameter qos; arrived: whether an image came, or none
    could be expected yet.
    """
    if wanted == "auto":
        all_reliable = all(info.qos_profile.reliability == ReliabilityPolicy.RELIABLE for info in infos)
        wanted = "reliable" if infos and all_reliable and not arrived else "best_effort"
    return RELIABLE_IMAGE if wanted == "reliable" else NEWEST_IMAGE


def mismatches(offered: QoSProfile, asked: QoSProfile) -> List[Mismatch]:
    """The policies for which nothing is delivered; [] also where the middleware does not tell a policy."""
    strict = [
        ("reliability", ReliabilityPolicy.BEST_EFFORT, ReliabilityPolicy.RELIABLE),
        ("durability", DurabilityPolicy.VOLATILE, DurabilityPolicy.TRANSIENT_LOCAL),
        ("liveliness", LivelinessPolicy.AUTOMATIC, LivelinessPolicy.MANUAL_BY_TOPIC),
    ]
    found = []
    for policy, less, more in strict:
        if getattr(offered, policy) == less and getattr(asked, policy) == more:
            found.append(Mismatch(policy, less.short_key, more.short_key))
    for policy in ("deadline", "liveliness_lease_duration"):
        offered_ns, asked_ns = _nanoseconds(getattr(offered, policy)), _nanoseconds(getattr(asked, policy))
        if offered_ns > asked_ns:
            found.append(Mismatch(policy, _seconds(offered_ns), _seconds(asked_ns)))
    return found


def _nanoseconds(duration: Any) -> int:
    """Zero stands for "not set", which is infinite."""
    return min(duration.nanoseconds or INFINITE_NS, INFINITE_NS)


def _seconds(nanoseconds: int) -> str:
    return "infinite" if nanoseconds == INFINITE_NS else "%g s" % (1e-9 * nanoseconds)


def explain_incompatible(topic: str, infos: Sequence[Any], asked: QoSProfile) -> str:
    """Why a publisher of infos is not heard, and the remedy. topic: that we subscribe to, with ``asked``."""
    for info in infos:
        for found in mismatches(info.qos_profile, asked):
            remedy = "set the publisher's %s to %s" % (found.policy, found.asked)
            if found.policy == "reliability":
                remedy = "set the parameter qos to best_effort or auto"
            return "incompatible QoS: %s offers %s %s, this node asks for %s: %s" % (
                node_name(info), found.policy, found.offered, found.asked, remedy
            )  # fmt: skip
    return "incompatible QoS of a publisher that has gone: compare `ros2 topic info -v %s`" % topic


def explain_refused(topic: str, infos: Sequence[Any], offered: QoSProfile) -> str:
    """Why a subscription of infos gets nothing, and the remedy. topic: that we publish on, with ``offered``."""
    for info in infos:
        for found in mismatches(offered, info.qos_profile):
            return "%s gets nothing from %s: incompatible QoS: it asks for %s %s, this node offers %s: %s" % (
                node_name(info), topic, found.policy, found.asked, found.offered, _subscriber_remedy(found)
            )  # fmt: skip
    return "incompatible QoS of a subscription to %s that has gone: compare `ros2 topic info -v %s`" % (topic, topic)


def _subscriber_remedy(found: Mismatch) -> str:
    """In words that a profile and RViz's "Topic" take; durations are best left out."""
    if found.policy in ("reliability", "durability", "liveliness"):
        return "set its %s to %s" % (found.policy, found.offered)
    return "leave its %s at the default" % found.policy


def node_name(info: Any) -> str:
    """Such as "/front/camera"."""
    return info.node_namespace.rstrip("/") + "/" + info.node_name


def subscribe(
    node: Any, kind: Any, topic: str, callback: Callable[[Any, Optional[int], bytes], None], qos: QoSProfile
) -> Any:
    """A subscription that tells the remedy of an incompatible publisher.

    callback: gets the message; its number from its publisher, None where rclpy (before Iron) or the middleware
    (Cyclone DDS) does not tell; and the publisher's id, b"" before Kilted.
    """

    def on_incompatible(_event: Any) -> None:
        infos = node.get_publishers_info_by_topic(made.topic_name)
        node.get_logger().warning("%s: %s" % (made.topic_name, explain_incompatible(made.topic_name, infos, qos)))

    def with_info(msg: Any, info: Any) -> None:
        callback(msg, info["publication_sequence_number"], (info.get("publisher_gid") or {}).get("data", b""))

    def without_info(msg: Any) -> None:
        callback(msg, None, b"")

    taker: Callable = with_info if GIVES_MESSAGE_INFO else without_info
    events = SubscriptionEventCallbacks(incompatible_qos=on_incompatible)
    made = _with_events(node.create_subscription, (kind, topic, taker, qos), events)
    return made


def advertise(node: Any, kind: Any, topic: str, qos: QoSProfile) -> Any:
    """Make a publisher, with the user's qos_overrides, that tells the remedy to who asks for more than it offers."""
    qos = with_overrides(node, "publisher", topic, qos)

    def on_incompatible(_event: Any) -> None:
        infos = node.get_subscriptions_info_by_topic(made.topic_name)
        node.get_logger().warning(explain_refused(made.topic_name, infos, qos))

    events = PublisherEventCallbacks(incompatible_qos=on_incompatible)
    made = _with_events(node.create_publisher, (kind, topic, qos), events)
    return made


def _with_events(create: Callable, arguments: Sequence[Any], events: Any) -> Any:
    """Without events where the middleware has none, as Fast DDS before Humble: then only the watchdog can tell."""
    try:
        return create(*arguments, event_callbacks=events)
    except UnsupportedEventTypeError:
        return create(*arguments)
