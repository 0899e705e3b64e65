"""Poses -> foxglove_msgs/ImageAnnotations: Foxglove draws people over the camera's image, which need not be sent again.

Annotations fit the image of their timestamp. Each has its own, as definitions with and without a timestamp of the whole
understand. Coordinates count from the corner of the top left pixel, ours from its centre.
"""

from typing import Any, List, Tuple

import numpy as np

from pose_estimation_ros.core.colors import TEXT, side_colors, track_color
from pose_estimation_ros.core.poses import LOST, Poses
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.messages.markers import label_of

CLASSES = ("Color", "ImageAnnotations", "Point2", "PointsAnnotation", "TextAnnotation")
BONE_PX, JOINT_PX, FONT_PX = 2.0, 6.0, 14.0


def poses_to_annotations(messages: Any, poses: Poses, stamp: Any, skeleton: Skeleton) -> Any:
    """The people in the image of that stamp (builtin_interfaces/Time) -> ImageAnnotations. messages: has CLASSES.

    Bones and label have the person's colour, joints that of their side; of the LOST only the label stays.
    """
    points: List[Any] = []
    texts: List[Any] = []
    for person in range(poses.count):
        found = np.flatnonzero(poses.score[person] > 0)
        color = track_color(int(poses.track_id[person]))
        bones = _bones(messages, poses.xy[person], found, stamp, skeleton, color)
        joints = _joints(messages, poses.xy[person], found, stamp, skeleton)
        points += [own for own in (bones, joints) if own.points]
        if len(found) or poses.state[person] == LOST:
            texts.append(_label(messages, poses, person, found, stamp, color))
    return messages.ImageAnnotations(points=points, texts=texts)


def _bones(
    messages: Any, xy: np.ndarray, found: np.ndarray, stamp: Any, skeleton: Skeleton, color: Tuple[int, int, int]
) -> Any:
    ends = [_point(messages, xy[end]) for link in skeleton.links if set(link) <= set(found.tolist()) for end in link]
    kind = messages.PointsAnnotation.LINE_LIST
    outline = dict(outline_color=_color(messages, color), thickness=BONE_PX)
    return messages.PointsAnnotation(timestamp=stamp, type=kind, points=ends, **outline)


def _joints(messages: Any, xy: np.ndarray, found: np.ndarray, stamp: Any, skeleton: Skeleton) -> Any:
    colors = side_colors(skeleton)
    spots = [_point(messages, xy[joint]) for joint in found]
    outline = dict(outline_colors=[_color(messages, colors[joint]) for joint in found], thickness=JOINT_PX)
    return messages.PointsAnnotation(timestamp=stamp, type=messages.PointsAnnotation.POINTS, points=spots, **outline)


def _label(messages: Any, poses: Poses, person: int, found: np.ndarray, stamp: Any, color: Tuple[int, int, int]) -> Any:
    """Its place is the text's lower left corner."""
    ends = poses.xy[person][found] if len(found) else poses.box_xyxy[person].reshape(2, 2)
    colors = dict(text_color=_color(messages, TEXT), background_color=_color(messages, color))
    corner = _point(messages, ends.min(0) - [0, JOINT_PX])
    text = label_of(poses, person)
    return messages.TextAnnotation(timestamp=stamp, position=corner, text=text, font_size=FONT_PX, **colors)


def _point(messages: Any, xy: np.ndarray) -> Any:
    return messages.Point2(x=float(xy[0]) + 0.5, y=float(xy[1]) + 0.5)


def _color(messages: Any, bgr: Tuple[int, int, int]) -> Any:
    """0..255 BGR -> 0..1 RGBA, opaque: a colour's alpha is 0 by default."""
    blue, green, red = (channel / 255.0 for channel in bgr)
    return messages.Color(r=red, g=green, b=blue, a=1.0)
