"""Start pose_node with joints in space on the topics of a depth camera, by default a RealSense.

Start the camera's own launch file beside it; a RealSense needs align_depth.enable:=true. For other cameras give
input_image_topic and depth_topic, or a params_file of your own in place of config/realsense.yaml. Relative to the
camera's namespace they are, for a ZED (zed-ros2-wrapper 5.1.0 and newer), rgb/color/rect/image and
depth/depth_registered, with image_rectified:=true; before 5.1.0 rgb/image_rect_color; for an OAK rgb/image_raw and
stereo/image_raw.
"""

from pose_estimation_ros.nodes.launching.arguments import pose_arguments, pose_node
from pose_estimation_ros.nodes.launching.description import describe


def generate_launch_description():
    """Return the arguments of this launch file and what it starts."""
    return describe(pose_arguments("realsense"), pose_node)
