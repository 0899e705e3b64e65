import math
from types import SimpleNamespace

import numpy as np
import pytest
from plain_messages import message_class
from vision_messages import Pose

from pose_estimation_ros.core.poses import CONFIRMED, LOST, NO_STATE, TENTATIVE, empty_poses, make_poses
from pose_estimation_ros.core.skeleton import SKELETONS
from pose_estimation_ros.core.space.depth import Joints
from pose_estimation_ros.core.space.people_3d import unknown_people
from pose_estimation_ros.messages.pose_array import located, people_to_pose_array

COCO = SKELETONS["coco17"]
MESSAGES = SimpleNamespace(Pose=Pose, PoseArray=message_class("PoseArray", header=None, poses=list))


def people(states, positions, **joints):
    """Return poses, joints and places of people who all have these joints in space."""
    count = len(states)
    spots = np.full((count, 17, 3), np.nan, np.float32)
    for name, spot in joints.items():
        spots[:, COCO.keypoints.index(name)] = spot
    poses = make_poses(np.zeros((count, 17, 2)), np.ones((count, 17)), np.ones((count, 4)), np.ones(count))
    where = unknown_people(count)._replace(position=np.array(positions, float))
    everything = Joints(spots, np.full((count, 17, 3, 3), np.nan, np.float32), np.isfinite(spots).all(-1))
    return poses.replace(state=np.array(states, np.uint8)), everything, where


def turns(array):
    return [(pose.orientation.x, pose.orientation.y, pose.orientation.z, pose.orientation.w) for pose in array.poses]


def test_nobody():
    _, joints, where = people([], np.zeros((0, 3)))
    array = people_to_pose_array(MESSAGES, empty_poses(17), joints, where, "header", COCO)
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
    poses, joints, where = people([state, CONFIRMED], [position, (4, 5, 6)])
    assert located(poses, where).tolist() == [is_there, True]
    array = people_to_pose_array(MESSAGES, poses, joints, where, "header", COCO)
    expected = [position] * is_there + [(4, 5, 6)]
    assert [(pose.position.x, pose.position.y, pose.position.z) for pose in array.poses] == expected
    assert turns(array) == [(0, 0, 0, 1)] * len(expected)


SHOULDERS = dict(left_shoulder=(0, 0.2, 1.5), right_shoulder=(0, -0.2, 1.5))  # of somebody who looks along x; z is up
HIPS = dict(left_hip=(0, 0.1, 1.0), right_hip=(0, -0.1, 1.0))


@pytest.mark.parametrize("angle", [0.5, -2.0, 3.0])
@pytest.mark.parametrize(
    "joints, up, is_turned",
    [
        (dict(SHOULDERS, **HIPS), None, True),
        (SHOULDERS, (0, 0, 1), True),
        (SHOULDERS, None, False),
        (dict(left_shoulder=SHOULDERS["left_shoulder"], left_hip=HIPS["left_hip"]), (0, 0, 1), False),
    ],
)
def test_people_are_turned_as_their_trunk_where_it_tells(angle, joints, up, is_turned):
    cos, sin = math.cos(angle), math.sin(angle)
    turned = {name: (cos * x - sin * y + 4, sin * x + cos * y + 5, z) for name, (x, y, z) in joints.items()}
    poses, everything, where = people([CONFIRMED], [(4, 5, 1)], **turned)
    own = None if up is None else np.array(up, float)
    ((x, y, z, w),) = turns(people_to_pose_array(MESSAGES, poses, everything, where, "header", COCO, own))
    assert (x, y) == pytest.approx((0, 0), abs=1e-6)
    assert 2 * math.atan2(z, w) == pytest.approx(angle if is_turned else 0, abs=1e-6)
