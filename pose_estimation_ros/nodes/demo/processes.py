"""Nodes as child processes of a driver (demo, soak test, tests), talking DDS on this machine only."""

import json
import os
import random
import subprocess
import sys
from typing import Any, Dict, List

from pose_estimation_ros.nodes.launching.arguments import image_publisher_environment

NODES = "pose_estimation_ros.nodes."


def isolate() -> None:
    """Keeps this process and its children off the network and away from other ROS programs of this machine.

    Call before rclpy.init. A ROS_DOMAIN_ID that is set is kept.
    """
    os.environ.setdefault("ROS_DOMAIN_ID", str(random.randint(61, 101)))
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"


def start_pose_node(parameters: Dict[str, Any]) -> subprocess.Popen:
    return start(NODES + "pose_node", parameters)


def start_video_node(parameters: Dict[str, Any]) -> subprocess.Popen:
    return start(NODES + "video_node", parameters, image_publisher_environment())


def start(
    module: str, parameters: Dict[str, Any], environment: Dict[str, str] = None, output: Any = None
) -> subprocess.Popen:
    """Runs a module with this Python, in this folder. output: a file for all that it prints, else it prints here."""
    arguments: List[str] = []
    for name, value in parameters.items():
        arguments += ["-p", "%s:=%s" % (name, json.dumps(value))]  # JSON is YAML: strings of digits stay strings
    command = [sys.executable, "-m", module, "--ros-args"] + arguments
    return subprocess.Popen(command, env=dict(os.environ, **(environment or {})), stdout=output, stderr=output)


def stop(processes: List[subprocess.Popen], timeout_s: float = 10.0) -> None:
    """Ends those that still run: asks first, and kills after the time-out."""
    running = [process for process in processes if process.poll() is None]
    for process in running:
        process.terminate()
    for process in running:
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
