"""Start a RealSense and pose_node with joints in space: `ros2 launch pose_estimation_ros realsense.launch.py`."""

from pose_estimation_ros.nodes.launching.description import describe_camera
from pose_estimation_ros.nodes.launching.drivers import REALSENSE


def generate_launch_description():
    """Return the arguments of this launch file and what it starts."""
    return describe_camera(REALSENSE)
