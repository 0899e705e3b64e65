"""Convert poses to ROS4HRI (REP-155) messages: ids of bodies and their frames, 2D skeletons, boxes and cropped images.

The topics are below /humans/bodies: tracked (IdsList), and for each id <id>/skeleton2d (Skeleton2D), <id>/roi
(NormalizedRegionOfInterest2D) and <id>/cropped (sensor_msgs/Image). Only confirmed people are included, because a robot
should not react to a false detection and each id creates topics of its own. Tracking is therefore necessary. A skeleton
without any joint of the human body, such as that of a hand or an animal, has no bodies: REP-155 knows bodies of humans
alone. Sources: REP-155, and hri_msgs of Humble and of its main branch.
"""

import functools
import re
from typing import List, Sequence, Tuple

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


@functools.lru_cache(maxsize=8)
def shared_joints(skeleton: Skeleton) -> Tuple[str, ...]:
    """Return the names of REP-155's joints that a skeleton has; the others are never found."""
    everywhere = np.ones((1, skeleton.num_keypoints))
    score = convert(np.zeros(everywhere.shape + (2,)), everywhere, skeleton, HRI)[1][0]
    return tuple(name for name, found in zip(HRI.keypoints, score) if found)


def bodies(poses: Poses, skeleton: Skeleton) -> Poses:
    """Return the people who are bodies: the confirmed ones, nobody where the skeleton has no joint of REP-155's.

    Args:
        poses: people of an image.
        skeleton: skeleton of the people.
    """
    return poses.select((poses.state == CONFIRMED) & bool(shared_joints(skeleton)))


def body_ids(poses: Poses, camera: str) -> List[str]:
    """Return the id of each person's body.

    Args:
        poses: people with track ids.
        camera: result of camera_name().
    """
    return [body_id(track_id, camera) for track_id in poses.track_id.tolist()]


def skeletons_2d(
    messages: MessageClasses, poses: Poses, header: Message, image_wh: Tuple[int, int], skeleton: Skeleton
) -> List[Message]:
    """Convert the people of one image to a Skeleton2D each.

    Args:
        messages: has the classes CLASSES.
        poses: people of the image.
        header: std_msgs/Header of the image.
        image_wh: (width, height) px of the image.
        skeleton: skeleton of the people.
    """
    xy, score = convert(poses.xy, poses.score, skeleton, HRI)
    parts = _normalized(xy, image_wh)
    # Joints outside of the image have no coordinates in 0..1.
    score = np.where(((parts >= 0) & (parts <= 1)).all(-1), score, 0)
    parts = np.where(score[..., None] > 0, parts, 0)
    return [_skeleton(messages, header, *row) for row in zip(parts.tolist(), score.tolist())]


def regions(messages: MessageClasses, poses: Poses, header: Message, image_wh: Tuple[int, int]) -> List[Message]:
    """Convert the boxes of the people of one image to a NormalizedRegionOfInterest2D each, cut to the image.

    Args:
        messages: has the classes CLASSES.
        poses: people of the image.
        header: std_msgs/Header of the image.
        image_wh: (width, height) px of the image.
    """
    boxes = _normalized(poses.box_xyxy.reshape(-1, 2, 2), image_wh).clip(0, 1).reshape(-1, 4)
    rows = zip(boxes.tolist(), poses.person_score.tolist())
    kind = messages.NormalizedRegionOfInterest2D
    return [kind(header=header, xmin=x0, ymin=y0, xmax=x1, ymax=y1, c=c) for (x0, y0, x1, y1), c in rows]


def cropped(frame: np.ndarray, poses: Poses) -> List[np.ndarray]:
    """Cut the people out of the image: the pixels that their regions() touch.

    Args:
        frame: (H, W, 3).
        poses: people of the image.

    Returns:
        One view of the frame for each person, without any pixel for one who is outside of the image.
    """
    corners = poses.box_xyxy.reshape(-1, 2, 2).astype(np.float64) + 0.5  # from the corner of the top left pixel
    corners = np.where(np.isfinite(corners), corners, 0).clip(0, frame.shape[1::-1])
    first, end = np.floor(corners[:, 0]).astype(int).tolist(), np.ceil(corners[:, 1]).astype(int).tolist()
    return [frame[y0:y1, x0:x1] for (x0, y0), (x1, y1) in zip(first, end)]


def _normalized(xy: np.ndarray, image_wh: Tuple[int, int]) -> np.ndarray:
    """Convert (..., 2) px, from the centre of the top left pixel, to 0..1 between opposite corners of the image."""
    parts: np.ndarray = (xy + 0.5) / np.array(image_wh, np.float32)
    return parts


def _skeleton(
    messages: MessageClasses, header: Message, xy: Sequence[Sequence[float]], score: Sequence[float]
) -> Message:
    points = [messages.NormalizedPointOfInterest2D(x=x, y=y, c=c) for (x, y), c in zip(xy, score)]
    return messages.Skeleton2D(header=header, skeleton=points)
