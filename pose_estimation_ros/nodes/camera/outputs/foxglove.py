"""Publish pose/annotations (foxglove_msgs), which Foxglove draws over the camera's image."""

from typing import Any

from pose_estimation_ros.messages import foxglove
from pose_estimation_ros.nodes.camera.outputs.output import Output, OutputContext, Result
from pose_estimation_ros.nodes.conversions import optional_messages


class FoxgloveOutput(Output):
    """Publish the people of an image as foxglove_msgs/ImageAnnotations."""

    topic = "pose/annotations"

    def __init__(self, context: OutputContext) -> None:
        """Create the publisher. Raise ConfigError if foxglove_msgs is not installed."""
        self._messages = optional_messages("foxglove_msgs", foxglove.CLASSES)
        super().__init__(context, self._messages.ImageAnnotations)

    def message(self, result: Result) -> Any:
        """Return the annotations of an image."""
        return foxglove.poses_to_annotations(self._messages, result.poses, result.header.stamp, self.context.skeleton)
