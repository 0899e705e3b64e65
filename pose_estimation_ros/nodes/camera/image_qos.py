"""Choose the quality of service (QoS) of the image subscription, and explain QoS mismatches with the remedy.

What a publisher offers must be at least what a subscription requests, policy by policy (DDS: "requested versus
offered"). Otherwise DDS delivers nothing and reports nothing.
"""

from typing import Any, Callable, List, NamedTuple, Optional, Sequence

from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, HistoryPolicy, LivelinessPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription
from rclpy.topic_endpoint_info import TopicEndpointInfo

from pose_estimation_ros.nodes.qos import NEWEST_IMAGE
from pose_estimation_ros.nodes.qos_overrides import with_overrides

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks, UnsupportedEventTypeError
except ImportError:  # before Iron
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks, UnsupportedEventTypeError

RELIABLE_IMAGE = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.RELIABLE)
INFINITE_NS = (2**31 - 1) * 10**9  # infinite duration of DDS; some middlewares report more, zero means infinite, too
GIVES_MESSAGE_INFO = hasattr(Subscription, "CallbackType")  # from Iron on
STRICT_POLICIES = (  # policy, the weaker value, the stricter value
    ("reliability", ReliabilityPolicy.BEST_EFFORT, ReliabilityPolicy.RELIABLE),
    ("durability", DurabilityPolicy.VOLATILE, DurabilityPolicy.TRANSIENT_LOCAL),
    ("liveliness", LivelinessPolicy.AUTOMATIC, LivelinessPolicy.MANUAL_BY_TOPIC),
)
DURATION_POLICIES = ("deadline", "liveliness_lease_duration")

ImageCallback = Callable[[Any, Optional[int], bytes], None]


class Mismatch(NamedTuple):
    """Represent a policy in which a publisher offers less than a subscription requests."""

    policy: str
    offered: str
    requested: str


def choose(publishers: Sequence[TopicEndpointInfo], wanted: str, arrived: bool = True) -> QoSProfile:
    """Choose the profile of the image subscription: it keeps the newest image, best effort (REP-2003) or reliable.

    "auto" requests reliable images only if best effort brought none although every publisher is reliable: a large image
    is lost with any one of its fragments, and over WiFi that can happen to all images. Otherwise best effort is better:
    it matches every publisher and never waits for a repeated fragment.

    Args:
        publishers: Publishers of the images, from node.get_publishers_info_by_topic().
        wanted: The parameter qos: "auto", "best_effort" or "reliable".
        arrived: Whether an image arrived, or none can be expected yet.

    Returns:
        The profile.
    """
    if wanted == "auto":
        all_reliable = all(info.qos_profile.reliability == ReliabilityPolicy.RELIABLE for info in publishers)
        wanted = "reliable" if publishers and all_reliable and not arrived else "best_effort"
    return RELIABLE_IMAGE if wanted == "reliable" else NEWEST_IMAGE


def mismatches(offered: QoSProfile, requested: QoSProfile) -> List[Mismatch]:
    """Compare two profiles; a policy that the middleware does not report is no mismatch.

    Args:
        offered: Profile of a publisher.
        requested: Profile of a subscription.

    Returns:
        The policies because of which DDS delivers nothing.
    """
    differences = []
    for policy, weak, strict in STRICT_POLICIES:
        if getattr(offered, policy) == weak and getattr(requested, policy) == strict:
            differences.append(Mismatch(policy, weak.short_key, strict.short_key))
    for policy in DURATION_POLICIES:
        offered_ns, requested_ns = _nanoseconds(getattr(offered, policy)), _nanoseconds(getattr(requested, policy))
        if offered_ns > requested_ns:
            differences.append(Mismatch(policy, _seconds(offered_ns), _seconds(requested_ns)))
    return differences


def _nanoseconds(duration: Duration) -> int:
    """Return the length of a duration; zero means that it is not set, which is infinite."""
    return min(duration.nanoseconds or INFINITE_NS, INFINITE_NS)


def _seconds(nanoseconds: int) -> str:
    return "infinite" if nanoseconds == INFINITE_NS else "%g s" % (1e-9 * nanoseconds)


def explain_incompatible(topic: str, publishers: Sequence[TopicEndpointInfo], requested: QoSProfile) -> str:
    """Explain why a subscription gets nothing from a publisher, and name the remedy.

    Args:
        topic: Topic of the subscription.
        publishers: Publishers of that topic.
        requested: Profile of the subscription.

    Returns:
        The explanation of the first mismatch.
    """
    for info in publishers:
        for mismatch in mismatches(info.qos_profile, requested):
            remedy = "set the publisher's %s to %s" % (mismatch.policy, mismatch.requested)
            if mismatch.policy == "reliability":
                remedy = "set the parameter qos to best_effort or auto"
            return "incompatible QoS: %s offers %s %s, this node asks for %s: %s" % (
                node_name(info), mismatch.policy, mismatch.offered, mismatch.requested, remedy
            )  # fmt: skip
    return "incompatible QoS of a publisher that has gone: compare `ros2 topic info -v %s`" % topic


def explain_refused(topic: str, subscribers: Sequence[TopicEndpointInfo], offered: QoSProfile) -> str:
    """Explain why a subscription of another node gets nothing from this node, and name the remedy.

    Args:
        topic: Topic of the publisher.
        subscribers: Subscriptions to that topic.
        offered: Profile of the publisher.

    Returns:
        The explanation of the first mismatch.
    """
    for info in subscribers:
        for mismatch in mismatches(offered, info.qos_profile):
            text = "%s gets nothing from %s: incompatible QoS: it asks for %s %s, this node offers %s: %s"
            return text % (
                node_name(info), topic, mismatch.policy, mismatch.requested, mismatch.offered, _remedy_for(mismatch)
            )  # fmt: skip
    return "incompatible QoS of a subscription to %s that has gone: compare `ros2 topic info -v %s`" % (topic, topic)


def _remedy_for(mismatch: Mismatch) -> str:
    """Return what a subscriber must set, in the words of a QoS profile and of RViz; durations are best left out."""
    if mismatch.policy in DURATION_POLICIES:
        return "leave its %s at the default" % mismatch.policy
    return "set its %s to %s" % (mismatch.policy, mismatch.offered)


def node_name(info: TopicEndpointInfo) -> str:
    """Return the full name of an endpoint's node, such as "/front/camera"."""
    return "%s/%s" % (info.node_namespace.rstrip("/"), info.node_name)


def subscribe(node: Node, kind: Any, topic: str, callback: ImageCallback, qos: QoSProfile) -> "Subscription[Any]":
    """Subscribe to images; an incompatible publisher is logged with the remedy.

    Args:
        node: Node that subscribes.
        kind: Class of the messages.
        topic: Name of the topic.
        callback: Function of three arguments. The first is the message. The second is the number that its publisher
            gave it, None where rclpy (before Iron) or the middleware (Cyclone DDS) does not provide it. The third is
            the id of the publisher, b"" before Kilted.
        qos: Profile of the subscription.

    Returns:
        The subscription.
    """

    def on_incompatible(_event: Any) -> None:
        publishers = node.get_publishers_info_by_topic(subscription.topic_name)
        explanation = explain_incompatible(subscription.topic_name, publishers, qos)
        node.get_logger().warning("%s: %s" % (subscription.topic_name, explanation))

    def with_info(msg: Any, info: Any) -> None:
        callback(msg, info["publication_sequence_number"], (info.get("publisher_gid") or {}).get("data", b""))

    def without_info(msg: Any) -> None:
        callback(msg, None, b"")

    receive: Callable[..., None] = with_info if GIVES_MESSAGE_INFO else without_info
    events = SubscriptionEventCallbacks(incompatible_qos=on_incompatible)
    subscription: "Subscription[Any]" = _with_events(node.create_subscription, (kind, topic, receive, qos), events)
    return subscription


def advertise(node: Node, kind: Any, topic: str, qos: QoSProfile) -> "Publisher[Any]":
    """Create a publisher; a subscription that requests more than it offers is logged with the remedy.

    Args:
        node: Node that publishes.
        kind: Class of the messages.
        topic: Name of the topic.
        qos: Profile of the publisher, which the user's parameters qos_overrides may change.

    Returns:
        The publisher.

    Raises:
        ConfigError: One of these parameters has no valid name or value.
    """
    qos = with_overrides(node, "publisher", topic, qos)

    def on_incompatible(_event: Any) -> None:
        subscribers = node.get_subscriptions_info_by_topic(publisher.topic_name)
        node.get_logger().warning(explain_refused(publisher.topic_name, subscribers, qos))

    events = PublisherEventCallbacks(incompatible_qos=on_incompatible)
    publisher: "Publisher[Any]" = _with_events(node.create_publisher, (kind, topic, qos), events)
    return publisher


def _with_events(create: Callable[..., Any], arguments: Sequence[Any], events: Any) -> Any:
    """Create an endpoint, without events where the middleware has none, as Fast DDS before Humble."""
    try:
        return create(*arguments, event_callbacks=events)
    except UnsupportedEventTypeError:
        return create(*arguments)
