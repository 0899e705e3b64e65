"""Find the full names of one camera's topics: the images, and camera_info, depth and detections that go with them."""

from typing import Any, Dict, List, NamedTuple

from rclpy.expand_topic_name import expand_topic_name

from pose_estimation_ros.core.errors import ConfigError

PARTNERS = ("camera_info", "depth", "detections")


class CameraTopics(NamedTuple):
    """Full names after remapping, "" for what the camera has not; image and depth are the raw ones."""

    image: str
    camera_info: str
    depth: str
    detections: str


def camera_topics(node: Any, image_topic: str, values: Dict[str, Any]) -> CameraTopics:
    """Resolve the names of one camera's topics.

    What goes with an image is, in this order: where its conventional name (such as camera_info) is remapped to; where
    the name in its parameter (such as camera_info_topic) is remapped to; the parameter's name itself, beside the image
    topic if it is relative; nothing if the parameter is empty.

    Args:
        node: rclpy's Node.
        image_topic: One of the parameter image_topics.
        values: Values of the node's parameters.

    Returns:
        The names.

    Raises:
        ConfigError: A conventional name is remapped for several cameras at once.
    """
    image = resolved(node, image_topic)
    beside = image[: image.rfind("/") + 1]
    several = len(values["image_topics"]) > 1
    return CameraTopics(image, *(_partner(node, name, values[name + "_topic"], beside, several) for name in PARTNERS))


def _partner(node: Any, name: str, given: str, beside: str, several: bool) -> str:
    """Return the full name of what goes with an image.

    Args:
        node: rclpy's Node.
        name: The conventional name, one of PARTNERS.
        given: Value of its parameter.
        beside: Namespace of the image topic, with a "/" at its end.
        several: Whether the node has several cameras.
    """
    if several and is_remapped(node, name):
        text = "expected a remapping of %s%s for this camera alone (there are several), got one of %s"
        raise ConfigError(text % (beside, name, name))
    candidates: List[str] = [] if several else [name]
    candidates.append(beside + name)
    if given and given[0] not in "/~":
        candidates += ([] if several else [given]) + [beside + given]
    for candidate in candidates:
        if is_remapped(node, candidate):
            return resolved(node, candidate)
    if not given:
        return ""
    return resolved(node, given if given[0] in "/~" else beside + given)


def is_remapped(node: Any, name: str) -> bool:
    """Return whether a remapping leads from this name to another. Foxy cannot tell."""
    if not hasattr(node, "resolve_topic_name"):
        return False
    return node.resolve_topic_name(name) != node.resolve_topic_name(name, only_expand=True)


def resolved(node: Any, topic: str) -> str:
    """Return the full name of a topic after remapping, as image_transport does for the raw image's topic."""
    if hasattr(node, "resolve_topic_name"):
        return node.resolve_topic_name(topic)
    return expand_topic_name(topic, node.get_name(), node.get_namespace())  # Foxy: without remapping
