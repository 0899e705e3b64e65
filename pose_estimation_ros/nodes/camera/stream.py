"""Process one camera's images: from the messages of CameraInputs to the results of CameraResults."""

import time
from typing import Any, Callable, Dict, NamedTuple, Optional, Sequence, Tuple, TypeVar

import numpy as np
from rclpy.node import Node

from pose_estimation_ros.core.camera import Camera
from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.core.poses import CONFIRMED, LOST, TENTATIVE, Poses, joined
from pose_estimation_ros.core.space.depth import check_depth
from pose_estimation_ros.imaging.camera_view import View
from pose_estimation_ros.imaging.compressed import decode_compressed, decode_compressed_depth
from pose_estimation_ros.inference.pipeline import Outcome, Pipeline, Request, estimate_together
from pose_estimation_ros.messages.detections import decode_detections
from pose_estimation_ros.messages.poses import stamp_to_s
from pose_estimation_ros.msg import Timing
from pose_estimation_ros.nodes.camera.inputs import CameraInputs, Received, age_ms
from pose_estimation_ros.nodes.camera.outputs.output import Result, Space
from pose_estimation_ros.nodes.camera.results import CameraResults
from pose_estimation_ros.nodes.camera.space import SpaceFinder
from pose_estimation_ros.nodes.camera.statistics import People
from pose_estimation_ros.nodes.camera.transforms import Transforms
from pose_estimation_ros.nodes.conversions import depth_to_array, image_to_array
from pose_estimation_ros.nodes.diagnostics import TOO_OLD, CameraFacts, camera_status, full_name

WARN_EVERY_S = 5.0

T = TypeVar("T")
Messages = Dict[str, Any]  # a complete set, see CameraInputs


class Prepared(NamedTuple):
    """Hold an image that waits for its people.

    request: What is asked of the pipeline. frame: The whole image (H, W, 3) uint8 BGR. image: Its message. depth_msg:
    Message of the depth image, or None. decode_ms: Time that decoding the image took.
    """

    request: Request
    frame: np.ndarray
    image: Received
    depth_msg: Any
    decode_ms: float


class Found(NamedTuple):
    """Hold an image whose keypoints are published.

    prepared: The image. result: Its people, not yet in space. parts_ms: Durations of the pipeline's parts. total_ms:
    Time from the image's stamp to publishing. publish_ms: Time that publishing took.
    """

    prepared: Prepared
    result: Result
    parts_ms: Dict[str, float]
    total_ms: float
    publish_ms: float


class CameraStream:
    """Find the people in one camera's images and publish them."""

    def __init__(
        self,
        node: Node,
        pipeline: Pipeline,
        topic: str,
        prefix: str,
        values: Dict[str, Any],
        transforms: Optional[Transforms],
        take: Callable[["CameraStream", Messages], None],
    ) -> None:
        """Create the publishers; open() subscribes.

        Args:
            node: Node that subscribes and publishes.
            pipeline: Pipeline of this camera alone.
            topic: One of the parameter image_topics.
            prefix: Prefix of the published topics, "" or ending with "/".
            values: Values of the node's parameters; the live ones may change.
            transforms: Transforms of the node, None if no parameter names a frame.
            take: Function that gets each set of messages and has it processed, see camera.together.
        """
        self._node, self.pipeline, self._values = node, pipeline, values
        self._take = take
        self._name = full_name(node)
        self._view = View(values["roi_xywh"], values["rotation_deg"])
        self._finder = SpaceFinder(pipeline.skeleton, values, transforms)
        self.inputs = CameraInputs(node, topic, values, self._on_messages)
        self.results = CameraResults(node, prefix, pipeline.skeleton, values)
        self._attempt_anything = self.inputs.guarded(self._attempt)

    def open(self) -> None:
        """Subscribe."""
        self.inputs.open()

    def close(self) -> None:
        """Unsubscribe and forget the people."""
        self.inputs.close()
        self.results.pause()
        self.pipeline.reset()
        self._finder.reset()

    def destroy(self) -> None:
        """Unsubscribe and destroy the publishers."""
        self.close()
        self.results.close()

    def status(self) -> Any:
        """Return a diagnostic_msgs/DiagnosticStatus of the last seconds."""
        inputs, values = self.inputs, self._values
        facts = CameraFacts(
            image_topic=inputs.topic,
            qos=inputs.reliability,
            outage=inputs.watchdog.outage if values["enabled"] else "",
            max_age_ms=values["max_age_ms"],
            enabled=values["enabled"],
            lacks=inputs.lacks,
            confirm_after_s=values["confirm_after_s"],
        )
        return camera_status(self._name, facts, inputs.statistics.summary(time.monotonic()))

    def decode_image(self, msg: Any) -> np.ndarray:
        """Return the frame (H, W, 3) uint8 BGR of an Image or CompressedImage. Raise FrameError if it is unusable."""
        limits = self._values["max_image_pixels"], self._values["mono16_bits"]
        if self.inputs.compressed:
            return decode_compressed(msg.format, msg.data, *limits)
        return image_to_array(msg, *limits)

    def decode_depth(self, msg: Any) -> Tuple[np.ndarray, str]:
        """Return depth (H, W) and its encoding, as conversions.depth_to_array(). Raise FrameError if it is unusable."""
        max_pixels = self._values["max_image_pixels"]
        if self.inputs.compressed:
            return decode_compressed_depth(msg.format, msg.data, max_pixels)
        return depth_to_array(msg, max_pixels)

    def _on_messages(self, messages: Messages) -> None:
        """Hand on a set of messages to be processed, unless its image is too old."""
        image: Received = messages["image"]
        max_age_ms = self._values["max_age_ms"]
        if 0 < max_age_ms < age_ms(self._node, image.msg.header.stamp):
            self.inputs.statistics.dropped(time.monotonic(), TOO_OLD)
        else:
            self._take(self, messages)

    def prepare(self, messages: Messages) -> Optional[Prepared]:
        """Decode a set of messages. A fault costs the frame, is counted and logged, and makes the result None."""
        prepared: Optional[Prepared] = self._attempt_anything("image dropped", self._prepare, messages)
        return prepared

    def publish_keypoints(self, prepared: Prepared, outcome: Outcome) -> Optional[Found]:
        """Publish the keypoints of a frame. An exception in their place is counted and logged; the result is then None.

        Args:
            prepared: The image.
            outcome: The people in it, or an exception.
        """
        if isinstance(outcome, FrameError):
            self._log_fault(outcome, "image dropped")
        elif isinstance(outcome, Exception):
            self.inputs.fault(outcome)
        else:
            found: Optional[Found] = self._attempt_anything("image dropped", self._publish_keypoints, prepared, outcome)
            return found
        return None

    def publish_rest(self, found: Found) -> None:
        """Find the people of a frame in space and publish all but their keypoints."""
        self._attempt_anything("outputs dropped", self._publish_rest, found)

    def _prepare(self, messages: Messages) -> Prepared:
        image: Received = messages["image"]
        frame, decode_ms = timed(self.decode_image, image.msg)
        detections, stamp_s = messages.get("detections"), stamp_to_s(image.msg.header.stamp)
        boxes = None if detections is None else self._boxes(detections, frame.shape[1::-1])
        request = Request(self.pipeline, self._view.cut(frame), stamp_s, boxes)
        return Prepared(request, frame, image, messages.get("depth"), decode_ms)

    def _publish_keypoints(self, prepared: Prepared, poses: Poses) -> Found:
        frame, image = prepared.frame, prepared.image
        image_wh = frame.shape[1::-1]
        poses = self._view.back(joined(poses, self.pipeline.lost), image_wh)  # who is LOST comes after the others
        timing = self._timing(image.age_ms, prepared.decode_ms)
        result = Result(image.msg.header, frame, poses, timing, self.inputs.camera(image_wh))
        total_ms, publish_ms = timed(self.results.publish_keypoints, result)
        return Found(prepared, result, dict(self.pipeline.parts_ms), total_ms, publish_ms)

    def _publish_rest(self, found: Found) -> None:
        prepared, result = found.prepared, found.result
        space, lift_ms = timed(self._space, result, prepared.depth_msg)
        if space is not None:
            timing = self._timing(prepared.image.age_ms, prepared.decode_ms, lift_ms)
            result = result._replace(space=space, timing=timing)
        _, more_ms = timed(self._publish, result)
        publish_ms = found.publish_ms + more_ms
        stages_ms = dict(found.parts_ms, decode_image=prepared.decode_ms, lift=lift_ms, publish=publish_ms)
        self.inputs.statistics.published(time.monotonic(), found.total_ms, stages_ms, self._people(result.poses))

    def _publish(self, result: Result) -> None:
        """Publish all but pose/keypoints; what fails in one output costs the message of that output alone."""
        for output in self.results.outputs:
            self._attempt_anything("%s dropped" % output.topic, output.publish, result)

    def _people(self, poses: Poses) -> People:
        states = poses.state.tolist()
        tentative, confirmed, lost = (states.count(state) for state in (TENTATIVE, CONFIRMED, LOST))
        figures = self.pipeline.interval_s, self.pipeline.step_share
        return People(poses.count - lost, tentative, confirmed, lost, *figures)

    def _boxes(self, detections: Any, image_wh: Tuple[int, ...]) -> np.ndarray:
        """Return the boxes (N, 4) xyxy of people in pixels of the view."""
        people = decode_detections(detections, self._values["person_classes"])
        if people.malformed:
            text = "expected boxes of finite numbers and a size, got %d others" % people.malformed
            self._log_fault(FrameError("detection_box", text), "boxes dropped")
        good = people.score >= self._values["detections_min_score"]
        return self._view.boxes(people.boxes_xyxy[good], image_wh)

    def _space(self, result: Result, depth_msg: Any) -> Optional[Space]:
        """Return the people in space if an output needs them and something tells where they are."""
        if not self.results.wants_space():
            return None
        depth = self._attempt("depth image dropped", self._depth, depth_msg, result.camera)
        found: Optional[Space] = self._attempt_anything(
            "positions in space dropped", self._finder.find, result.poses, result.header, result.camera, depth
        )
        return found

    def _depth(self, depth_msg: Any, camera: Optional[Camera]) -> Optional[Tuple[np.ndarray, str]]:
        """Return the depth image and its encoding, None without one. Raise FrameError if it is unusable."""
        if depth_msg is None or camera is None:
            return None
        depth, encoding = self.decode_depth(depth_msg)
        check_depth(depth, encoding, camera)
        return depth, encoding

    def _timing(self, received_ms: float, decode_ms: float, lift_ms: float = 0.0) -> Timing:
        """Return all of the timing but total_ms.

        Decoding the image counts as preprocessing, positions in space as postprocessing.
        """
        preprocess_ms, inference_ms, postprocess_ms = self.pipeline.timing
        return Timing(
            capture_to_receive_ms=received_ms,
            preprocess_ms=decode_ms + preprocess_ms,
            inference_ms=inference_ms,
            postprocess_ms=postprocess_ms + lift_ms,
        )

    def _attempt(self, consequence: str, function: Callable[..., T], *arguments: Any) -> Optional[T]:
        """Call a function; a FrameError is counted and logged with its consequence, and the result is then None."""
        try:
            return function(*arguments)
        except FrameError as error:
            self._log_fault(error, consequence)
            return None

    def _log_fault(self, error: FrameError, consequence: str) -> None:
        statistics = self.inputs.statistics
        statistics.bad_frame(time.monotonic(), error.kind)
        counts = ", ".join("%s %d" % item for item in sorted(statistics.bad_total.items()))
        text = "%s: %s: %s (so far: %s)" % (self.inputs.topic, consequence, error, counts)
        self._node.get_logger().warning(text, throttle_duration_sec=WARN_EVERY_S)


def process(sets: Sequence[Tuple[CameraStream, Messages]]) -> None:
    """Process a set of messages of each of several cameras, with runs of the pose network in common.

    Args:
        sets: (camera, its messages).
    """
    prepared = [(camera, camera.prepare(messages)) for camera, messages in sets]
    waiting = [(camera, image) for camera, image in prepared if image is not None]
    outcomes = estimate_together([image.request for _, image in waiting]) if waiting else []
    found = [(camera, camera.publish_keypoints(image, outcome)) for (camera, image), outcome in zip(waiting, outcomes)]
    for camera, image in found:  # no camera's keypoints wait for another camera's pictures
        if image is not None:
            camera.publish_rest(image)


def timed(function: Callable[..., T], *arguments: Any) -> Tuple[T, float]:
    """Call a function; return its result and how long it took in ms.

    Args:
        function: The function.
        arguments: Its arguments.
    """
    start_s = time.perf_counter()
    result = function(*arguments)
    return result, 1e3 * (time.perf_counter() - start_s)
