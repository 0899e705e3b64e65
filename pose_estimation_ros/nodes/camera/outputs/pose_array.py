"""Publish pose/poses (geometry_msgs), the positions of people for programs that know no other message."""

from typing import Any

from geometry_msgs.msg import PoseArray

from pose_estimation_ros.messages.tf import up_in
from pose_estimation_ros.nodes.camera.outputs.output import Output, OutputContext, Result
from pose_estimation_ros.nodes.conversions import people_to_pose_array


class PoseArrayOutput(Output):
    """Publish where the people of an image are and how they are turned, as geometry_msgs/PoseArray."""

    topic, needs_space = "pose/poses", True

    def __init__(self, context: OutputContext) -> None:
        """Create the publisher."""
        super().__init__(context, PoseArray)

    def message(self, result: Result) -> Any:
        """Return the PoseArray of an image."""
        assert result.space is not None
        space, skeleton = result.space, self.context.skeleton
        up = up_in(space.header.frame_id, result.header.frame_id)
        return people_to_pose_array(result.poses, space.joints, space.people, space.header, skeleton, up)
