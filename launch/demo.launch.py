"""Start video_node with the demo's clip, and pose_node: `ros2 launch pose_estimation_ros demo.launch.py`."""

from pose_estimation_ros.nodes.launching.arguments import VIDEO_FRAME, demo_arguments
from pose_estimation_ros.nodes.launching.description import describe
from pose_estimation_ros.nodes.launching.node_keywords import demo_video_node, pose_node


def generate_launch_description():
    """Return the arguments of this launch file and what it starts."""
    return describe(demo_arguments(), demo_video_node, pose_node, frame=VIDEO_FRAME)
