"""video_node with the clip of the demo, and pose_node: `ros2 launch pose_estimation_ros demo.launch.py`."""

from pose_estimation_ros.nodes.launching.arguments import demo_arguments, pose_node, video_node
from pose_estimation_ros.nodes.launching.description import describe


def generate_launch_description():
    return describe(demo_arguments(), video_node, pose_node)
