"""Poses and skeletons <-> our messages, whoever made their classes: rclpy on a robot, a bag reader off it.

messages: has the classes Keypoint, Person, PersonArray and Skeleton, which take their fields as keywords.
"""

from typing import Any, Tuple

import numpy as np

from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.core.poses import Poses, make_poses
from pose_estimation_ros.core.skeleton import Skeleton


def stamp_to_s(stamp):
    # type: (Any) -> float
    """builtin_interfaces/Time -> seconds."""
    return stamp.sec + 1e-9 * stamp.nanosec


def poses_to_msg(messages, poses, header, image_wh, skeleton_name):
    # type: (Any, Poses, Any, Tuple[int, int], str) -> Any
    """People of one image -> PersonArray; its timing is left at zero."""
    rows = zip(poses.xy.tolist(), poses.score.tolist(), poses.box_xyxy, poses.person_score, poses.track_id)
    persons = [
        messages.Person(
            track_id=int(track_id),
            score=float(person_score),
            box_xyxy=box,
            keypoints=[messages.Keypoint(x=x, y=y, score=s) for (x, y), s in zip(xy, score)],
        )
        for xy, score, box, person_score, track_id in rows
    ]
    width, height = image_wh
    return messages.PersonArray(
        header=header, image_width=width, image_height=height, skeleton=skeleton_name, persons=persons
    )


def msg_to_poses(msg, num_keypoints):
    # type: (Any, int) -> Poses
    """Inverse of poses_to_msg. Raises FrameError where a person has another number of keypoints."""
    counts = sorted({len(person.keypoints) for person in msg.persons} - {num_keypoints})
    if counts:
        raise FrameError("keypoints", "expected %d keypoints per person, got %s" % (num_keypoints, counts))
    people = [[(k.x, k.y, k.score) for k in person.keypoints] for person in msg.persons]
    values = np.array(people, np.float32).reshape(len(people), num_keypoints, 3)
    boxes = np.array([person.box_xyxy for person in msg.persons], np.float32).reshape(-1, 4)
    score = np.array([person.score for person in msg.persons], np.float32)
    track_id = np.array([person.track_id for person in msg.persons], np.int32)
    return make_poses(values[..., :2], values[..., 2], boxes, score, track_id)


def skeleton_to_msg(messages, skeleton):
    # type: (Any, Skeleton) -> Any
    return messages.Skeleton(
        name=skeleton.name,
        keypoints=list(skeleton.keypoints),
        links=[index for link in skeleton.links for index in link],
        flip_pairs=[index for pair in skeleton.flip_pairs for index in pair],
        oks_sigmas=list(skeleton.sigmas),
    )
