"""Run nodes as child processes of a driver (demo, soak test, tests); they communicate on this machine only."""

import json
import os
import random
import subprocess
import sys
from typing import IO, Any, Dict, List, Optional

from pose_estimation_ros.nodes.launching.arguments import image_publisher_environment

NODES = "pose_estimation_ros.nodes."


def isolate() -> None:
    """Keep this process and its children off the network and away from other ROS programs of this machine.

    It must be called before rclpy.init. A ROS_DOMAIN_ID that is set is kept.
    """
    os.environ.setdefault("ROS_DOMAIN_ID", str(random.randint(61, 101)))
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"


def start_pose_node(parameters: Dict[str, Any]) -> "subprocess.Popen[bytes]":
    """Start pose_node with these parameters."""
    return start(NODES + "pose_node", parameters)


def start_video_node(parameters: Dict[str, Any]) -> "subprocess.Popen[bytes]":
    """Start video_node with these parameters, and with shared memory that is large enough for its images."""
    return start(NODES + "video_node", parameters, image_publisher_environment())


def start(
    module: str,
    parameters: Dict[str, Any],
    environment: Optional[Dict[str, str]] = None,
    output: Optional[IO[Any]] = None,
) -> "subprocess.Popen[bytes]":
    """Run a module that is a node, with this Python and in this folder.

    Args:
        module: Full name of the module.
        parameters: Values of ROS parameters by name.
        environment: Environment variables to add.
        output: File for all that the process prints; default: it prints where this process prints.

    Returns:
        The process.
    """
    arguments: List[str] = []
    for name, value in parameters.items():
        arguments += ["-p", "%s:=%s" % (name, json.dumps(value))]  # JSON is YAML, and strings of digits stay strings
    command = [sys.executable, "-m", module, "--ros-args"] + arguments
    return subprocess.Popen(command, env=dict(os.environ, **(environment or {})), stdout=output, stderr=output)


def stop(processes: List["subprocess.Popen[bytes]"], timeout_s: float = 10.0) -> None:
    """Terminate the processes that still run; kill those that do not end in time.

    Args:
        processes: Processes of start().
        timeout_s: Seconds that each may take to end.
    """
    running = [process for process in processes if process.poll() is None]
    for process in running:
        process.terminate()
    for process in running:
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
