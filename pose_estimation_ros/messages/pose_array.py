"""Convert people in space to geometry_msgs/PoseArray."""

from typing import List, Optional

import numpy as np

from pose_estimation_ros.core.poses import LOST, Poses
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.core.space.body_frames import body_rotations
from pose_estimation_ros.core.space.depth import Joints
from pose_estimation_ros.core.space.people_3d import People3D
from pose_estimation_ros.core.space.rigid import quaternion_of
from pose_estimation_ros.messages.message import Message, MessageClasses


def located(poses: Poses, people: People3D) -> np.ndarray:
    """Tell who is seen in the image and has a known position, for messages that cannot tell of others: (N,) bool.

    Args:
        poses: N people of the image.
        people: places of the same people.
    """
    known: np.ndarray = (poses.state != LOST) & np.isfinite(people.position).all(1)
    return known


def people_to_pose_array(
    messages: MessageClasses,
    poses: Poses,
    joints: Joints,
    people: People3D,
    header: Message,
    skeleton: Skeleton,
    up: Optional[np.ndarray] = None,
) -> Message:
    """Convert the positions of the people who are located() to a PoseArray, in the order of the people.

    They are turned as their trunk, x forward and z along the spine. Where the trunk does not tell, the orientation is
    exactly the identity, as in the frames of TF.

    Args:
        messages: has Pose and PoseArray.
        poses: N people of the image.
        joints: joints of the same people, in the frame of the header.
        people: places of the same people, in the frame of the header.
        header: std_msgs/Header with the stamp of the image.
        skeleton: skeleton of the people.
        up: (3,) the direction up in that frame, None where it is not known.
    """
    known = located(poses, people)
    rotations = body_rotations(joints.position[known], skeleton, up)
    rows = zip(people.position[known].tolist(), rotations)
    return messages.PoseArray(header=header, poses=[_pose(messages, *row) for row in rows])


def _pose(messages: MessageClasses, xyz: List[float], rotation: np.ndarray) -> Message:
    """Make a Pose; a rotation (3, 3) of NaN is not known."""
    pose = messages.Pose()
    position, turn = pose.position, pose.orientation
    position.x, position.y, position.z = xyz
    is_known = bool(np.isfinite(rotation).all())
    turn.x, turn.y, turn.z, turn.w = quaternion_of(rotation) if is_known else (0.0, 0.0, 0.0, 1.0)
    return pose
