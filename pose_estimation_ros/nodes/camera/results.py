"""Publish the results of one camera: pose/keypoints first and always, then each output that somebody wants."""

from typing import Any, Callable, Dict, List, Tuple

from rclpy.node import Node
from rclpy.publisher import Publisher

from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.messages.hri import camera_name
from pose_estimation_ros.nodes.camera.outputs.foxglove import FoxgloveOutput
from pose_estimation_ros.nodes.camera.outputs.hri import HriOutput
from pose_estimation_ros.nodes.camera.outputs.keypoints import Keypoints3DOutput, KeypointsOutput
from pose_estimation_ros.nodes.camera.outputs.output import Output, OutputContext, Result
from pose_estimation_ros.nodes.camera.outputs.pictures import MarkersOutput, OverlayOutput
from pose_estimation_ros.nodes.camera.outputs.pose_array import PoseArrayOutput
from pose_estimation_ros.nodes.camera.outputs.tf import TfOutput
from pose_estimation_ros.nodes.camera.outputs.vision import Detections2DOutput, Detections3DOutput
from pose_estimation_ros.nodes.parameter_tables import NONE
from pose_estimation_ros.nodes.topic_names import resolved

OutputMakers = Tuple[Callable[[OutputContext], Output], ...]

ALWAYS_THERE: OutputMakers = (Keypoints3DOutput, PoseArrayOutput, MarkersOutput, OverlayOutput)
BY_PARAMETER: Dict[str, OutputMakers] = {
    "hri": (HriOutput,),
    "foxglove": (FoxgloveOutput,),
    "vision": (Detections2DOutput, Detections3DOutput),
    "publish_tf": (TfOutput,),
}


class CameraResults:
    """Publish all outputs of one camera.

    ``outputs`` has all but pose/keypoints.
    """

    def __init__(self, node: Node, prefix: str, skeleton: Skeleton, values: Dict[str, Any]) -> None:
        """Create the publishers.

        Args:
            node: Node that publishes.
            prefix: Prefix of the topics, "" or ending with "/".
            skeleton: Skeleton of the people.
            values: Values of the node's parameters; the live ones may change.

        Raises:
            ConfigError: The message package of an optional output is not installed, or lacks a message.
        """
        camera = camera_name(resolved(node, prefix + KeypointsOutput.topic))
        context = OutputContext(node, prefix, skeleton, values, camera)
        self._keypoints = KeypointsOutput(context)
        self.outputs: List[Output] = []
        asked = [makers for name, makers in BY_PARAMETER.items() if values[name] not in (False, NONE)]
        try:
            for make in ALWAYS_THERE + sum(asked, ()):
                self.outputs.append(make(context))
        except Exception:
            self.close()
            raise

    @property
    def publishers(self) -> Dict[str, "Publisher[Any]"]:
        """Return the publisher of each output by its topic without the camera's prefix, such as "pose/markers"."""
        return {output.topic: output.publisher for output in [self._keypoints] + self.outputs}

    def wants_space(self) -> bool:
        """Return whether any output needs the people in space."""
        return any(output.wants_space() for output in self.outputs)

    def publish_keypoints(self, result: Result) -> float:
        """Publish pose/keypoints; return the age of the image in ms, NaN where unknown."""
        return self._keypoints.publish_timed(result)

    def pause(self) -> None:
        """Publish what readers must know if no more images come for now."""
        for output in self.outputs:
            output.pause()

    def close(self) -> None:
        """Destroy the publishers."""
        for output in [self._keypoints] + self.outputs:
            output.close()
