"""Define what the node has found in an image, and the base class of all that publishes a part of it."""

from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import numpy as np
from rclpy.node import Node
from rclpy.publisher import Publisher
from std_msgs.msg import Header

from pose_estimation_ros.core.camera import Camera
from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.core.space.depth import Joints
from pose_estimation_ros.core.space.people_3d import People3D
from pose_estimation_ros.msg import Timing
from pose_estimation_ros.nodes.camera.image_qos import advertise
from pose_estimation_ros.nodes.qos import OUTPUT


class Space(NamedTuple):
    """Hold the people of one image in space.

    Attributes:
        header: stamp of the image, and the frame of all positions.
        joints: joints of the people.
        people: places of the people.
        depth_m: (N,) how far each place that was measured is along the camera's optical axis; NaN for others.
    """

    header: Header
    joints: Joints
    people: People3D
    depth_m: np.ndarray


class Result(NamedTuple):
    """Hold the result of one image.

    Attributes:
        header: header of the image.
        frame: the image (H, W, 3) uint8 BGR as it came.
        poses: the people, those who are LOST after the others.
        timing: all but total_ms.
        camera: calibration of the image, None where unknown.
        space: the same people in space, None where unknown or where no output needs it.
    """

    header: Header
    frame: np.ndarray
    poses: Poses
    timing: Timing
    camera: Optional[Camera] = None
    space: Optional[Space] = None

    @property
    def image_wh(self) -> Tuple[int, int]:
        """Return the width and height of the image in pixels."""
        height, width = self.frame.shape[:2]
        return width, height


class OutputContext(NamedTuple):
    """Hold what an output needs to know of its camera.

    Attributes:
        node: node that publishes.
        prefix: prefix of the topics, "" or ending with "/".
        skeleton: skeleton of the people.
        values: values of the node's parameters; the live ones may change.
        camera: name of the camera in the ids and TF frames of bodies, see messages.hri.camera_name().
    """

    node: Node
    prefix: str
    skeleton: Skeleton
    values: Dict[str, Any]
    camera: str = ""


class Output:
    """Publish one message for each image on one topic while somebody subscribes to it.

    A subclass defines ``topic``, the name without the camera's prefix, or a global one with / in front, and message().
    """

    topic = ""
    needs_space = False  # whether the message needs Result.space, and is left out where that is None

    def __init__(self, context: OutputContext, kind: Any) -> None:
        """Create the publisher.

        Args:
            context: the camera.
            kind: class of the messages.

        Raises:
            ConfigError: a parameter of qos_overrides for this topic is wrong.
        """
        self.context = context
        name = self.topic if self.topic.startswith("/") else context.prefix + self.topic
        self.publisher: "Publisher[Any]" = advertise(context.node, kind, name, OUTPUT)

    def publishers(self) -> List["Publisher[Any]"]:
        """Return all publishers that exist now."""
        return [self.publisher]

    def is_wanted(self) -> bool:
        """Return whether anybody would get the message."""
        return self.publisher.get_subscription_count() > 0

    def wants_space(self) -> bool:
        """Return whether the next message needs Result.space."""
        return self.needs_space and self.is_wanted()

    def publish(self, result: Result) -> None:
        """Publish the message of an image if anybody would get it."""
        if self.is_wanted() and not (self.needs_space and result.space is None):
            self.publisher.publish(self.message(result))

    def message(self, result: Result) -> Any:
        """Return the message of an image."""
        raise NotImplementedError

    def pause(self) -> None:
        """Publish what readers must know if no more images come for now; most outputs say nothing."""

    def close(self) -> None:
        """Destroy all publishers."""
        for publisher in self.publishers():
            self.context.node.destroy_publisher(publisher)
