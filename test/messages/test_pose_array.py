import math
from types import SimpleNamespace

import numpy as np
import pytest
from plain_messages import message_class
from vision_messages import Pose

from pose_estimation_ros.core.people_3d import unknown_people
from pose_estimation_ros.core.poses import CONFIRMED, LOST, NO_STATE, TENTATIVE, empty_poses, make_poses
from pose_estimation_ros.messages.pose_array import located, people_to_pose_array

MESSAGES = SimpleNamespace(Pose=Pose, PoseArray=message_class("PoseArray", header=None, poses=list))


def people(states, positions):
    count = len(states)
    poses = make_poses(np.zeros((count, 17, 2)), np.ones((count, 17)), np.ones((count, 4)), np.ones(count))
    where = unknown_people(count)._replace(position=np.array(positions, float))
    return poses.replace(state=np.array(states, np.uint8)), where


def test_nobody():
    array = people_to_pose_array(MESSAGES, empty_poses(17), unknown_people(0), "header")
    assert (array.header, array.poses) == ("header", [])


@pytest.mark.parametrize(
    "state, position, is_there",
    [
        (TENTATIVE, (1, 2, 3), True),
        (CONFIRMED, (1, 2, 3), True),
        (NO_STATE, (0, 0, 0), True),
        (LOST, (1, 2, 3), False),
        (CONFIRMED, (1, 2, math.nan), False),
        (CONFIRMED, (math.inf, 2, 3), False),
    ],
)
def test_who_is_seen_and_has_a_position(state, position, is_there):
    poses, where = people([state, CONFIRMED], [position, (4, 5, 6)])
    assert located(poses, where).tolist() == [is_there, True]
    array = people_to_pose_array(MESSAGES, poses, where, "header")
    expected = [position] * is_there + [(4, 5, 6)]
    assert [(pose.position.x, pose.position.y, pose.position.z) for pose in array.poses] == expected
    turns = [(pose.orientation.x, pose.orientation.y, pose.orientation.z, pose.orientation.w) for pose in array.poses]
    assert turns == [(0, 0, 0, 1)] * len(expected)
