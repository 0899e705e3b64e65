"""Camera topics in, keypoints out: parameters, the networks, and a CameraStream for each image topic. One thread.

With one image topic, relative to the node's namespace, results are pose/...; with several, those of /left/image_raw are
/left/pose/.... pose/skeleton (Skeleton, latched) is published once. Life cycle: configure loads the networks, activate
subscribes; both at the start unless auto_activate is false.
"""

import functools
import sys
from typing import Any, Callable, Dict, List

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType

from pose_estimation_ros import __version__
from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.machine import describe_heat, describe_machine
from pose_estimation_ros.inference.options import LIVE, PipelineOptions
from pose_estimation_ros.inference.pipeline import build_pipeline
from pose_estimation_ros.msg import Skeleton
from pose_estimation_ros.nodes.camera.image_qos import advertise
from pose_estimation_ros.nodes.camera.stream import CameraStream
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


class PoseNode(ManagedNode):
    """Keyword arguments go to rclpy's Node. Raises ConfigError or ModelError where it cannot start.

    Without auto_activate only for bad parameters: a configuration that fails is then told to who asked for it.
    """

    def __init__(self, **node_options: Any) -> None:
        super().__init__("pose_node", **node_options)
        self.cameras: List[CameraStream] = []
        self._pipeline: Any = None
        self._skeleton: Any = None
        self._diagnostics: Any = None
        self._timer: Any = None
        self._board = describe_machine()["board"]
        self._values = declare(self, POSE_PARAMETERS)
        check_depth_range(self._values)
        self._prefixes = output_prefixes(self._values["image_topics"], functools.partial(resolved, self))
        follow(self, POSE_PARAMETERS, self._values, self._change)
        if self._values["auto_activate"]:
            self.start()

    def configure(self) -> None:
        values, self._fault, self._told_non_finite = self._values, "", False
        options = PipelineOptions(*(values[name] for name in PipelineOptions._fields))
        self._pipeline = build_pipeline(options)
        self._skeleton = advertise(self, Skeleton, "pose/skeleton", LATCHED)
        self._skeleton.publish(skeleton_to_msg(self._pipeline.skeleton))
        self._diagnostics = advertise(self, DiagnosticArray, "/diagnostics", OUTPUT)
        for topic, prefix in zip(values["image_topics"], self._prefixes):
            self.cameras.append(CameraStream(self, self._pipeline.sibling(), topic, prefix, values))

    def activate(self) -> None:
        for camera in self.cameras:
            camera.open()
        text = "%s on %s, detector %s, images from %s"
        topics = ", ".join(camera.inputs.topic for camera in self.cameras)
        pipeline = self._pipeline
        self.get_logger().info(text % (pipeline.options.model, pipeline.backend_name, pipeline.detector_name, topics))
        self._tell_fault()
        warn_of_unserved(self)
        # Not the node's clock: a paused bag is to be told too.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = self.create_timer(1.0, guard_of(self).wrap(self.tick), clock=steady)

    def deactivate(self) -> None:
        if self._timer:
            self.destroy_timer(self._timer)
            self._timer = None
        for camera in self.cameras:
            camera.close()

    def cleanup(self) -> None:
        while self.cameras:
            self.cameras.pop().destroy()
        for publisher in (self._skeleton, self._diagnostics):
            if publisher:
                self.destroy_publisher(publisher)
        if self._pipeline:
            self._pipeline.close()
        self._skeleton = self._diagnostics = self._pipeline = None

    def _change(self, changes: Dict[str, Any]) -> None:
        """New values of live parameters, those of the pipelines."""
        options = {name: value for name, value in changes.items() if name in LIVE}
        for camera in self.cameras:
            camera.pipeline.change(**options)

    def tick(self) -> None:
        """Every second: watchdogs and diagnostics."""
        for camera in self.cameras:
            camera.inputs.tick()
        self._tell_fault()
        statuses = [node_status(full_name(self), self._facts(), describe_heat())]
        statuses += [camera.status() for camera in self.cameras]
        self._diagnostics.publish(diagnostics(self.get_clock().now().to_msg(), statuses))

    def _facts(self) -> NodeFacts:
        pipeline = self._pipeline
        return NodeFacts(
            model=pipeline.spec.name,
            accuracy=pipeline.spec.accuracy,
            flip_test=pipeline.options.flip_test,
            backend=pipeline.backend_name,
            precision=pipeline.backend.precision,
            fault=pipeline.fault,
            detector=pipeline.detector_name,
            cpu_engine=pipeline.options.cpu_engine,
            version=__version__,
            board=self._board,
            non_finite=pipeline.non_finite,
            blind=pipeline.blind,
            unexpected=guard_of(self).total,
            unexpected_now=guard_of(self).is_recent(),
        )

    def _tell_fault(self) -> None:
        """Log once each: an engine that was not to be had or failed on the way; networks whose numbers overflow."""
        if self._pipeline.fault != self._fault:
            self._fault = self._pipeline.fault
            self.get_logger().warning("not as configured, on the CPU instead: %s" % self._fault)
        if self._pipeline.non_finite.values and not self._told_non_finite:
            self._told_non_finite = True
            self.get_logger().warning(self._pipeline.non_finite.text())


def check_depth_range(values: Dict[str, Any]) -> None:
    """Raise ConfigError unless the nearest distance is less than the farthest one."""
    nearest_m, farthest_m = values["depth_nearest_m"], values["depth_farthest_m"]
    if nearest_m >= farthest_m:
        text = "expected parameter depth_nearest_m to be less than depth_farthest_m, got %g and %g"
        raise ConfigError(text % (nearest_m, farthest_m))


def output_prefixes(topics: List[str], full_name_of: Callable[[str], str] = str) -> List[str]:
    """Return the prefix of the topics published for each image topic.

    Args:
        topics: Of images, as the user gave them.
        full_name_of: Resolves the name of a topic in the node's namespace.

    Raises:
        ConfigError: There is no topic, or two cameras would publish the same topics.
    """
    if not topics or not all(topics):
        raise ConfigError("parameter image_topics: expected at least one topic, got %s" % topics)
    prefixes = [topic[: topic.rfind("/") + 1] for topic in topics] if len(topics) > 1 else [""]
    if len({full_name_of(prefix + "pose/keypoints") for prefix in prefixes}) < len(prefixes):
        raise ConfigError("parameter image_topics: expected a namespace of its own for each camera, got %s" % topics)
    return prefixes


def main(args: List[str] = None) -> int:
    return run("pose_node", PoseNode, args)


if __name__ == "__main__":
    sys.exit(main())
