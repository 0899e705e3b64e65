"""Publish the results of one camera.

pose/keypoints is always published; the other topics only while somebody subscribes to them. With predict_to_now,
pose/keypoints alone tells of the time of its publication: all else lies over the image, or has its depth from there.
"""

from typing import Any, Dict, NamedTuple, Optional, Tuple

import numpy as np
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.time import Time
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

from pose_estimation_ros.core.camera import Camera
from pose_estimation_ros.core.depth import Joints
from pose_estimation_ros.core.people_3d import unknown_people
from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.core.smoothing import MOST_AHEAD_S, predicted
from pose_estimation_ros.imaging.draw import draw_poses
from pose_estimation_ros.msg import PersonArray, PersonArray3D, Timing
from pose_estimation_ros.nodes.camera.image_qos import advertise
from pose_estimation_ros.nodes.camera.inputs import age_ms
from pose_estimation_ros.nodes.camera.optional_outputs import open_outputs
from pose_estimation_ros.nodes.conversions import MarkerMaker, array_to_image, people_to_msg, poses_to_msg
from pose_estimation_ros.nodes.diagnostics import OTHER_CLOCK_S
from pose_estimation_ros.nodes.qos import OUTPUT

KEYPOINTS, KEYPOINTS_3D, MARKERS, OVERLAY = "pose/keypoints", "pose/keypoints_3d", "pose/markers", "pose/image"
MESSAGE_TYPES = {KEYPOINTS: PersonArray, KEYPOINTS_3D: PersonArray3D, MARKERS: MarkerArray, OVERLAY: Image}


class Result(NamedTuple):
    """Hold the result of one image.

    poses: the people, those who are LOST after the others. frame: the image (H, W, 3) uint8 BGR as it came. timing: all
    but total_ms. camera: calibration of the image, None where unknown. joints: joints in space, None where unknown.
    """

    header: Header
    frame: np.ndarray
    poses: Poses
    timing: Timing
    camera: Optional[Camera]
    joints: Optional[Joints]

    @property
    def image_wh(self) -> Tuple[int, int]:
        """Return the width and height of the image in pixels."""
        height, width = self.frame.shape[:2]
        return width, height


class CameraResults:
    """Publish keypoints, joints in space, markers, the overlay and the optional outputs of one camera.

    ``publishers`` maps the name of a topic without the camera's prefix, such as "pose/markers", to its publisher.
    """

    def __init__(self, node: Node, prefix: str, skeleton: Skeleton, values: Dict[str, Any]) -> None:
        """Create the publishers.

        Args:
            node: Node that publishes.
            prefix: Prefix of the topics, "" or ending with "/".
            skeleton: Skeleton of the people.
            values: Values of the node's parameters; those of overlay and predict_to_now may change.
        """
        self._node, self._skeleton, self._values = node, skeleton, values
        lifetime_s, distance_m = values["marker_lifetime_s"], values["marker_distance_m"]
        self._make_markers = MarkerMaker(skeleton, values["marker_metres_per_px"], lifetime_s, distance_m)
        self.publishers: Dict[str, "Publisher[Any]"] = {
            topic: advertise(node, kind, prefix + topic, OUTPUT) for topic, kind in MESSAGE_TYPES.items()
        }
        self._optional_outputs = open_outputs(node, prefix, skeleton, values)

    def wants_joints(self) -> bool:
        """Return whether anybody subscribes to a topic that shows joints in space."""
        return self._has_subscribers(KEYPOINTS_3D) or self._has_subscribers(MARKERS)

    def publish(self, result: Result) -> float:
        """Publish the keypoints first, then all that has subscribers; return the age of the keypoints in ms."""
        people = poses_to_msg(*self._for_now(result), result.image_wh, self._skeleton.name)
        total_ms = self._publish_timed(KEYPOINTS, people, result)
        if result.joints is not None and self._has_subscribers(KEYPOINTS_3D):
            places = unknown_people(result.poses.count)
            people_3d = people_to_msg(result.poses, result.joints, places, result.header, self._skeleton.name)
            self._publish_timed(KEYPOINTS_3D, people_3d, result)
        if self._has_subscribers(MARKERS):
            self._publish_markers(result)
        if self._values["overlay"] and self._has_subscribers(OVERLAY):
            self._publish_overlay(result)
        for output in self._optional_outputs:
            output.publish(result.poses, result.header, result.image_wh)
        return total_ms

    def _for_now(self, result: Result) -> Tuple[Poses, Header]:
        """Return the people where they are by now if predict_to_now, and the header with the time for which that holds.

        Nothing is predicted where the age of the image is unknown, negative, or that of another clock.
        """
        age_s = 1e-3 * age_ms(self._node, result.header.stamp)
        if not self._values["predict_to_now"] or not 0 < age_s < OTHER_CLOCK_S:
            return result.poses, result.header
        ahead_s = min(age_s, MOST_AHEAD_S)
        stamp = Time.from_msg(result.header.stamp) + Duration(nanoseconds=round(1e9 * ahead_s))
        header = Header(stamp=stamp.to_msg(), frame_id=result.header.frame_id)
        return predicted(result.poses, ahead_s), header

    def close(self) -> None:
        """Destroy the publishers."""
        for publisher in self.publishers.values():
            self._node.destroy_publisher(publisher)
        for output in self._optional_outputs:
            output.close()

    def _has_subscribers(self, topic: str) -> bool:
        return self.publishers[topic].get_subscription_count() > 0

    def _publish_timed(self, topic: str, message: Any, result: Result) -> float:
        """Publish a message with the timing of the result; return its total_ms."""
        total_ms = age_ms(self._node, result.header.stamp)
        message.timing = result.timing
        message.timing.total_ms = total_ms
        self.publishers[topic].publish(message)
        return total_ms

    def _publish_markers(self, result: Result) -> None:
        markers = self._make_markers(result.poses, result.header, result.image_wh, result.camera, result.joints)
        self.publishers[MARKERS].publish(markers)

    def _publish_overlay(self, result: Result) -> None:
        drawn = draw_poses(result.frame, result.poses, self._skeleton)
        self.publishers[OVERLAY].publish(array_to_image(drawn, result.header))
