"""Let images of several cameras that wait at the same time share runs of the pose network."""

import collections
import time
from typing import Any, Callable

from rclpy.node import Node

from pose_estimation_ros.nodes.camera.stream import CameraStream, Messages, process
from pose_estimation_ros.nodes.diagnostics import REPLACED
from pose_estimation_ros.nodes.guard import guard_of


class Together:
    """Collect sets of messages while the executor has further ones at hand, then process those of all cameras.

    A guard condition does that: the executor calls it after the subscriptions whose messages had come with the first.
    """

    def __init__(self, node: Node, is_wanted: Callable[[], bool]) -> None:
        """Create the guard condition.

        Args:
            node: Node of the cameras.
            is_wanted: Function that tells whether cameras share runs now; otherwise each set is processed at once.
        """
        self._is_wanted = is_wanted
        self._waiting: "collections.OrderedDict[CameraStream, Messages]" = collections.OrderedDict()
        self._condition: Any = node.create_guard_condition(guard_of(node).wrap(self._process))

    def take(self, camera: CameraStream, messages: Messages) -> None:
        """Take a set of messages of a camera; it replaces one that waits."""
        if not self._is_wanted():
            process([(camera, messages)])
            return
        if camera in self._waiting:
            camera.inputs.statistics.dropped(time.monotonic(), REPLACED)
        self._waiting[camera] = messages
        self._condition.trigger()

    def forget(self, camera: CameraStream) -> None:
        """Drop what waits of a camera."""
        self._waiting.pop(camera, None)

    def _process(self) -> None:
        sets = list(self._waiting.items())
        self._waiting.clear()
        process(sets)
