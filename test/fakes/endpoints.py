"""Describe publishers and subscriptions as rclpy's get_publishers_info_by_topic() does."""

from types import SimpleNamespace

from rclpy.qos import QoSProfile, ReliabilityPolicy


def profile(reliability=ReliabilityPolicy.RELIABLE, **more):
    """Return a profile of depth 1."""
    return QoSProfile(depth=1, reliability=reliability, **more)


def info(name="camera", namespace="/", topic_type="sensor_msgs/msg/Image", **qos):
    """Return the description of an endpoint; qos are keyword arguments of profile()."""
    return SimpleNamespace(node_name=name, node_namespace=namespace, topic_type=topic_type, qos_profile=profile(**qos))
