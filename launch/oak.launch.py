"""Start an OAK and pose_node with joints in space: `ros2 launch pose_estimation_ros oak.launch.py`."""

from pose_estimation_ros.nodes.launching.description import describe_camera
from pose_estimation_ros.nodes.launching.drivers import OAK


def generate_launch_description():
    """Return the arguments of this launch file and what it starts."""
    return describe_camera(OAK)
