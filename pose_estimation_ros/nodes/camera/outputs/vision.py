"""Publish pose/detections_2d and pose/detections_3d (vision_msgs), boxes of people."""

from typing import Any

from pose_estimation_ros.messages import detections
from pose_estimation_ros.messages.tf import is_optical
from pose_estimation_ros.nodes.camera.outputs.output import Output, OutputContext, Result
from pose_estimation_ros.nodes.conversions import optional_messages


class Detections2DOutput(Output):
    """Publish the boxes of the people in an image as vision_msgs/Detection2DArray."""

    topic = "pose/detections_2d"

    def __init__(self, context: OutputContext) -> None:
        """Create the publisher. Raise ConfigError if vision_msgs is not installed."""
        self._messages = optional_messages("vision_msgs", detections.CLASSES)
        super().__init__(context, self._messages.Detection2DArray)

    def message(self, result: Result) -> Any:
        """Return the detections of an image."""
        return detections.poses_to_detections(self._messages, result.poses, result.header)


class Detections3DOutput(Output):
    """Publish the boxes of the people of an image in space as vision_msgs/Detection3DArray."""

    topic, needs_space = "pose/detections_3d", True

    def __init__(self, context: OutputContext) -> None:
        """Create the publisher. Raise ConfigError if vision_msgs is not installed."""
        self._messages = optional_messages("vision_msgs", detections.CLASSES)
        super().__init__(context, self._messages.Detection3DArray)

    def message(self, result: Result) -> Any:
        """Return the detections of an image."""
        assert result.space is not None
        header, joints, people = result.space.header, result.space.joints, result.space.people
        vertical = 2  # z is up in the frames of robots and maps (REP-103)
        if is_optical(header.frame_id, result.header.frame_id):
            # y is down in a camera's optical frame, x where the camera is turned
            vertical = 0 if self.context.values["rotation_deg"] % 180 else 1
        return detections.people_to_detections(self._messages, result.poses, joints, people, header, vertical)
