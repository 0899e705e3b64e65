"""Run nodes as child processes of a driver (demo, soak test, tests); they communicate on this machine only."""

import json
import os
import random
import socket
import subprocess
import sys
from typing import IO, Any, Dict, List, Optional, Union

from pose_estimation_ros.nodes.launching.node_keywords import image_publisher_environment

NODES = "pose_estimation_ros.nodes."
CHILD = NODES + "demo.child"
DOMAINS = range(61, 102)  # 101 is the largest that is free of the ports that Linux gives to other programs
PARTICIPANTS = 10  # of a domain that are looked for
BEFORE_IRON = ("eloquent", "foxy", "galactic", "humble")


def isolate() -> None:
    """Keep this process and its children off the network and away from other ROS programs of this machine.

    It must be called before rclpy.init. A ROS_DOMAIN_ID that is set is kept.
    """
    if not os.environ.get("ROS_DOMAIN_ID"):
        os.environ["ROS_DOMAIN_ID"] = str(free_domain())
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    if os.environ.get("ROS_DISTRO") in BEFORE_IRON:
        os.environ["ROS_LOCALHOST_ONLY"] = "1"


def free_domain() -> int:
    """Return a domain of ROS in which no other program of this machine takes part, or any if all are in use."""
    domains = random.sample(DOMAINS, len(DOMAINS))
    return next(filter(is_free, domains), domains[0])


def is_free(domain: int) -> bool:
    """Return whether no program of this machine takes part in a domain.

    Each participant of a domain has a UDP port, by the standard of DDS (RTPS 2.5, section 9.6.1). Several are looked
    for, since the first may have ended.

    Args:
        domain: Domain of ROS.
    """
    return all(map(is_free_port, range(7410 + 250 * domain, 7410 + 250 * domain + 2 * PARTICIPANTS, 2)))


def is_free_port(port: int) -> bool:
    """Return whether no program of this machine has a UDP port.

    Args:
        port: The port.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


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
    output: Union[None, int, IO[Any]] = None,
) -> "subprocess.Popen[bytes]":
    """Run a module that is a node, with this Python and in this folder; it ends when this process does.

    Args:
        module: Full name of the module.
        parameters: Values of ROS parameters by name.
        environment: Environment variables to add.
        output: File for all that the process prints, or subprocess.PIPE; default: it prints where this process prints.

    Returns:
        The process.
    """
    arguments: List[str] = []
    for name, value in parameters.items():
        arguments += ["-p", "%s:=%s" % (name, json.dumps(value))]  # JSON is YAML, and strings of digits stay strings
    command = [sys.executable, "-m", CHILD, str(os.getpid()), module, "--ros-args"] + arguments
    errors = None if output is None else subprocess.STDOUT
    return subprocess.Popen(command, env=dict(os.environ, **(environment or {})), stdout=output, stderr=errors)


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
