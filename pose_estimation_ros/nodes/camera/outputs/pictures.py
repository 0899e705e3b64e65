"""Publish pose/image, the image with skeletons, and pose/markers for RViz."""

from typing import Any

from sensor_msgs.msg import Image
from visualization_msgs.msg import MarkerArray

from pose_estimation_ros.imaging.draw import draw_poses
from pose_estimation_ros.nodes.camera.outputs.output import Output, OutputContext, Result
from pose_estimation_ros.nodes.conversions import MarkerMaker, array_to_image


class OverlayOutput(Output):
    """Publish the image with the skeletons of its people."""

    topic = "pose/image"

    def __init__(self, context: OutputContext) -> None:
        """Create the publisher."""
        super().__init__(context, Image)

    def is_wanted(self) -> bool:
        """Return whether anybody subscribes, and the parameter overlay allows it."""
        return self.context.values["overlay"] and super().is_wanted()

    def message(self, result: Result) -> Any:
        """Return the drawn image."""
        return array_to_image(draw_poses(result.frame, result.poses, self.context.skeleton), result.header)


class MarkersOutput(Output):
    """Publish the skeletons as markers, in space where that is known."""

    topic = "pose/markers"

    def __init__(self, context: OutputContext) -> None:
        """Create the publisher."""
        super().__init__(context, MarkerArray)
        values = context.values
        lifetime_s, distance_m = values["marker_lifetime_s"], values["marker_distance_m"]
        self._make = MarkerMaker(context.skeleton, values["marker_metres_per_px"], lifetime_s, distance_m)

    def wants_space(self) -> bool:
        """Return whether anybody subscribes; without positions in space the markers stand in a plane."""
        return self.is_wanted()

    def message(self, result: Result) -> Any:
        """Return the MarkerArray of an image."""
        joints = result.space.joints if result.space else None
        return self._make(result.poses, result.header, result.image_wh, result.camera, joints)
