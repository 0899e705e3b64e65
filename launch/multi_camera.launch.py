"""Start one pose_node for several cameras; results are beside each image topic, such as /left/pose/keypoints.

`ros2 launch pose_estimation_ros multi_camera.launch.py image_topics:=/left/image_raw,/right/image_raw`
"""

from pose_estimation_ros.nodes.launching.arguments import pose_arguments
from pose_estimation_ros.nodes.launching.description import describe
from pose_estimation_ros.nodes.launching.node_keywords import pose_node


def generate_launch_description():
    """Return the arguments of this launch file and what it starts."""
    return describe(pose_arguments("multi_camera", without=["input_image_topic"], rviz_topics="/left/pose"), pose_node)
