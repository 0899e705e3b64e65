"""Convert poses to ROS4HRI (REP-155) messages: the ids of all bodies, and the 2D skeleton and box of each body.

The topics are below /humans/bodies: tracked (IdsList), and for each id <id>/skeleton2d (Skeleton2D) and <id>/roi
(NormalizedRegionOfInterest2D). Only confirmed people are included, because a robot should not react to a false
detection and each id creates topics of its own. Tracking is therefore necessary. A skeleton without any joint of the
human body, such as that of a hand or an animal, has no bodies: REP-155 knows bodies of humans alone. Sources: REP-155,
and hri_msgs of Humble and of its main branch.
"""

import re
from typing import NamedTuple, Tuple

import numpy as np

from pose_estimation_ros.core.poses import CONFIRMED, Poses
from pose_estimation_ros.core.skeleton import SKELETONS, Skeleton, convert, words_of
from pose_estimation_ros.messages.message import Message, MessageClasses

CLASSES = ("IdsList", "NormalizedPointOfInterest2D", "NormalizedRegionOfInterest2D", "Skeleton2D")
# The text of REP-155 names OpenPose's order, but the constants of its message exchange left and right eyes and ears.
HRI = SKELETONS["hri18"]
SIDES = {"left": "l", "l": "l", "right": "r", "r": "r"}
LINKS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")  # links of REP-155's human that exist on both sides
KEYPOINTS_TOPIC = "/pose/keypoints"


def camera_name(keypoints_topic: str) -> str:
    """Return the part of body ids that tells cameras apart: "" for the topic /pose/keypoints.

    Args:
        keypoints_topic: full name of the topic with the camera's keypoints, such as "/left/pose/keypoints".

    Returns:
        "left" in this example. Two topics have the same name only where they differ in nothing but "/" and "_".
    """
    namespace = keypoints_topic
    if namespace.endswith(KEYPOINTS_TOPIC):
        namespace = namespace[: -len(KEYPOINTS_TOPIC)]
    return re.sub(r"\W+", "_", namespace).strip("_")


def body_id(track_id: int, camera: str = "") -> str:
    """Return the id of a person's body, which is a valid part of a topic's name: "b7", or "b7_left" of a camera "left".

    Args:
        track_id: number of the person, 1 or more.
        camera: result of camera_name().
    """
    return "b%d_%s" % (track_id, camera) if camera else "b%d" % track_id


def body_frame(body: str) -> str:
    """Return the name of a body's TF frame. REP-155 has its origin between the hips."""
    return "body_" + body


def joint_frame(joint: str, body: str) -> str:
    """Return the name of a joint's TF frame, as REP-155 has it, where it has one.

    Args:
        joint: name of a keypoint, such as "left_wrist" or "nose".
        body: id of the body, such as "b7".

    Returns:
        "l_wrist_b7" or "nose_b7" in these examples. It is never the frame of the body.
    """
    words = words_of(joint)
    if len(words) == 2 and words[0] in SIDES and words[1] in LINKS:
        return "%s_%s_%s" % (SIDES[words[0]], words[1], body)
    name = re.sub(r"\W+", "_", joint).strip("_")
    return "%s_%s" % ("body_point" if name == "body" else name, body)


class Body(NamedTuple):
    """Hold the messages of one body.

    Attributes:
        id: see body_id().
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
    messages: MessageClasses,
    poses: Poses,
    header: Message,
    image_wh: Tuple[int, int],
    skeleton: Skeleton,
    camera: str = "",
) -> Tuple[Message, Tuple[Body, ...]]:
    """Convert the confirmed people of one image to ROS4HRI messages.

    Args:
        messages: has the classes CLASSES.
        poses: people of the image.
        header: std_msgs/Header of the image.
        image_wh: (width, height) px of the image.
        skeleton: skeleton of the people.
        camera: name of the camera in the ids, see camera_name().

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
            body_id(confirmed.track_id[person], camera),
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
