"""Convert people in space to geometry_msgs/PoseArray."""

import numpy as np

from pose_estimation_ros.core.people_3d import People3D
from pose_estimation_ros.core.poses import LOST, Poses
from pose_estimation_ros.messages.message import Message, MessageClasses


def located(poses: Poses, people: People3D) -> np.ndarray:
    """Tell who is seen in the image and has a known position, for messages that cannot tell of others: (N,) bool.

    Args:
        poses: N people of the image.
        people: places of the same people.
    """
    known: np.ndarray = (poses.state != LOST) & np.isfinite(people.position).all(1)
    return known


def people_to_pose_array(messages: MessageClasses, poses: Poses, people: People3D, header: Message) -> Message:
    """Convert the positions of the people who are located() to a PoseArray, in the order of the people.

    The orientation is the identity, which means nothing.

    Args:
        messages: has Pose and PoseArray.
        poses: N people of the image.
        people: places of the same people, in the frame of the header.
        header: std_msgs/Header with the stamp of the image.
    """
    return messages.PoseArray(
        header=header,
        poses=[_pose(messages, *position) for position in people.position[located(poses, people)].tolist()],
    )


def _pose(messages: MessageClasses, x: float, y: float, z: float) -> Message:
    pose = messages.Pose()
    pose.position.x, pose.position.y, pose.position.z = x, y, z
    pose.orientation.w = 1.0
    return pose
