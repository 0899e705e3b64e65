"""Start pose_node with config/cpu.yaml: `ros2 launch pose_estimation_ros cpu.launch.py --show-args`."""

from pose_estimation_ros.nodes.launching.arguments import pose_arguments
from pose_estimation_ros.nodes.launching.description import describe
from pose_estimation_ros.nodes.launching.node_keywords import pose_node


def generate_launch_description():
    """Return the arguments of this launch file and what it starts."""
    return describe(pose_arguments("cpu"), pose_node)
