"""Keep a node alive when a callback raises an unexpected exception."""

import functools
import time
import traceback
from typing import Any, Callable, Set, Tuple

from rclpy.node import Node

from pose_estimation_ros.core.errors import ModelError

WINDOW_S = 10.0  # diagnostics report an unexpected error for that long, as they do for bad images
PLACES = 100  # at most that many different errors are logged
LONGEST_LOG = 4000  # characters of a traceback; an exception may quote a message of any length


class Guard:
    """Count the unexpected exceptions of one node, and log each kind once with its traceback.

    ``total`` is the number of exceptions since the start.
    """

    def __init__(self, node: Node) -> None:
        """Start counting for a node."""
        self._node = node
        self._logged: Set[Tuple[Any, ...]] = set()
        self._last_s = float("-inf")
        self.total = 0

    def note(self, error: BaseException) -> None:
        """Count an exception, and log it unless one of the same type came from the same line before."""
        self.total += 1
        self._last_s = time.monotonic()
        frames = traceback.extract_tb(error.__traceback__)
        place = (type(error), frames[-1].filename, frames[-1].lineno) if frames else (type(error),)
        if place in self._logged or len(self._logged) >= PLACES:
            return
        self._logged.add(place)
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        self._node.get_logger().error("unexpected error, the node goes on: %s" % _shortened(text))

    def is_recent(self) -> bool:
        """Return whether an unexpected exception came within the last WINDOW_S seconds."""
        return time.monotonic() - self._last_s < WINDOW_S

    def wrap(self, callback: Callable[..., Any], failed: Callable[[], Any] = lambda: None) -> Callable[..., Any]:
        """Wrap a callback so that an unexpected exception costs this one call.

        A ModelError passes, because the node cannot work without its networks. So does every exception after the
        context was shut down, because it belongs to the end of the node.

        Args:
            callback: Function to wrap.
            failed: Function that is called after an exception; its result replaces the callback's.

        Returns:
            A function with the signature of the callback.
        """

        @functools.wraps(callback)
        def guarded(*arguments: Any) -> Any:
            try:
                return callback(*arguments)
            except ModelError:
                raise
            except Exception as error:
                if not self._node.context.ok():
                    raise
                self.note(error)
                return failed()

        return guarded


def guard_of(node: Any) -> Guard:
    """Return the one Guard of a node; the first call makes it."""
    if not hasattr(node, "unexpected_errors"):
        node.unexpected_errors = Guard(node)
    guard: Guard = node.unexpected_errors
    return guard


def _shortened(text: str) -> str:
    """Leave out the middle of a long text."""
    half = LONGEST_LOG // 2
    return text if len(text) <= LONGEST_LOG else "%s\n...\n%s" % (text[:half], text[-half:])
