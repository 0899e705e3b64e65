"""Running a node as a program: clean ends, and one line instead of a traceback for what a user can cause."""

import contextlib
import gc
import signal
import sys
from typing import Any, Callable, Iterator, List

import rclpy
from rclpy.executors import SingleThreadedExecutor

from pose_estimation_ros.core.errors import PoseError


def run(name, make_node, args=None):
    # type: (str, Callable[[], Any], List[str]) -> int
    """Spins the node until its future ``finished`` is done or SIGINT or SIGTERM comes. Returns the exit code.

    1 after a PoseError, at start-up or later: one line to stderr that begins with the name. After a signal the process
    is to end: further ones are ignored from then on.
    """
    with one_signal():
        return _run(name, make_node, args)


@contextlib.contextmanager
def one_signal():
    # type: () -> Iterator[None]
    """SIGINT or SIGTERM raises KeyboardInterrupt, once: impatient users and launch must not break off a clean end.

    rclpy's own handlers call these.
    """
    told = []  # type: List[int]

    def on_signal(number, _frame):
        # type: (int, Any) -> None
        if not told:
            told.append(number)
            raise KeyboardInterrupt

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if told else handler)


def _run(name, make_node, args):
    # type: (str, Callable[[], Any], List[str]) -> int
    rclpy.init(args=args)
    executor = SingleThreadedExecutor()  # before the node: half made by a late signal, it complains when it is deleted
    node = None
    try:
        node = make_node()
        # What imports and networks left lives on; to look through all of it again and again takes tens of ms each time.
        getattr(gc, "freeze", lambda: None)()
        rclpy.spin_until_future_complete(node, node.finished, executor)
    except PoseError as error:
        print("%s: error: %s" % (name, error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    except Exception:
        if rclpy.ok():
            raise  # else a signal came: spinning ends so, and calls on the way fail in ways of their own
    finally:
        if node is not None:
            node.destroy_node()
        executor.shutdown()
        if rclpy.ok():
            rclpy.shutdown()
    return 0
