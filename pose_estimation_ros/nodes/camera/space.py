"""Find the people of an image in space, from its depth image and the calibration of its camera."""

from typing import Any, Dict, Optional, Tuple

import numpy as np
from std_msgs.msg import Header

from pose_estimation_ros.core.camera import Camera
from pose_estimation_ros.core.depth import DepthOptions, joints_in_space
from pose_estimation_ros.core.people_3d import unknown_people
from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.nodes.camera.outputs.output import Space


class SpaceFinder:
    """Find the people of one camera's images in space."""

    def __init__(self, skeleton: Skeleton, values: Dict[str, Any]) -> None:
        """Read the parameters.

        Args:
            skeleton: Skeleton of the people.
            values: Values of the node's parameters.
        """
        self._skeleton = skeleton
        self._options = DepthOptions(
            window=values["depth_window"],
            nearest_m=values["depth_nearest_m"],
            farthest_m=values["depth_farthest_m"],
        )

    def reset(self) -> None:
        """Forget the people."""

    def find(
        self, poses: Poses, header: Header, camera: Optional[Camera], depth: Optional[Tuple[np.ndarray, str]]
    ) -> Optional[Space]:
        """Find the people of an image in space.

        Args:
            poses: The people, those who are LOST after the others.
            header: Header of the image.
            camera: Calibration of the image, None where unknown.
            depth: Aligned depth image (H, W) and its encoding, as joints_in_space() takes them, None without one.

        Returns:
            The people in space, None where nothing tells.

        Raises:
            FrameError: The depth image is no aligned depth image.
        """
        if camera is None or depth is None:
            return None
        joints = joints_in_space(poses, depth[0], depth[1], camera, self._skeleton, self._options)
        return Space(header, joints, unknown_people(poses.count))
