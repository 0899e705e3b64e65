"""Apply the parameters qos_overrides.<topic>.<publisher or subscription>.<policy>, with which users change the QoS."""

import copy
from typing import Any

from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, LivelinessPolicy, QoSProfile, ReliabilityPolicy

from pose_estimation_ros.core.errors import ConfigError

PREFIX = "qos_overrides."
OF_RCLPY = ("/parameter_events", "/rosout", "/clock", "/transition_event")  # topics whose QoS rclpy alone decides
ENUMS = {
    "history": HistoryPolicy,
    "reliability": ReliabilityPolicy,
    "durability": DurabilityPolicy,
    "liveliness": LivelinessPolicy,
}
DURATIONS = ("deadline", "lifespan", "liveliness_lease_duration")
POLICIES = tuple(ENUMS) + DURATIONS + ("depth", "avoid_ros_namespace_conventions")


def with_overrides(node: Node, direction: str, topic: str, profile: QoSProfile) -> QoSProfile:
    """Return a profile with the changes of the user's parameters.

    Args:
        node: Node whose parameters parameters.declare() has declared.
        direction: "publisher" or "subscription".
        topic: Name of the topic, as it is passed to create_publisher or create_subscription.
        profile: Profile that the node would use. It is not changed.

    Returns:
        A copy of the profile.

    Raises:
        ConfigError: The name of a policy or its value is not valid.
    """
    profile = copy.copy(profile)
    prefix = "%s%s.%s" % (PREFIX, _full_name(node, topic), direction)
    for policy, parameter in node.get_parameters_by_prefix(prefix).items():
        name = "%s.%s" % (prefix, policy)
        if policy not in POLICIES or (policy == "lifespan" and direction == "subscription"):
            raise ConfigError("parameter %s: expected a policy out of %s" % (name, ", ".join(POLICIES)))
        setattr(profile, policy, _value(name, policy, parameter.value))
    return profile


def warn_of_unserved(node: Node) -> None:
    """Log the parameters qos_overrides that no publisher or subscription of the node has.

    They are no errors, because a file for several nodes may set them for another one.
    """
    endpoints = [("publisher", publisher.topic_name) for publisher in node.publishers]
    endpoints += [("subscription", subscription.topic_name) for subscription in node.subscriptions]
    served = ["%s.%s." % (topic, direction) for direction, topic in endpoints if not topic.endswith(OF_RCLPY)]
    for name in sorted(node.get_parameters_by_prefix(PREFIX.rstrip("."))):
        if not name.startswith(tuple(served)):
            text = "parameter %s%.200s is ignored: this node has %s"
            node.get_logger().warning(text % (PREFIX, name, ", ".join(end.rstrip(".") for end in sorted(served))))


def _full_name(node: Node, topic: str) -> str:
    """Return the name that remapping leads to; Foxy cannot tell it, and has no such parameters either."""
    return node.resolve_topic_name(topic) if hasattr(node, "resolve_topic_name") else topic


def _value(name: str, policy: str, value: Any) -> Any:
    """Convert the value of a parameter to that of a QoSProfile. Raise ConfigError if it is not valid."""
    if policy in ENUMS:
        choices = {key.lower(): kind for key, kind in ENUMS[policy].__members__.items() if key != "UNKNOWN"}
        if not isinstance(value, str) or value not in choices:  # a list cannot be looked up
            raise ConfigError("parameter %s: expected one of %s, got %.80r" % (name, ", ".join(sorted(choices)), value))
        return choices[value]
    if policy == "avoid_ros_namespace_conventions":
        if not isinstance(value, bool):
            raise ConfigError("parameter %s: expected true or false, got %.80r" % (name, value))
        return value
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        unit = "a number of messages" if policy == "depth" else "a time in nanoseconds"
        raise ConfigError("parameter %s: expected %s, got %.80r" % (name, unit, value))
    return value if policy == "depth" else Duration(nanoseconds=value)
