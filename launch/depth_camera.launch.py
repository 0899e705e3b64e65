"""pose_node with joints in space, on the topics of a depth camera: RealSense's (align_depth.enable:=true) by default.

Start the camera's own launch file beside it; others have, relative to their namespace:
ZED: rgb/image_rect_color and depth/depth_registered (image_rectified:=true); OAK: rgb/image_raw and stereo/image_raw.
"""

from pose_estimation_ros.nodes.launch_arguments import pose_arguments, pose_node
from pose_estimation_ros.nodes.launch_description import describe

IMAGE = "/camera/camera/color/image_raw"
DEPTH = "/camera/camera/aligned_depth_to_color/image_raw"


def generate_launch_description():
    return describe(pose_arguments("cpu", IMAGE, depth_topic=DEPTH), pose_node)
