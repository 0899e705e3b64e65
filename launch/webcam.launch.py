"""Start a webcam, or a file or stream as source, and pose_node: `ros2 launch pose_estimation_ros webcam.launch.py`.

The camera is opened by video_node, which needs no further package. To use another driver, such as usb_cam or
v4l2_camera, start it and give driver:=false.
"""

from pose_estimation_ros.nodes.launching.arguments import VIDEO_FRAME, webcam_arguments
from pose_estimation_ros.nodes.launching.description import describe
from pose_estimation_ros.nodes.launching.node_keywords import webcam_pose_node, webcam_video_node


def generate_launch_description():
    """Return the arguments of this launch file and what it starts."""
    return describe(webcam_arguments(), webcam_video_node, webcam_pose_node, frame=VIDEO_FRAME)
