"""Convert poses to foxglove_msgs/ImageAnnotations, which Foxglove draws over the camera's image.

The image need not be sent again. Annotations belong to the image of their timestamp. Each annotation has a timestamp of
its own, because older definitions of ImageAnnotations have none. Where ImageAnnotations has one, it counts alone.
Foxglove's coordinates count from the corner of the
top left pixel, those of this package from its centre.
"""

from typing import List, Tuple

import numpy as np

from pose_estimation_ros.core.colors import TEXT, crowding, side_colors, track_color
from pose_estimation_ros.core.geometry import in_reach
from pose_estimation_ros.core.poses import LOST, Poses
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.messages.markers import label_of
from pose_estimation_ros.messages.message import Message, MessageClasses

CLASSES = ("Color", "ImageAnnotations", "Point2", "PointsAnnotation", "TextAnnotation")
BONE_PX, JOINT_PX, FONT_PX = 2.0, 6.0, 14.0


def poses_to_annotations(messages: MessageClasses, poses: Poses, stamp: Message, skeleton: Skeleton) -> Message:
    """Convert the people of one image to ImageAnnotations.

    Bones and label have the colour of the person, joints that of their side. A lost person only has a label. Bones and
    joints of a person are smaller where most keypoints are close together.

    Args:
        messages: has the classes CLASSES.
        poses: people of the image.
        stamp: builtin_interfaces/Time of the image.
        skeleton: skeleton of the people.
    """
    points: List[Message] = []
    texts: List[Message] = []
    for person in range(poses.count):
        xy, visible = poses.xy[person], (poses.score[person] > 0) & in_reach(poses.xy[person])
        color = track_color(int(poses.track_id[person]))
        factor = crowding(xy, visible, JOINT_PX)
        bones = _bones(messages, xy, visible, stamp, skeleton, color)
        joints = _joints(messages, xy, visible, stamp, skeleton)
        bones.thickness, joints.thickness = factor * BONE_PX, factor * JOINT_PX
        points += [annotation for annotation in (bones, joints) if annotation.points]
        if visible.any() or poses.state[person] == LOST:
            texts.append(_label(messages, poses, person, visible, stamp, color))
    annotations = messages.ImageAnnotations(points=points, texts=texts)
    if hasattr(annotations, "timestamp"):
        annotations.timestamp = stamp
    return annotations


def _bones(
    messages: MessageClasses,
    xy: np.ndarray,
    visible: np.ndarray,
    stamp: Message,
    skeleton: Skeleton,
    color: Tuple[int, int, int],
) -> Message:
    links = [link for link in skeleton.links if visible[link[0]] and visible[link[1]]]
    ends = [_point(messages, xy[end]) for link in links for end in link]
    kind = messages.PointsAnnotation.LINE_LIST
    return messages.PointsAnnotation(timestamp=stamp, type=kind, points=ends, outline_color=_color(messages, color))


def _joints(
    messages: MessageClasses, xy: np.ndarray, visible: np.ndarray, stamp: Message, skeleton: Skeleton
) -> Message:
    colors, joints, kind = side_colors(skeleton), np.flatnonzero(visible), messages.PointsAnnotation.POINTS
    spots = [_point(messages, xy[joint]) for joint in joints]
    outlines = [_color(messages, colors[joint]) for joint in joints]
    return messages.PointsAnnotation(timestamp=stamp, type=kind, points=spots, outline_colors=outlines)


def _label(
    messages: MessageClasses,
    poses: Poses,
    person: int,
    visible: np.ndarray,
    stamp: Message,
    color: Tuple[int, int, int],
) -> Message:
    """Make the label, whose position is the lower left corner of the text."""
    ends = poses.xy[person][visible] if visible.any() else poses.box_xyxy[person].reshape(2, 2)
    colors = dict(text_color=_color(messages, TEXT), background_color=_color(messages, color))
    corner = _point(messages, ends.min(0) - [0, JOINT_PX])
    text = label_of(poses, person)
    return messages.TextAnnotation(timestamp=stamp, position=corner, text=text, font_size=FONT_PX, **colors)


def _point(messages: MessageClasses, xy: np.ndarray) -> Message:
    return messages.Point2(x=float(xy[0]) + 0.5, y=float(xy[1]) + 0.5)


def _color(messages: MessageClasses, bgr: Tuple[int, int, int]) -> Message:
    """Convert 0..255 BGR to 0..1 RGBA, opaque because the default alpha of the message is 0."""
    blue, green, red = (channel / 255.0 for channel in bgr)
    return messages.Color(r=red, g=green, b=blue, a=1.0)
