"""One pose_node, one network, several cameras; results beside each image topic, as /left/pose/keypoints.

`ros2 launch pose_estimation_ros multi_camera.launch.py image_topics:=/left/image_raw,/right/image_raw`
"""

from pose_estimation_ros.nodes.launching.arguments import pose_arguments, pose_node
from pose_estimation_ros.nodes.launching.description import describe


def generate_launch_description():
    return describe(pose_arguments("multi_camera", without=["input_image_topic"]), pose_node)
