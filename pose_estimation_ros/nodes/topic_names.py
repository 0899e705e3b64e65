"""Find the full names of one camera's topics: image, camera_info, depth and detections."""

from typing import Any, Dict, List, NamedTuple

from rclpy.expand_topic_name import expand_topic_name
from rclpy.node import Node

from pose_estimation_ros.core.errors import ConfigError

PARTNERS = ("camera_info", "depth", "detections")


class CameraTopics(NamedTuple):
    """Hold full names after remapping, "" for a topic that the camera does not have; image and depth are raw ones."""

    image: str
    camera_info: str
    depth: str
    detections: str


def camera_topics(node: Node, image_topic: str, values: Dict[str, Any]) -> CameraTopics:
    """Resolve the names of one camera's topics.

    A topic that belongs to the image has a conventional name, such as camera_info, and a parameter that holds another
    name, such as camera_info_topic. If the conventional name is remapped, the target is used. Otherwise the name in the
    parameter is used, or its target if it is remapped; a relative name is in the namespace of the image topic. An empty
    parameter means that there is no such topic.

    Args:
        node: Node that subscribes.
        image_topic: One of the parameter image_topics.
        values: Values of the node's parameters.

    Returns:
        The names.

    Raises:
        ConfigError: A conventional name is remapped for several cameras at once.
    """
    image = resolved(node, image_topic)
    namespace = image[: image.rfind("/") + 1]
    several = len(values["image_topics"]) > 1
    partners = [_partner(node, name, values[name + "_topic"], namespace, several) for name in PARTNERS]
    return CameraTopics(image, *partners)


def _partner(node: Node, name: str, configured: str, namespace: str, several: bool) -> str:
    """Return the full name of a topic that belongs to the image.

    Args:
        node: Node that subscribes.
        name: Conventional name, one of PARTNERS.
        configured: Value of its parameter.
        namespace: Namespace of the image topic, ending with "/".
        several: Whether the node has several cameras.
    """
    if several and is_remapped(node, name):
        text = "expected a remapping of %s%s for this camera alone (there are several), got one of %s"
        raise ConfigError(text % (namespace, name, name))
    candidates: List[str] = [] if several else [name]
    candidates.append(namespace + name)
    is_relative = configured[:1] not in ("", "/", "~")
    if is_relative:
        candidates += ([] if several else [configured]) + [namespace + configured]
    for candidate in candidates:
        if is_remapped(node, candidate):
            return resolved(node, candidate)
    if not configured:
        return ""
    return resolved(node, namespace + configured if is_relative else configured)


def is_remapped(node: Node, name: str) -> bool:
    """Return whether a remapping leads from this name to another; always false on Foxy, where it is unknown.

    Args:
        node: The node.
        name: Full name of a topic.
    """
    if not hasattr(node, "resolve_topic_name"):
        return False
    return node.resolve_topic_name(name) != node.resolve_topic_name(name, only_expand=True)


def resolved(node: Node, topic: str) -> str:
    """Return the full name of a topic after remapping, as image_transport does for the topic of the raw image.

    Args:
        node: The node.
        topic: Name of the topic.
    """
    if hasattr(node, "resolve_topic_name"):
        return node.resolve_topic_name(topic)
    return expand_topic_name(topic, node.get_name(), node.get_namespace())  # Foxy: the name before remapping
