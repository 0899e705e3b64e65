"""Find the people of an image in space, from the calibration of its camera and, where there is one, a depth image.

SpaceFinder.find() goes these steps:

1. measure: the joints, and the place and height of each person, in the camera's optical frame;
2. transform: all of it into the target frame, where one is set;
3. follow: velocities over time, and where people are expected who were not measured.
"""

import math
from typing import Any, Dict, NamedTuple, Optional, Tuple

import numpy as np
from std_msgs.msg import Header

from pose_estimation_ros.core.camera import Camera
from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.core.space.body_3d import people_from_joints
from pose_estimation_ros.core.space.depth import DepthOptions, Joints, joints_in_space, unknown_joints
from pose_estimation_ros.core.space.metric_guess import GuessOptions, ground_plane, guess_positions
from pose_estimation_ros.core.space.motion_3d import Motion3D
from pose_estimation_ros.core.space.people_3d import People3D, unknown_people
from pose_estimation_ros.messages.poses import stamp_to_s
from pose_estimation_ros.nodes.camera.outputs.output import Space
from pose_estimation_ros.nodes.camera.transforms import Transforms
from pose_estimation_ros.nodes.parameter_tables import GROUND, NONE

DOWN = {0: (0.0, 1.0, 0.0), 90: (1.0, 0.0, 0.0), 180: (0.0, -1.0, 0.0), 270: (-1.0, 0.0, 0.0)}  # by rotation_deg


class Measured(NamedTuple):
    """Hold what one image tells about people in space, in the camera's optical frame.

    Attributes:
        joints: joints of the people.
        people: places of the people, without velocity.
        basis: (N,) how each place was found, see Motion3D.update(); None: all alike.
    """

    joints: Joints
    people: People3D
    basis: Optional[np.ndarray] = None


class SpaceFinder:
    """Find the people of one camera's images in space."""

    def __init__(self, skeleton: Skeleton, values: Dict[str, Any], transforms: Optional[Transforms] = None) -> None:
        """Read the parameters.

        Args:
            skeleton: Skeleton of the people.
            values: Values of the node's parameters.
            transforms: Transforms of the node, None if no parameter names a frame.
        """
        self._skeleton, self._transforms = skeleton, transforms
        self._target_frame: str = values["target_frame"]
        self._without_depth: str = values["position_without_depth"]
        self._ground_frame: str = values["ground_frame"]
        self._guess_options = GuessOptions(
            height_m=values["person_height_m"],
            height_sigma_m=values["person_height_sigma_m"],
            tilt_sigma_rad=math.radians(values["ground_tilt_sigma_deg"]),
        )
        self._options = DepthOptions(
            window=values["depth_window"],
            nearest_m=values["depth_nearest_m"],
            farthest_m=values["depth_farthest_m"],
        )
        self._down = DOWN[values["rotation_deg"]]
        self._motion, self._frame = Motion3D(), ""

    def reset(self) -> None:
        """Forget the people."""
        self._motion.reset()

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
            The people in space, None where nothing tells of anybody. Those who are not measured are where they are
            expected, as long as that means something.

        Raises:
            FrameError: The depth image is no aligned depth image, or the target frame is not known at that time.
        """
        measured = self._measure(poses, header, camera, depth)
        if measured is not None:
            return self._follow(self._transform(measured, header), poses, measured.basis)
        if not self._motion.count:
            return None
        unknown = Measured(unknown_joints(*poses.score.shape), unknown_people(poses.count))
        expected = self._follow(self._transform(unknown, header), poses)
        return expected if self._motion.count else None

    def _measure(
        self, poses: Poses, header: Header, camera: Optional[Camera], depth: Optional[Tuple[np.ndarray, str]]
    ) -> Optional[Measured]:
        """Return the people in the camera's optical frame, None where nothing tells."""
        if camera is None:
            return None
        if depth is not None:
            return self._from_depth(poses, camera, depth)
        if self._without_depth != NONE:
            return self._guess(poses, header, camera)
        return None

    def _from_depth(self, poses: Poses, camera: Camera, depth: Tuple[np.ndarray, str]) -> Measured:
        joints = joints_in_space(poses, depth[0], depth[1], camera, self._skeleton, self._options)
        return Measured(joints, *people_from_joints(joints, self._skeleton, self._down))

    def _guess(self, poses: Poses, header: Header, camera: Camera) -> Measured:
        """Return the people without joints, at positions that are guessed without depth."""
        ground = None
        if self._without_depth == GROUND and self._transforms is not None:
            ground = ground_plane(self._transforms.lookup(self._ground_frame, header))
        people = guess_positions(poses, camera, self._skeleton, ground, self._guess_options, self._down)
        return Measured(unknown_joints(*poses.score.shape), people)

    def _transform(self, measured: Measured, header: Header) -> Space:
        """Return the people in the target frame, in the camera's where none is set."""
        depth_m = measured.people.position[:, 2]
        if not self._target_frame or self._transforms is None:
            return Space(header, measured.joints, measured.people, depth_m)
        rigid = self._transforms.lookup(self._target_frame, header)
        joints, people, _ = measured
        joints = joints._replace(
            position=rigid.apply(joints.position).astype(np.float32),
            covariance=rigid.covariance(joints.covariance).astype(np.float32),
        )
        people = people._replace(
            position=rigid.apply(people.position), position_covariance=rigid.covariance(people.position_covariance)
        )
        return Space(Header(stamp=header.stamp, frame_id=self._target_frame), joints, people, depth_m)

    def _follow(self, space: Space, poses: Poses, basis: Optional[np.ndarray] = None) -> Space:
        """Return the people with what the images before tell; positions in another frame than before begin anew."""
        if space.header.frame_id != self._frame:
            self._motion.reset()
            self._frame = space.header.frame_id
        stamp_s = stamp_to_s(space.header.stamp)
        return space._replace(people=self._motion.update(space.people, poses.track_id, stamp_s, basis))
