"""Running a node as a program: clean ends, and one line instead of a traceback for what a user can cause."""

import sys
from typing import Callable, List

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node

from pose_estimation_ros.core.errors import PoseError


def run(make_node, args=None):
    # type: (Callable[[], Node], List[str]) -> int
    """Spins the node until its future ``finished`` is done or SIGINT or SIGTERM comes. Returns the exit code.

    1 after a PoseError, at start-up or later: the message goes to stderr.
    """
    rclpy.init(args=args)
    node = None
    try:
        node = make_node()
        rclpy.spin_until_future_complete(node, node.finished)
    except PoseError as error:
        print("%s: error: %s" % (node.get_name() if node else "start-up", error), file=sys.stderr)
        return 1
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        if node is not None:
            node.destroy_node()
        if rclpy.ok():
            rclpy.shutdown()
    return 0
