"""Start video_node with the demo's clip, and pose_node: `ros2 launch pose_estimation_ros demo.launch.py`."""

from pose_estimation_ros.nodes.launching.arguments import demo_arguments, pose_node, video_node
from pose_estimation_ros.nodes.launching.description import describe


def generate_launch_description():
    """Return the arguments of this launch file and what it starts."""
    return describe(demo_arguments(), video_node, pose_node)
