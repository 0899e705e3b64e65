"""One camera of the node: from what CameraInputs receives to what CameraResults publishes."""

import time
from typing import Any, Callable, Dict, Optional, Tuple

import numpy as np
from rclpy.node import Node

from pose_estimation_ros.core.camera import Camera
from pose_estimation_ros.core.depth import DepthOptions, Joints, joints_in_space
from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.core.poses import LOST, Poses, joined
from pose_estimation_ros.imaging.camera_view import View
from pose_estimation_ros.imaging.compressed import decode_compressed, decode_compressed_depth
from pose_estimation_ros.inference.pipeline import Pipeline
from pose_estimation_ros.messages.detections import decode_detections
from pose_estimation_ros.messages.poses import stamp_to_s
from pose_estimation_ros.msg import Timing
from pose_estimation_ros.nodes.camera.inputs import CameraInputs, age_ms
from pose_estimation_ros.nodes.camera.results import CameraResults, Result
from pose_estimation_ros.nodes.conversions import depth_to_array, image_to_array
from pose_estimation_ros.nodes.diagnostics import TOO_OLD, CameraFacts, camera_status, full_name

WARN_EVERY_S = 5.0


class CameraStream:
    """pipeline: this camera's own. prefix: of the topics published. values: the node's parameters, live ones change."""

    def __init__(self, node: Node, pipeline: Pipeline, topic: str, prefix: str, values: Dict[str, Any]) -> None:
        self._node, self.pipeline, self._values = node, pipeline, values
        self._name = full_name(node)
        self._view = View(values["roi_xywh"], values["rotation_deg"])
        self._depth = DepthOptions(
            window=values["depth_window"],
            nearest_m=values["depth_nearest_m"],
            farthest_m=values["depth_farthest_m"],
        )
        self.inputs = CameraInputs(node, topic, values, self._on_images)
        self.results = CameraResults(node, prefix, pipeline.skeleton, values)

    def open(self) -> None:
        self.inputs.open()

    def close(self) -> None:
        """Unsubscribes and forgets the people."""
        self.inputs.close()
        self.pipeline.reset()

    def destroy(self) -> None:
        self.close()
        self.results.close()

    def status(self) -> Any:
        """A diagnostic_msgs/DiagnosticStatus of the last seconds."""
        inputs, values = self.inputs, self._values
        outage = inputs.watchdog.outage if values["enabled"] else ""
        state = (outage, values["max_age_ms"], values["enabled"], inputs.lacks)
        facts = CameraFacts(inputs.topic, inputs.reliability, *state)
        return camera_status(self._name, facts, inputs.statistics.summary(time.monotonic()))

    def _on_images(self, received: Dict[str, Any]) -> None:
        """Any fault of a frame costs that frame, and is counted and told."""
        msg, received_ms = received["image"]
        too_old_ms = self._values["max_age_ms"]
        if 0 < too_old_ms < age_ms(self._node, msg.header.stamp):
            self.inputs.statistics.dropped(time.monotonic(), TOO_OLD)
            return
        try:
            self._answer(received, msg, received_ms)
        except FrameError as error:
            self._tell(error, "image dropped")

    def _answer(self, received: Dict[str, Any], msg: Any, received_ms: float) -> None:
        start_s = time.perf_counter()
        frame = self._decoded(msg)
        decode_ms = 1e3 * (time.perf_counter() - start_s)
        poses = self._poses(frame, stamp_to_s(msg.header.stamp), received.get("detections"))
        camera = self.inputs.camera(frame.shape[1::-1])
        joints, lift_ms = timed(self._joints, poses, camera, received.get("depth"))
        result = Result(msg.header, frame, poses, self._timing(received_ms, decode_ms, lift_ms), camera, joints)
        total_ms, publish_ms = timed(self.results.publish, result)
        stages_ms = dict(self.pipeline.parts_ms, decode_image=decode_ms, lift=lift_ms, publish=publish_ms)
        seen = int((poses.state != LOST).sum())
        self.inputs.statistics.published(time.monotonic(), total_ms, stages_ms, seen)

    def _decoded(self, msg: Any) -> np.ndarray:
        limits = self._values["max_image_pixels"], self._values["mono16_bits"]
        compressed = self.inputs.compressed
        return decode_compressed(msg.format, msg.data, *limits) if compressed else image_to_array(msg, *limits)

    def _decoded_depth(self, msg: Any) -> Tuple[np.ndarray, str]:
        most = self._values["max_image_pixels"]
        compressed = self.inputs.compressed
        return decode_compressed_depth(msg.format, msg.data, most) if compressed else depth_to_array(msg, most)

    def _poses(self, frame: np.ndarray, stamp_s: float, detections: Any) -> Poses:
        """In pixels of the frame; the lost after the others."""
        view, image_wh, boxes = self._view, frame.shape[1::-1], None
        if detections is not None:
            people = decode_detections(detections, self._values["person_classes"])
            if people.malformed:
                text = "expected boxes of finite numbers and a size, got %d others" % people.malformed
                self._tell(FrameError("detection_box", text), "boxes dropped")
            boxes = view.boxes(people.boxes_xyxy[people.score >= self._values["detections_min_score"]], image_wh)
        found = self.pipeline(view.cut(frame), stamp_s, boxes)
        return view.back(joined(found, self.pipeline.lost), image_wh)

    def _joints(self, poses: Poses, camera: Optional[Camera], msg: Any) -> Optional[Joints]:
        """Where depth and a calibrated camera are there, and somebody listens. Bad depth costs only them."""
        if msg is None or camera is None or not self.results.wants_joints():
            return None
        try:
            depth, encoding = self._decoded_depth(msg)
            return joints_in_space(poses, depth, encoding, camera, self.pipeline.skeleton, self._depth)
        except FrameError as error:
            self._tell(error, "depth image dropped")
            return None

    def _timing(self, received_ms: float, decode_ms: float, lift_ms: float) -> Timing:
        """All but total_ms; decoding the image counts as preprocessing, joints in space as postprocessing."""
        preprocess_ms, inference_ms, postprocess_ms = self.pipeline.timing
        return Timing(
            capture_to_receive_ms=received_ms,
            preprocess_ms=decode_ms + preprocess_ms,
            inference_ms=inference_ms,
            postprocess_ms=postprocess_ms + lift_ms,
        )

    def _tell(self, error: FrameError, what: str) -> None:
        statistics = self.inputs.statistics
        statistics.bad_frame(time.monotonic(), error.kind)
        counts = ", ".join("%s %d" % item for item in sorted(statistics.bad_total.items()))
        text = "%s: %s: %s (so far: %s)" % (self.inputs.topic, what, error, counts)
        self._node.get_logger().warning(text, throttle_duration_sec=WARN_EVERY_S)


def timed(function: Callable, *arguments: Any) -> Tuple[Any, float]:
    """Its result, and how long it took, ms."""
    start_s = time.perf_counter()
    result = function(*arguments)
    return result, 1e3 * (time.perf_counter() - start_s)
