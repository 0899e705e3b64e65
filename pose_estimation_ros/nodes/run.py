"""Run a node as a program: end it cleanly, and report errors that a user can cause in one line."""

import contextlib
import gc
import re
import signal
import sys
import time
from typing import Any, Callable, Iterator, List, Optional

import rclpy
from rcl_interfaces.msg import Log
from rclpy.context import Context
from rclpy.duration import Duration
from rclpy.exceptions import NameValidationException, ParameterException
from rclpy.executors import SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node

from pose_estimation_ros.core.errors import PoseError, one_line
from pose_estimation_ros.nodes.guard import guard_of
from pose_estimation_ros.nodes.qos import LATCHED

# Before Galactic rclpy raised RuntimeError instead of these two.
RCLError: Any = getattr(rclpy_implementation, "RCLError", RuntimeError)
UnknownROSArgsError: Any = getattr(rclpy_implementation, "UnknownROSArgsError", RuntimeError)
# Errors that a user can cause by parameters, names, files, or arguments after --ros-args.
USER_ERRORS = (PoseError, OSError, RCLError, UnknownROSArgsError, NameValidationException, ParameterException)
RCL_EXTRAS = r", at \S+\.c:\d+| \^+(?= |$)"
FAILURES_IN_A_ROW = 100
PAUSE_S = 0.02  # pause after a failure; 100 pauses are long enough for a call of the node's timer
ROSOUT_S = 1.0


def run(name: str, make_node: Callable[[], Any], args: Optional[List[str]] = None) -> int:
    """Spin a node until its future ``finished`` is done or SIGINT or SIGTERM comes.

    After a signal the process is expected to end: further signals are ignored from then on.

    Args:
        name: Name of the node, with which a line about an error begins.
        make_node: Function that makes the node; its destroy_node() is called in the end.
        args: Command line; default: that of this process.

    Returns:
        The exit code. It is 1 after an error that a user can cause, at start-up or later; the reason is printed to
        stderr in one line and published on /rosout.
    """
    with one_signal() as ignore_signals:
        try:
            return _run(name, make_node, args, ignore_signals)
        except KeyboardInterrupt:  # rclpy had ended the spinning before Python noticed the signal
            return 0


@contextlib.contextmanager
def one_signal() -> Iterator[Callable[[], None]]:
    """Let the first SIGINT or SIGTERM raise KeyboardInterrupt, and ignore further ones.

    An impatient user, or launch, must not interrupt a clean end. rclpy's signal handlers call these.

    Yields:
        A function after whose call no signal raises any more.
    """
    received: List[int] = []

    def on_signal(number: int, _frame: Any) -> None:
        if not received:
            received.append(number)
            raise KeyboardInterrupt

    previous = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: received.append(0)
    finally:
        for number, handler in previous.items():
            signal.signal(number, signal.SIG_IGN if any(received) else handler)


def _run(name: str, make_node: Callable[[], Any], args: Optional[List[str]], ignore_signals: Callable[[], None]) -> int:
    executor: Optional[SingleThreadedExecutor] = None
    node: Any = None
    try:
        rclpy.init(args=args)
        executor = SingleThreadedExecutor()  # made first: if interrupted half-made, it complains when deleted
        node = make_node()
        # Imported modules and networks live on; collecting their objects again and again takes tens of ms each time.
        getattr(gc, "freeze", lambda: None)()
        _spin(node, executor)
    except USER_ERRORS as error:
        if isinstance(error, PoseError) or executor is None or rclpy.ok():
            _report(name, explain(error))
            return 1
    except KeyboardInterrupt:
        pass
    except Exception:
        if rclpy.ok():
            raise  # otherwise a signal came: spinning ends like this, and interrupted calls fail in various ways
    finally:
        ignore_signals()  # one that has ended the spinning may be noticed by Python only here
        _end(node, executor)
    return 0


def _end(node: Any, executor: Optional[SingleThreadedExecutor]) -> None:
    if node is not None:
        node.destroy_node()
    if executor is not None:
        executor.shutdown()
    if rclpy.ok():
        rclpy.shutdown()


def _spin(node: Any, executor: SingleThreadedExecutor) -> None:
    """Spin until the node's future ``finished`` is done.

    rclpy's own callbacks raise, too, for example for a parameter of an unknown type. Such an exception costs one
    message. Only many of them, without one callback between that works, end the node.
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


def explain(error: BaseException) -> str:
    """Return the text of an exception in one line, without the source files and column markers that rcl adds."""
    text = re.sub(RCL_EXTRAS, "", one_line(error))
    return "unknown ROS arguments %s" % text if isinstance(error, UnknownROSArgsError) else text


def _report(name: str, text: str) -> None:
    """Report why a node ends: on stderr, and on /rosout if anybody subscribes to it within a second."""
    print("%s: error: %s" % (name, text), file=sys.stderr, flush=True)
    try:
        _publish_to_rosout(name, text)
    except Exception as error:  # no middleware, for example; stderr has the reason
        print("%s: cannot report this error on /rosout: %s" % (name, explain(error)), file=sys.stderr)


def _publish_to_rosout(name: str, text: str) -> None:
    """Publish a log message from a context of its own, because the node may have failed before it had one."""
    context = Context()
    context.init(args=[])
    try:
        node = Node(name, context=context, use_global_arguments=False, enable_rosout=False)
        publisher = node.create_publisher(Log, "/rosout", LATCHED)
        level = Log.FATAL if isinstance(Log.FATAL, int) else ord(Log.FATAL)  # bytes before Humble
        publisher.publish(Log(stamp=node.get_clock().now().to_msg(), level=level, name=name, msg=text))
        end_s = time.monotonic() + ROSOUT_S
        while not publisher.get_subscription_count() and time.monotonic() < end_s:
            time.sleep(0.02)
        if publisher.get_subscription_count() and hasattr(publisher, "wait_for_all_acked"):
            publisher.wait_for_all_acked(Duration(seconds=ROSOUT_S))
        node.destroy_node()
    finally:
        context.shutdown()
