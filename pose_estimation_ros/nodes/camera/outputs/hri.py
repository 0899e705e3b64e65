"""Publish the bodies of REP-155 (hri_msgs)."""

from typing import Any, Dict, List, Tuple

from rclpy.publisher import Publisher

from pose_estimation_ros.messages import hri
from pose_estimation_ros.nodes.camera.image_qos import advertise
from pose_estimation_ros.nodes.camera.outputs.output import Output, OutputContext, Result
from pose_estimation_ros.nodes.conversions import optional_messages
from pose_estimation_ros.nodes.qos import OUTPUT

NO_BODIES = "parameter hri: skeleton %s has no joint of REP-155's, so humans/bodies/tracked stays empty"


class HriOutput(Output):
    """Publish humans/bodies/tracked, and humans/bodies/<id>/skeleton2d and roi while that body is tracked.

    REP-155 names the topics /humans/...; here they are in the camera's namespace, which is / by default.
    """

    topic = "humans/bodies/tracked"

    def __init__(self, context: OutputContext) -> None:
        """Create the publisher of the list of bodies. Raise ConfigError if hri_msgs is not installed."""
        self._messages = optional_messages("hri_msgs", hri.CLASSES)
        super().__init__(context, self._messages.IdsList)
        self._base = context.prefix + "humans/bodies/"
        self._bodies: Dict[str, Tuple["Publisher[Any]", "Publisher[Any]"]] = {}  # skeleton2d and roi, by body id
        if not hri.shared_joints(context.skeleton):
            context.node.get_logger().warning(NO_BODIES % context.skeleton.name)

    def publishers(self) -> List["Publisher[Any]"]:
        """Return the publishers of the list and of all bodies."""
        return [self.publisher] + [publisher for pair in self._bodies.values() for publisher in pair]

    def publish(self, result: Result) -> None:
        """Publish the people of an image, whether anybody subscribes or not."""
        arguments = (result.poses, result.header, result.image_wh, self.context.skeleton, self.context.camera)
        ids, bodies = hri.poses_to_hri(self._messages, *arguments)
        for gone in sorted(set(self._bodies) - {body.id for body in bodies}):
            for publisher in self._bodies.pop(gone):
                self.context.node.destroy_publisher(publisher)
        self.publisher.publish(ids)
        for body in bodies:
            if body.id not in self._bodies:
                self._bodies[body.id] = self._advertise(body)
            skeleton, roi = self._bodies[body.id]
            skeleton.publish(body.skeleton)
            roi.publish(body.roi)

    def _advertise(self, body: hri.Body) -> Tuple["Publisher[Any]", "Publisher[Any]"]:
        base, node = self._base + body.id + "/", self.context.node
        skeleton = advertise(node, type(body.skeleton), base + "skeleton2d", OUTPUT)
        return skeleton, advertise(node, type(body.roi), base + "roi", OUTPUT)
