"""Publish the confirmed people of an image as frames of TF."""

from types import SimpleNamespace
from typing import Any, Optional, Tuple

from geometry_msgs.msg import Quaternion, Transform, TransformStamped, Vector3
from std_msgs.msg import Header

from pose_estimation_ros.core.errors import ConfigError, FrameError
from pose_estimation_ros.messages.tf import TfOptions, people_to_tf, up_in
from pose_estimation_ros.nodes.camera.outputs.output import Output, OutputContext, Result
from pose_estimation_ros.nodes.conversions import optional_messages

JOINTS = "joints"  # value of publish_tf
MESSAGES = SimpleNamespace(
    Header=Header, TransformStamped=TransformStamped, Transform=Transform, Vector3=Vector3, Quaternion=Quaternion
)
NO_STAMP = (0, 0)
NO_PARENT = "expected an image with a frame_id and a stamp for frames of TF, got frame_id %.80r and stamp %d.%09d"
NO_IDS = "parameter publish_tf: expected tracking to be true, because frames are named after ids; got false"


class TfOutput(Output):
    """Publish /tf for every image with people in space, whether anybody subscribes or not."""

    topic, needs_space = "/tf", True

    def __init__(self, context: OutputContext) -> None:
        """Create the publisher. Raise ConfigError if tf2_msgs is not installed or people have no ids."""
        values = context.values
        if not values["tracking"]:
            raise ConfigError(NO_IDS)
        self._messages = optional_messages("tf2_msgs", ("TFMessage",))
        super().__init__(context, self._messages.TFMessage)
        self._options = TfOptions(values["publish_tf"] == JOINTS, values["joint_orientations"], context.camera)
        self._last: Optional[Tuple[int, int]] = None

    def is_wanted(self) -> bool:
        """Return True, because frames are looked up later, by those who then listen."""
        return True

    def publish(self, result: Result) -> None:
        """Publish the frames of an image; a stamp that comes again has none, because tf2 warns of such frames.

        Raises:
            FrameError: kind "transform", the image has no stamp, which tf2 takes for "the latest", or no frame_id,
                which tf2 refuses.
        """
        stamp = result.header.stamp.sec, result.header.stamp.nanosec
        if result.space is None or stamp == self._last:
            return
        frame = result.space.header.frame_id
        if stamp <= NO_STAMP or not frame:
            raise FrameError("transform", NO_PARENT % ((frame,) + stamp))
        self._last = stamp
        message = self.message(result)
        if message.transforms:
            self.publisher.publish(message)

    def message(self, result: Result) -> Any:
        """Return the TFMessage of an image."""
        assert result.space is not None
        space = result.space
        arguments = (space.header, result.poses, space.joints, space.people, self.context.skeleton, self._options)
        up = up_in(space.header.frame_id, result.header.frame_id)
        return self._messages.TFMessage(transforms=people_to_tf(MESSAGES, *arguments, up=up))
