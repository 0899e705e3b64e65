"""Publish the outputs that need extra message packages: ROS4HRI (hri_msgs) and Foxglove (foxglove_msgs)."""

from typing import Any, Dict, List, Tuple, Union

from rclpy.node import Node
from rclpy.publisher import Publisher
from std_msgs.msg import Header

from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.messages import foxglove, hri
from pose_estimation_ros.nodes.camera.image_qos import advertise
from pose_estimation_ros.nodes.conversions import optional_messages
from pose_estimation_ros.nodes.qos import OUTPUT

NO_BODIES = "parameter hri: skeleton %s has no joint of REP-155's, so humans/bodies/tracked stays empty"


class FoxgloveOutput:
    """Publish pose/annotations, which Foxglove draws over the camera's image."""

    def __init__(self, node: Node, prefix: str, skeleton: Skeleton) -> None:
        """Create the publisher; see open_outputs()."""
        self._messages = optional_messages("foxglove_msgs", foxglove.CLASSES)
        self._node, self._skeleton = node, skeleton
        self._annotations = advertise(node, self._messages.ImageAnnotations, prefix + "pose/annotations", OUTPUT)

    def publish(self, poses: Poses, header: Header, _image_wh: Tuple[int, int]) -> None:
        """Publish the people of an image if somebody subscribes; see HriOutput.publish()."""
        if self._annotations.get_subscription_count():
            annotations = foxglove.poses_to_annotations(self._messages, poses, header.stamp, self._skeleton)
            self._annotations.publish(annotations)

    def close(self) -> None:
        """Destroy the publisher."""
        self._node.destroy_publisher(self._annotations)


class HriOutput:
    """Publish humans/bodies/tracked, and humans/bodies/<id>/skeleton2d and roi while that body is tracked.

    REP-155 names the topics /humans/...; here they are in the camera's namespace, which is / by default.
    """

    def __init__(self, node: Node, prefix: str, skeleton: Skeleton) -> None:
        """Create the publisher of the list of bodies; see open_outputs()."""
        self._messages = optional_messages("hri_msgs", hri.CLASSES)
        self._node, self._skeleton, self._base = node, skeleton, prefix + "humans/bodies/"
        self._tracked = advertise(node, self._messages.IdsList, self._base + "tracked", OUTPUT)
        self._bodies: Dict[str, Tuple["Publisher[Any]", "Publisher[Any]"]] = {}  # skeleton2d and roi, by body id
        if not hri.shared_joints(skeleton):
            node.get_logger().warning(NO_BODIES % skeleton.name)

    def publish(self, poses: Poses, header: Header, image_wh: Tuple[int, int]) -> None:
        """Publish the people of an image.

        Args:
            poses: The people.
            header: Header of the image.
            image_wh: Width and height of the image in pixels.
        """
        ids, bodies = hri.poses_to_hri(self._messages, poses, header, image_wh, self._skeleton)
        for gone in sorted(set(self._bodies) - {body.id for body in bodies}):
            self._remove(gone)
        self._tracked.publish(ids)
        for body in bodies:
            if body.id not in self._bodies:
                self._bodies[body.id] = self._advertise(body)
            skeleton, roi = self._bodies[body.id]
            skeleton.publish(body.skeleton)
            roi.publish(body.roi)

    def _advertise(self, body: hri.Body) -> Tuple["Publisher[Any]", "Publisher[Any]"]:
        base = self._base + body.id + "/"
        skeleton = advertise(self._node, type(body.skeleton), base + "skeleton2d", OUTPUT)
        return skeleton, advertise(self._node, type(body.roi), base + "roi", OUTPUT)

    def _remove(self, body_id: str) -> None:
        for publisher in self._bodies.pop(body_id):
            self._node.destroy_publisher(publisher)

    def close(self) -> None:
        """Destroy all publishers."""
        for body_id in list(self._bodies):
            self._remove(body_id)
        self._node.destroy_publisher(self._tracked)


def open_outputs(
    node: Node, prefix: str, skeleton: Skeleton, values: Dict[str, Any]
) -> List[Union[FoxgloveOutput, HriOutput]]:
    """Open the outputs that the parameters hri and foxglove ask for.

    Args:
        node: Node that publishes.
        prefix: Prefix of the topics, "" or ending with "/".
        skeleton: Skeleton of the people.
        values: Values of the node's parameters.

    Returns:
        The outputs.

    Raises:
        ConfigError: A message package is not installed, or lacks a message.
    """
    outputs: List[Union[FoxgloveOutput, HriOutput]] = []
    if values["hri"]:
        outputs.append(HriOutput(node, prefix, skeleton))
    if values["foxglove"]:
        outputs.append(FoxgloveOutput(node, prefix, skeleton))
    return outputs
