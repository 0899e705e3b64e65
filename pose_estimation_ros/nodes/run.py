"""Run a node as a program: clean ends, and one line instead of a traceback for what a user can cause."""

import contextlib
import gc
import re
import signal
import sys
import time
from typing import Any, Callable, Iterator, List

import rclpy
from rcl_interfaces.msg import Log
from rclpy.context import Context
from rclpy.duration import Duration
from rclpy.exceptions import NameValidationException, ParameterException
from rclpy.executors import SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node

from pose_estimation_ros.core.errors import PoseError
from pose_estimation_ros.nodes.guard import guard_of
from pose_estimation_ros.nodes.qos import LATCHED

# Before Galactic rclpy raised RuntimeError in their place.
RCLError: Any = getattr(rclpy_implementation, "RCLError", RuntimeError)
UnknownROSArgsError: Any = getattr(rclpy_implementation, "UnknownROSArgsError", RuntimeError)
# What a user can cause: parameters, names, files, arguments after --ros-args.
USER_ERRORS = (PoseError, OSError, RCLError, UnknownROSArgsError, NameValidationException, ParameterException)
FAILURES_IN_A_ROW = 100
PAUSE_S = 0.02  # after a failure: 100 of them take long enough for the node's timer to come between
ROSOUT_S = 1.0


def run(name: str, make_node: Callable[[], Any], args: List[str] = None) -> int:
    """Spin the node until its future ``finished`` is done or SIGINT or SIGTERM comes.

    After a signal the process is to end: further ones are ignored from then on.

    Args:
        name: Of the node, with which a line about an error begins.
        make_node: Makes the node, of which destroy_node() is called in the end.
        args: Command line; default: of this process.

    Returns:
        The exit code. It is 1 after an error that a user can cause, at start-up or later: its reason is one line on
        stderr and on /rosout.
    """
    with one_signal():
        return _run(name, make_node, args)


@contextlib.contextmanager
def one_signal() -> Iterator[None]:
    """SIGINT or SIGTERM raises KeyboardInterrupt, once: impatient users and launch must not break off a clean end.

    rclpy's own handlers call these.
    """
    told: List[int] = []

    def on_signal(number: int, _frame: Any) -> None:
        if not told:
            told.append(number)
            raise KeyboardInterrupt

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if told else handler)


def _run(name: str, make_node: Callable[[], Any], args: List[str]) -> int:
    executor: Any = None
    node: Any = None
    try:
        rclpy.init(args=args)
        executor = SingleThreadedExecutor()  # before the node: half made, it complains when it is deleted
        node = make_node()
        # What imports and networks left lives on; to look through all of it again and again takes tens of ms each time.
        getattr(gc, "freeze", lambda: None)()
        _spin(node, executor)
    except USER_ERRORS as error:
        if isinstance(error, PoseError) or executor is None or rclpy.ok():
            _tell(name, one_line(error))
            return 1
    except KeyboardInterrupt:
        pass
    except Exception:
        if rclpy.ok():
            raise  # else a signal came: spinning ends so, and calls on the way fail in ways of their own
    finally:
        _end(node, executor)
    return 0


def _end(node: Any, executor: Any) -> None:
    if node is not None:
        node.destroy_node()
    if executor is not None:
        executor.shutdown()
    if rclpy.ok():
        rclpy.shutdown()


def _spin(node: Any, executor: SingleThreadedExecutor) -> None:
    """Spin until the node's future ``finished`` is done.

    rclpy's own callbacks raise, too, such as for a parameter of an unknown type. Such an exception costs one message.
    Only many of them, without one callback between that works, end the node.
    """
    executor.add_node(node)
    failures = 0
    while rclpy.ok() and not node.finished.done():
        try:
            executor.spin_once()
            failures = 0
        except PoseError:
            raise
        except Exception as error:
            failures += 1
            if not rclpy.ok() or failures >= FAILURES_IN_A_ROW:
                raise
            guard_of(node).note(error)
            time.sleep(PAUSE_S)


def one_line(error: BaseException) -> str:
    """Return the text of an exception without line breaks, and without what rcl says of its own source files."""
    text = re.sub(r", at \S+\.c:\d+", "", str(error))
    text = " ".join(line.strip() for line in text.splitlines() if line.strip(" ^")) or type(error).__name__
    if isinstance(error, UnknownROSArgsError):
        text = "unknown ROS arguments %s" % text
    return "%.1000s" % text


def _tell(name: str, text: str) -> None:
    """Say why a node ends: on stderr, and on /rosout to whoever listens there within a second."""
    print("%s: error: %s" % (name, text), file=sys.stderr, flush=True)
    try:
        _tell_rosout(name, text)
    except Exception as error:  # no middleware, for example; stderr has the reason
        print("%s: cannot say so on /rosout: %s" % (name, one_line(error)), file=sys.stderr)


def _tell_rosout(name: str, text: str) -> None:
    """Publish a log message from a context of its own, as the node may have failed before it had one."""
    context = Context()
    context.init(args=[])
    try:
        node = Node(name, context=context, use_global_arguments=False, enable_rosout=False)
        publisher = node.create_publisher(Log, "/rosout", LATCHED)
        level = Log.FATAL if isinstance(Log.FATAL, int) else ord(Log.FATAL)  # before Humble bytes
        publisher.publish(Log(stamp=node.get_clock().now().to_msg(), level=level, name=name, msg=text))
        end_s = time.monotonic() + ROSOUT_S
        while not publisher.get_subscription_count() and time.monotonic() < end_s:
            time.sleep(0.02)
        if publisher.get_subscription_count() and hasattr(publisher, "wait_for_all_acked"):
            publisher.wait_for_all_acked(Duration(seconds=ROSOUT_S))
        node.destroy_node()
    finally:
        context.shutdown()
