"""What the node publishes for one camera, each topic only while somebody listens, but for pose/keypoints."""

from typing import Any, Dict, NamedTuple, Optional

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

from pose_estimation_ros.core.camera import Camera
from pose_estimation_ros.core.depth import Joints
from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.imaging.draw import draw_poses
from pose_estimation_ros.msg import Person3DArray, PersonArray, Timing
from pose_estimation_ros.nodes.camera.image_qos import advertise
from pose_estimation_ros.nodes.camera.inputs import age_ms
from pose_estimation_ros.nodes.camera.optional_outputs import open_outputs
from pose_estimation_ros.nodes.conversions import MarkerMaker, array_to_image, joints_to_msg, poses_to_msg
from pose_estimation_ros.nodes.qos import OUTPUT


class Result(NamedTuple):
    """Of one image: poses, those of the LOST after the others; frame (H, W, 3) uint8 BGR as it came."""

    header: Header
    frame: np.ndarray
    poses: Poses
    timing: Timing
    camera: Optional[Camera]
    joints: Optional[Joints]

    @property
    def image_wh(self) -> Any:
        return self.frame.shape[1::-1]


class CameraResults:
    """prefix: of the topics. values: the node's parameters, of which overlay may change."""

    def __init__(self, node: Node, prefix: str, skeleton: Skeleton, values: Dict[str, Any]) -> None:
        self._node, self._skeleton, self._values = node, skeleton, values
        lifetime_s, distance_m = values["marker_lifetime_s"], values["marker_distance_m"]
        self._make_markers = MarkerMaker(skeleton, values["marker_metres_per_px"], lifetime_s, distance_m)
        self._keypoints = advertise(node, PersonArray, prefix + "pose/keypoints", OUTPUT)
        self._skeletons = advertise(node, Person3DArray, prefix + "pose/skeletons", OUTPUT)
        self._markers = advertise(node, MarkerArray, prefix + "pose/markers", OUTPUT)
        self._overlay = advertise(node, Image, prefix + "pose/image", OUTPUT)
        self._optional = open_outputs(node, prefix, skeleton, values)

    def wants_joints(self) -> bool:
        """Whether anybody looks at what joints in space are for."""
        return bool(self._skeletons.get_subscription_count() or self._markers.get_subscription_count())

    def publish(self, result: Result) -> float:
        """Keypoints first, with their age; then what people look at. Returns that age, ms."""
        people = poses_to_msg(result.poses, result.header, result.image_wh, self._skeleton.name)
        people.timing = result.timing
        people.timing.total_ms = age_ms(self._node, result.header.stamp)
        self._keypoints.publish(people)
        if result.joints is not None and self._skeletons.get_subscription_count():
            space = joints_to_msg(result.poses, result.joints, result.header, self._skeleton.name)
            space.timing = result.timing
            space.timing.total_ms = age_ms(self._node, result.header.stamp)
            self._skeletons.publish(space)
        self._show(result)
        for output in self._optional:
            output.publish(result)
        return people.timing.total_ms

    def _show(self, result: Result) -> None:
        if self._markers.get_subscription_count():
            markers = self._make_markers(result.poses, result.header, result.image_wh, result.camera, result.joints)
            self._markers.publish(markers)
        if self._values["overlay"] and self._overlay.get_subscription_count():
            frame = result.frame.copy()
            draw_poses(frame, result.poses, self._skeleton)
            self._overlay.publish(array_to_image(frame, result.header))

    def close(self) -> None:
        for publisher in (self._keypoints, self._skeletons, self._markers, self._overlay):
            self._node.destroy_publisher(publisher)
        for output in self._optional:
            output.close()
