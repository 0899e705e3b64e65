"""Convert poses to ROS4HRI (REP-155) messages: the ids of all bodies, and the 2D skeleton and box of each body.

The topics are below /humans/bodies: tracked (IdsList), and for each id <id>/skeleton2d (Skeleton2D) and <id>/roi
(NormalizedRegionOfInterest2D). Only confirmed people are included, because a robot should not react to a false
detection and each id creates topics of its own. Tracking is therefore necessary. A skeleton without any joint of the
human body, such as that of a hand or an animal, has no bodies: REP-155 knows bodies of humans alone. Sources: REP-155,
and hri_msgs of Humble and of its main branch.
"""

from typing import NamedTuple, Tuple

import numpy as np

from pose_estimation_ros.core.poses import CONFIRMED, Poses
from pose_estimation_ros.core.skeleton import SKELETONS, Skeleton, convert
from pose_estimation_ros.messages.message import Message, MessageClasses

CLASSES = ("IdsList", "NormalizedPointOfInterest2D", "NormalizedRegionOfInterest2D", "Skeleton2D")
# The text of REP-155 names OpenPose's order, but the constants of its message exchange left and right eyes and ears.
HRI = SKELETONS["hri18"]


class Body(NamedTuple):
    """Hold the messages of one body.

    Attributes:
        id: a letter and the track id.
        skeleton: a Skeleton2D.
        roi: a NormalizedRegionOfInterest2D.
    """

    id: str
    skeleton: Message
    roi: Message


def shared_joints(skeleton: Skeleton) -> Tuple[str, ...]:
    """Return the names of REP-155's joints that a skeleton has; the others are never found."""
    everywhere = np.ones((1, skeleton.num_keypoints))
    score = convert(np.zeros(everywhere.shape + (2,)), everywhere, skeleton, HRI)[1][0]
    return tuple(name for name, found in zip(HRI.keypoints, score) if found)


def poses_to_hri(
    messages: MessageClasses, poses: Poses, header: Message, image_wh: Tuple[int, int], skeleton: Skeleton
) -> Tuple[Message, Tuple[Body, ...]]:
    """Convert the confirmed people of one image to ROS4HRI messages.

    Args:
        messages: has the classes CLASSES.
        poses: people of the image.
        header: std_msgs/Header of the image.
        image_wh: (width, height) px of the image.
        skeleton: skeleton of the people.

    Returns:
        ids: an IdsList, empty where the skeleton shares no joint with REP-155's.
        bodies: one Body for each id.
    """
    confirmed = poses.select((poses.state == CONFIRMED) & bool(shared_joints(skeleton)))
    xy, score = convert(confirmed.xy, confirmed.score, skeleton, HRI)
    parts = _normalized(xy, image_wh)
    # Joints outside of the image have no coordinates in 0..1.
    score = np.where(((parts >= 0) & (parts <= 1)).all(-1), score, 0)
    parts = np.where(score[..., None] > 0, parts, 0)
    boxes = _normalized(confirmed.box_xyxy.reshape(-1, 2, 2), image_wh).clip(0, 1).reshape(-1, 4)
    bodies = tuple(
        Body(
            "b%d" % confirmed.track_id[person],
            _skeleton(messages, header, parts[person], score[person]),
            _roi(messages, header, boxes[person], confirmed.person_score[person]),
        )
        for person in range(confirmed.count)
    )
    return messages.IdsList(header=header, ids=[body.id for body in bodies]), bodies


def _normalized(xy: np.ndarray, image_wh: Tuple[int, int]) -> np.ndarray:
    """Convert (..., 2) px, from the centre of the top left pixel, to 0..1 between opposite corners of the image."""
    parts: np.ndarray = (xy + 0.5) / np.array(image_wh, np.float32)
    return parts


def _skeleton(messages: MessageClasses, header: Message, xy: np.ndarray, score: np.ndarray) -> Message:
    rows = zip(xy.tolist(), score.tolist())
    points = [messages.NormalizedPointOfInterest2D(x=x, y=y, c=c) for (x, y), c in rows]
    return messages.Skeleton2D(header=header, skeleton=points)


def _roi(messages: MessageClasses, header: Message, box: np.ndarray, score: float) -> Message:
    xmin, ymin, xmax, ymax = box.tolist()
    fields = dict(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax, c=float(score))
    return messages.NormalizedRegionOfInterest2D(header=header, **fields)
