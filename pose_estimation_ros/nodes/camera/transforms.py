"""Look up transforms of TF at the time of an image.

tf2_ros keeps the transforms of the last ten seconds. While the node works on an image, its one thread handles no
message. So a node of its own hears /tf in a thread of its own, and a lookup may wait for a transform that is a little
late.
"""

import re
import threading
import time
from typing import Any, Dict, List, Optional, Tuple

from rclpy.clock import JumpThreshold
from rclpy.duration import Duration
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.time import Time
from std_msgs.msg import Header

from pose_estimation_ros.core.errors import ConfigError, FrameError, one_line
from pose_estimation_ros.core.space.rigid import Rigid, from_quaternion, identity
from pose_estimation_ros.nodes.conversions import optional_module
from pose_estimation_ros.nodes.guard import guard_of
from pose_estimation_ros.nodes.parameter_tables import GROUND
from pose_estimation_ros.nodes.topic_names import resolved

USED = ("Buffer", "TransformListener", "TransformException", "ExtrapolationException")  # of tf2_ros
TOPICS = ("/tf", "/tf_static")
# Bodies and their joints, as this package names them: nothing is at a fixed place to a person, and ids come for ever.
OF_A_PERSON = re.compile(r"body_b\d+(_|$)")
STEP_S = 0.002  # time between two looks for a transform that is late
PAUSE_S = 0.02  # pause of the listener after an unexpected exception
JOIN_S = 5.0
MOST_PAIRS = 32  # frames are named by messages, so they may be many
REMEDIES = (
    "remedy: a node that publishes it, or another frame in the parameter",
    "remedy: a longer tf_timeout_s, or clocks of camera and TF that agree",
)


class Transforms:
    """Hear /tf and /tf_static, and look up transforms at the time of an image.

    Frames of people are not kept, because tf2 never forgets a frame.
    """

    def __init__(self, node: Node, values: Dict[str, Any]) -> None:
        """Begin to listen.

        Args:
            node: Node whose name, remappings and clock count.
            values: Values of the node's parameters; tf_timeout_s may change.

        Raises:
            ConfigError: tf2_ros is not installed.
        """
        self._tf2 = optional_module("tf2_ros", "tf2_ros_py", USED)
        self._node, self._values = node, values
        self._in_vain: Dict[Tuple[str, str], int] = {}  # newest common time, ns, when a lookup had waited in vain
        self.buffer = _make_buffer(self._tf2)
        rules = [word for topic in TOPICS for word in ("-r", "%s:=%s" % (topic, resolved(node, topic)))]
        self._listening_node = Node(
            node.get_name() + "_tf",
            context=node.context,
            namespace=node.get_namespace(),
            cli_args=["--ros-args"] + rules,
            use_global_arguments=False,
            enable_rosout=False,
            start_parameter_services=False,
        )
        self._listener = self._tf2.TransformListener(self.buffer, self._listening_node)
        # After a jump back of simulated time or of a bag, tf2 would take all transforms for old ones.
        threshold = JumpThreshold(min_forward=None, min_backward=Duration(seconds=-1), on_clock_change=True)
        self._jump = node.get_clock().create_jump_callback(threshold, post_callback=self._on_jump)
        self._executor = SingleThreadedExecutor(context=node.context)
        self._executor.add_node(self._listening_node)
        self._closing = False
        self._thread = threading.Thread(target=self._listen, name="tf", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening, and end the thread; also called more than once."""
        if self._closing:
            return
        self._closing = True
        self._jump.unregister()
        self._executor.create_task(_do_nothing)  # so that the thread wakes up and looks at _closing
        self._thread.join(JOIN_S)
        self._executor.shutdown()
        self._listener.unregister()
        self._listening_node.destroy_node()

    def lookup(self, target: str, header: Header) -> Rigid:
        """Return the transform from the frame of a header to another one at the stamp of the header.

        It is never the latest transform. A transform that is not there yet is waited for, at most tf_timeout_s.

        Args:
            target: Name of the other frame.
            header: Header of an image.

        Returns:
            The transform of points from header.frame_id to target.

        Raises:
            FrameError: kind "transform", there is no such transform at that time.
        """
        source = header.frame_id
        if source == target:
            return identity()
        if not source or (header.stamp.sec, header.stamp.nanosec) <= (0, 0):
            got = "frame_id %.80r and stamp %d.%09d" % (source, header.stamp.sec, header.stamp.nanosec)
            raise FrameError("transform", "expected an image with a frame_id and a stamp, got %s" % got)
        try:
            found = self._wait(target, source, Time.from_msg(header.stamp)).transform
        except self._tf2.TransformException as error:
            remedy = REMEDIES[isinstance(error, self._tf2.ExtrapolationException)]
            text = "expected a transform from %.80r to %r at the time of the image, got: %.250s (%s)"
            raise FrameError("transform", text % (source, target, one_line(error), remedy))
        turn, shift = found.rotation, found.translation
        return from_quaternion((turn.x, turn.y, turn.z, turn.w), (shift.x, shift.y, shift.z))

    def _wait(self, target: str, source: str, at: Time) -> Any:
        """Return a TransformStamped at that time; wait for it while it is late."""
        end_s = time.monotonic() + self._values["tf_timeout_s"]
        while True:
            try:
                # Without a time-out: tf2's own waits in steps of 20 ms, by a clock that may be set.
                return self.buffer.lookup_transform(target, source, at)
            except self._tf2.ExtrapolationException:
                newest = self._newest(target, source)
                if newest is None or newest >= at.nanoseconds or self._in_vain.get((target, source)) == newest:
                    raise
                if time.monotonic() >= end_s:
                    self._remember_vain(target, source, newest)
                    raise
            time.sleep(STEP_S)

    def _newest(self, target: str, source: str) -> Optional[int]:
        """Return the newest time, in ns, for which all transforms between two frames are known, None for none."""
        try:
            return int(self.buffer.get_latest_common_time(target, source).nanoseconds)
        except self._tf2.TransformException:
            return None

    def _remember_vain(self, target: str, source: str, newest: int) -> None:
        """Note that a lookup waited in vain. The next one does not, unless a transform came since then."""
        if len(self._in_vain) >= MOST_PAIRS:
            self._in_vain.clear()
        self._in_vain[target, source] = newest

    def _on_jump(self, _jump: Any) -> None:
        self.buffer.clear()
        self._in_vain.clear()

    def _listen(self) -> None:
        """Handle the messages until close() or the end of the context. An unexpected exception costs one message."""
        while not self._closing:
            try:
                self._executor.spin_once()
            except ExternalShutdownException:
                return
            except Exception as error:
                if self._closing or not self._node.context.ok():
                    return
                guard_of(self._node).note(error)
                time.sleep(PAUSE_S)


def needed_frames(values: Dict[str, Any]) -> List[str]:
    """Return the frames that parameters name.

    Args:
        values: Values of the node's parameters.

    Raises:
        ConfigError: A name begins with "/", which tf2 does not allow, or the frame of the ground has no name.
    """
    frames = {"target_frame": values["target_frame"]} if values["target_frame"] else {}
    if values["position_without_depth"] == GROUND:
        frames["ground_frame"] = values["ground_frame"]
    for name, frame in frames.items():
        if not frame or frame.startswith("/"):
            raise ConfigError("parameter %s: expected a TF frame without / in front, got %r" % (name, frame))
    return list(frames.values())


def make_transforms(node: Node, values: Dict[str, Any]) -> Optional[Transforms]:
    """Return the Transforms of a node, None if no parameter needs a frame.

    Args:
        node: The node.
        values: Values of its parameters.

    Raises:
        ConfigError: The name of a frame is wrong, or tf2_ros is not installed.
    """
    return Transforms(node, values) if needed_frames(values) else None


def is_of_a_person(transform: Any) -> bool:
    """Return whether a TransformStamped is that of a body or of a joint, as this package publishes them."""
    return bool(OF_A_PERSON.match(transform.child_frame_id) or OF_A_PERSON.match(transform.header.frame_id))


def _make_buffer(tf2: Any) -> Any:
    """Return a Buffer of tf2_ros that does not keep the frames of people."""

    class Buffer(tf2.Buffer):  # type: ignore[misc]
        def set_transform(self, transform: Any, authority: str) -> None:
            if not is_of_a_person(transform):
                super().set_transform(transform, authority)

    return Buffer()


def _do_nothing() -> None:
    """Do nothing."""
