"""Publish pose/keypoints and pose/keypoints_3d.

With predict_to_now, pose/keypoints alone tells of the time of its publication: all else lies over the image, or has its
depth from there.
"""

from typing import Any, List, Tuple

from rclpy.duration import Duration
from rclpy.time import Time
from std_msgs.msg import Header

from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.core.smoothing import MOST_AHEAD_S, predicted
from pose_estimation_ros.msg import PersonArray, PersonArray3D
from pose_estimation_ros.nodes.camera.inputs import age_ms
from pose_estimation_ros.nodes.camera.outputs.output import Output, OutputContext, Result
from pose_estimation_ros.nodes.conversions import people_to_msg, poses_to_msg
from pose_estimation_ros.nodes.diagnostics import OTHER_CLOCK_S


class KeypointsOutput(Output):
    """Publish the people of every image, whether anybody subscribes or not."""

    topic = "pose/keypoints"

    def __init__(self, context: OutputContext) -> None:
        """Create the publisher."""
        super().__init__(context, PersonArray)
        self._spare: List[Any] = []  # persons of the last message, which is not read after it was published

    def message(self, result: Result) -> Any:
        """Return the PersonArray of an image, which holds until the next call."""
        message = poses_to_msg(*self._for_now(result), result.image_wh, self.context.skeleton.name, self._spare)
        return with_timing(message, result, self.context)

    def publish_timed(self, result: Result) -> float:
        """Publish the people of an image; return the age of the image in ms, NaN where unknown."""
        message = self.message(result)
        self.publisher.publish(message)
        return float(message.timing.total_ms)

    def _for_now(self, result: Result) -> Tuple[Poses, Header]:
        """Return the people where they are by now if predict_to_now, and the header with the time for which that holds.

        Nothing is predicted where the age of the image is unknown, negative, or that of another clock.
        """
        if not self.context.values["predict_to_now"]:
            return result.poses, result.header
        age_s = 1e-3 * age_ms(self.context.node, result.header.stamp)
        if not 0 < age_s < OTHER_CLOCK_S:
            return result.poses, result.header
        ahead_s = min(age_s, MOST_AHEAD_S)
        stamp = Time.from_msg(result.header.stamp) + Duration(nanoseconds=round(1e9 * ahead_s))
        header = Header(stamp=stamp.to_msg(), frame_id=result.header.frame_id)
        return predicted(result.poses, ahead_s), header


class Keypoints3DOutput(Output):
    """Publish the people of an image in space."""

    topic, needs_space = "pose/keypoints_3d", True

    def __init__(self, context: OutputContext) -> None:
        """Create the publisher."""
        super().__init__(context, PersonArray3D)

    def message(self, result: Result) -> Any:
        """Return the PersonArray3D of an image."""
        assert result.space is not None
        space, name = result.space, self.context.skeleton.name
        message = people_to_msg(result.poses, space.joints, space.people, space.header, name)
        return with_timing(message, result, self.context)


def with_timing(message: Any, result: Result, context: OutputContext) -> Any:
    """Set the timing of a message that is about to be published, and return the message.

    Args:
        message: PersonArray or PersonArray3D.
        result: of the image.
        context: the camera.
    """
    message.timing = result.timing
    message.timing.total_ms = age_ms(context.node, result.header.stamp)
    return message
