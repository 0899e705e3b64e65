"""Publishers and subscriptions as rclpy's get_publishers_info_by_topic() describes them."""

from types import SimpleNamespace

from rclpy.qos import QoSProfile, ReliabilityPolicy


def profile(reliability=ReliabilityPolicy.RELIABLE, **more):
    return QoSProfile(depth=1, reliability=reliability, **more)


def info(name="camera", namespace="/", topic_type="sensor_msgs/msg/Image", **qos):
    return SimpleNamespace(node_name=name, node_namespace=namespace, topic_type=topic_type, qos_profile=profile(**qos))
