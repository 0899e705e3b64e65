"""Subscribe to camera topics and publish keypoints, skeletons and markers, in one thread; the detector has its own.

This file is wiring: parameters, the networks, and one CameraStream for each image topic. With one image topic the
results are published as pose/... in the node's namespace; with several, those of /left/image_raw are /left/pose/....
pose/skeleton_info (Skeleton, latched) is published once. In the life cycle, configure loads the networks and activate
subscribes; both happen at start-up unless auto_activate is false.
"""

import functools
import sys
from typing import Any, Callable, Dict, List, Optional

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType  # type: ignore[attr-defined]
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from rclpy.timer import Timer
from std_srvs.srv import SetBool

from pose_estimation_ros import __version__
from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.machine import describe_heat, describe_machine
from pose_estimation_ros.core.model_spec import WHOLE_FRAME
from pose_estimation_ros.inference.fastest import choose
from pose_estimation_ros.inference.options import LIVE, PipelineOptions
from pose_estimation_ros.inference.pipeline import Pipeline
from pose_estimation_ros.messages.hri import camera_name
from pose_estimation_ros.msg import Skeleton
from pose_estimation_ros.nodes.camera.image_qos import advertise
from pose_estimation_ros.nodes.camera.stream import CameraStream
from pose_estimation_ros.nodes.camera.together import Together
from pose_estimation_ros.nodes.camera.transforms import Transforms, make_transforms
from pose_estimation_ros.nodes.conversions import skeleton_to_msg
from pose_estimation_ros.nodes.diagnostics import NodeFacts, diagnostics, full_name, node_status
from pose_estimation_ros.nodes.guard import guard_of
from pose_estimation_ros.nodes.lifecycle import ManagedNode
from pose_estimation_ros.nodes.parameter_tables import POSE_PARAMETERS
from pose_estimation_ros.nodes.parameters import declare, follow
from pose_estimation_ros.nodes.qos import LATCHED, OUTPUT
from pose_estimation_ros.nodes.qos_overrides import warn_of_unserved
from pose_estimation_ros.nodes.run import run
from pose_estimation_ros.nodes.topic_names import resolved

TICK_S = 1.0
ENABLED = {True: "images are processed", False: "images are ignored, the networks stay loaded"}
OF_THE_DETECTOR = ("detector", "detect_every_s", "detections_topic")  # parameters that a model without it does not use


class PoseNode(ManagedNode):
    """Estimate the poses of the people in the images of one or several cameras.

    ``cameras`` has one CameraStream for each image topic while the node is configured.
    """

    def __init__(self, **node_options: Any) -> None:
        """Declare the parameters, and start unless auto_activate is false.

        A failed start raises; a failed configuration that a service asked for is answered and logged.

        Args:
            node_options: Keyword arguments of rclpy's Node.

        Raises:
            ConfigError: A parameter is wrong.
            ModelError: A model cannot be used.
        """
        super().__init__("pose_node", **node_options)
        self.cameras: List[CameraStream] = []
        self.diagnostics_publisher: Optional["Publisher[Any]"] = None
        self._pipeline: Optional[Pipeline] = None
        self._chosen = ""
        self._transforms: Optional[Transforms] = None
        self._together = Together(self, self._cameras_share_runs)
        self._skeleton_publisher: Optional["Publisher[Any]"] = None
        self._timer: Optional[Timer] = None
        self._board = describe_machine()["board"]
        self._values = declare(self, POSE_PARAMETERS)
        check_depth_range(self._values)
        self._prefixes = output_prefixes(self._values["image_topics"], functools.partial(resolved, self))
        follow(self, POSE_PARAMETERS, self._values, self._change)
        self.create_service(SetBool, "~/enable", guard_of(self).wrap(self._on_enable, SetBool.Response))
        if self._values["auto_activate"]:
            self.start()

    @property
    def pipeline(self) -> Pipeline:
        """Return the pipeline whose networks the cameras' pipelines share; it exists while the node is configured."""
        assert self._pipeline is not None, "the node is not configured"
        return self._pipeline

    def configure(self) -> None:
        """Load the networks and create the publishers."""
        values, self._logged_fault, self._logged_non_finite = self._values, "", False
        options = PipelineOptions(*(values[name] for name in PipelineOptions._fields))
        chosen = choose(options)
        self._pipeline, self._chosen = chosen.build(), chosen.reason
        self._skeleton_publisher = advertise(self, Skeleton, "pose/skeleton_info", LATCHED)
        self._skeleton_publisher.publish(skeleton_to_msg(self.pipeline.skeleton))
        self.diagnostics_publisher = advertise(self, DiagnosticArray, "/diagnostics", OUTPUT)
        self._transforms = make_transforms(self, values)
        for topic, prefix in zip(values["image_topics"], self._prefixes):
            sibling = self.pipeline.sibling()
            together, transforms = self._together.take, self._transforms
            self.cameras.append(CameraStream(self, sibling, topic, prefix, values, transforms, together))

    def _cameras_share_runs(self) -> bool:
        """Tell whether images of several cameras wait for each other; auto: on a GPU, not after it has failed."""
        wanted, pipeline = self._values["cameras_together"], self.pipeline
        is_useful = len(self.cameras) > 1 and pipeline.shares_runs
        return is_useful and (wanted == "always" or (wanted == "auto" and pipeline.backend.on_gpu))

    def activate(self) -> None:
        """Subscribe to the cameras and start the timer."""
        for camera in self.cameras:
            camera.open()
        self._log_start()
        self._log_faults()
        warn_of_unserved(self)
        # A steady clock, because diagnostics go on while a bag is paused.
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = self.create_timer(TICK_S, guard_of(self).wrap(self.tick), clock=clock)

    def deactivate(self) -> None:
        """Stop the timer and unsubscribe."""
        if self._timer:
            self.destroy_timer(self._timer)
            self._timer = None
        for camera in self.cameras:
            camera.close()
            self._together.forget(camera)

    def cleanup(self) -> None:
        """Destroy the publishers and free the networks."""
        while self.cameras:
            self.cameras.pop().destroy()
        for publisher in (self._skeleton_publisher, self.diagnostics_publisher):
            if publisher:
                self.destroy_publisher(publisher)
        for part in (self._transforms, self._pipeline):
            if part:
                part.close()
        self._skeleton_publisher = self.diagnostics_publisher = self._transforms = self._pipeline = None

    def _change(self, changes: Dict[str, Any]) -> None:
        """Pass new values of live parameters on to the pipelines and outputs."""
        options = {name: value for name, value in changes.items() if name in LIVE}
        for camera in self.cameras:
            camera.pipeline.change(**options)
            if changes.get("enabled") is False:
                self._together.forget(camera)
                camera.results.pause()

    def _on_enable(self, request: Any, response: Any) -> Any:
        """Set the parameter enabled, as the service ~/enable asks."""
        (result,) = self.set_parameters([Parameter("enabled", value=request.data)])
        response.success, response.message = result.successful, result.reason or ENABLED[request.data]
        return response

    def tick(self) -> None:
        """Run the watchdogs and publish diagnostics; the timer calls it every second."""
        for camera in self.cameras:
            camera.inputs.tick()
        self._log_faults()
        statuses = [node_status(full_name(self), self._facts(), describe_heat())]
        statuses += [camera.status() for camera in self.cameras]
        if self.diagnostics_publisher:
            self.diagnostics_publisher.publish(diagnostics(self.get_clock().now().to_msg(), statuses))

    def _facts(self) -> NodeFacts:
        pipeline = self.pipeline
        return NodeFacts(
            model=pipeline.spec.name,
            skeleton=pipeline.skeleton.name,
            keypoints=pipeline.skeleton.num_keypoints,
            decoder=pipeline.spec.decoder,
            accuracy=pipeline.spec.accuracy,
            flip_test=pipeline.options.flip_test,
            backend=pipeline.backend_name,
            precision=pipeline.backend.precision,
            scores=pipeline.spec.scores,
            fault=pipeline.fault,
            detector=pipeline.detector_name,
            device=pipeline.options.device,
            version=__version__,
            board=self._board,
            threads=pipeline.options.threads,
            chosen=self._chosen,
            detector_ms=pipeline.detector_ms,
            non_finite=pipeline.non_finite,
            blind=pipeline.blind,
            unexpected=guard_of(self).total,
            unexpected_now=guard_of(self).is_recent(),
        )

    def _log_start(self) -> None:
        topics = ", ".join(camera.inputs.topic for camera in self.cameras)
        pipeline, skeleton = self.pipeline, self.pipeline.skeleton
        keypoints = "skeleton %s, %d keypoints" % (skeleton.name, skeleton.num_keypoints)
        names = (pipeline.options.model, keypoints, pipeline.spec.decoder, pipeline.spec.scores, pipeline.backend_name)
        text = "model %s: %s, decoder %s, scores %s, on %s; detector %s; images from %s"
        self.get_logger().info(text % (names + (pipeline.detector_name, topics)))
        if self._chosen:
            self.get_logger().info(self._chosen)
        unused = [option.name for option in POSE_PARAMETERS if self._values[option.name] != option.default]
        unused = [name for name in unused if name in OF_THE_DETECTOR and self.pipeline.spec.task in WHOLE_FRAME]
        if unused:
            text = "model %s finds people by itself: no effect of %s"
            self.get_logger().warning(text % (self.pipeline.spec.name, ", ".join(unused)))

    def _log_faults(self) -> None:
        """Log once each: a device or engine that is missing or failed, and networks whose numbers overflow."""
        fault, non_finite = self.pipeline.fault, self.pipeline.non_finite
        if fault != self._logged_fault:
            self._logged_fault = fault
            self.get_logger().warning("running on the CPU instead of the configured device: %s" % fault)
        if non_finite.values and not self._logged_non_finite:
            self._logged_non_finite = True
            self.get_logger().warning(non_finite.text())


def check_depth_range(values: Dict[str, Any]) -> None:
    """Raise ConfigError unless the nearest distance is less than the farthest one."""
    nearest_m, farthest_m = values["depth_nearest_m"], values["depth_farthest_m"]
    if nearest_m >= farthest_m:
        text = "expected parameter depth_nearest_m to be less than depth_farthest_m, got %g and %g"
        raise ConfigError(text % (nearest_m, farthest_m))


def output_prefixes(topics: List[str], full_name_of: Callable[[str], str] = str) -> List[str]:
    """Return the prefix of the topics published for each image topic.

    Args:
        topics: Image topics as the user configured them.
        full_name_of: Function that resolves the name of a topic in the node's namespace.

    Returns:
        One prefix for each topic, "" or ending with "/".

    Raises:
        ConfigError: There is no topic, or two cameras would publish the same topics.
    """
    if not topics or not all(topics):
        raise ConfigError("parameter image_topics: expected at least one topic, got %s" % topics)
    prefixes = [topic[: topic.rfind("/") + 1] for topic in topics] if len(topics) > 1 else [""]
    if len({camera_name(full_name_of(prefix + "pose/keypoints")) for prefix in prefixes}) < len(prefixes):
        text = "parameter image_topics: expected a namespace of its own for each camera (/ and _ count as one), got %s"
        raise ConfigError(text % topics)
    return prefixes


def main(args: Optional[List[str]] = None) -> int:
    """Run the node; return the exit code."""
    return run("pose_node", PoseNode, args)


if __name__ == "__main__":
    sys.exit(main())
