"""Outputs for who has their message packages: REP-155 for social robots, annotations for Foxglove. Off by default."""

from typing import Any, Dict, List

from rclpy.node import Node

from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.messages import foxglove, hri
from pose_estimation_ros.nodes.camera.image_qos import advertise
from pose_estimation_ros.nodes.conversions import optional_messages
from pose_estimation_ros.nodes.qos import OUTPUT


def open_outputs(node: Node, prefix: str, skeleton: Skeleton, values: Dict[str, Any]) -> List[Any]:
    """Those that the parameters hri and foxglove ask for. Raises ConfigError where a package is not installed."""
    outputs = [("hri", HriOutput), ("foxglove", FoxgloveOutput)]
    return [output(node, prefix, skeleton) for name, output in outputs if values[name]]


class FoxgloveOutput:
    """pose/annotations, over the camera's image."""

    def __init__(self, node: Node, prefix: str, skeleton: Skeleton) -> None:
        self._messages = optional_messages("foxglove_msgs", foxglove.CLASSES)
        self._node, self._skeleton = node, skeleton
        self._annotations = advertise(node, self._messages.ImageAnnotations, prefix + "pose/annotations", OUTPUT)

    def publish(self, result: Any) -> None:
        if self._annotations.get_subscription_count():
            stamp = result.header.stamp
            self._annotations.publish(
                foxglove.poses_to_annotations(self._messages, result.poses, stamp, self._skeleton)
            )

    def close(self) -> None:
        self._node.destroy_publisher(self._annotations)


class HriOutput:
    """humans/bodies/tracked and humans/bodies/<id>/skeleton2d and roi; topics of a body live as long as it is tracked.

    REP-155 names them /humans/...; here they are in the camera's namespace, which is / unless told otherwise.
    """

    def __init__(self, node: Node, prefix: str, skeleton: Skeleton) -> None:
        self._messages = optional_messages("hri_msgs", hri.CLASSES)
        self._node, self._skeleton, self._base = node, skeleton, prefix + "humans/bodies/"
        self._tracked = advertise(node, self._messages.IdsList, self._base + "tracked", OUTPUT)
        self._bodies: Dict[str, List[Any]] = {}

    def publish(self, result: Any) -> None:
        ids, bodies = hri.poses_to_hri(self._messages, result.poses, result.header, result.image_wh, self._skeleton)
        for gone in sorted(set(self._bodies) - {body.id for body in bodies}):
            self._drop(gone)
        self._tracked.publish(ids)
        for body in bodies:
            skeleton, roi = self._bodies.get(body.id) or self._add(body)
            skeleton.publish(body.skeleton)
            roi.publish(body.roi)

    def _add(self, body: Any) -> List[Any]:
        topics = [("skeleton2d", body.skeleton), ("roi", body.roi)]
        base = self._base + body.id + "/"
        made = [advertise(self._node, type(msg), base + name, OUTPUT) for name, msg in topics]
        return self._bodies.setdefault(body.id, made)

    def _drop(self, body_id: str) -> None:
        for publisher in self._bodies.pop(body_id):
            self._node.destroy_publisher(publisher)

    def close(self) -> None:
        for body_id in list(self._bodies):
            self._drop(body_id)
        self._node.destroy_publisher(self._tracked)
