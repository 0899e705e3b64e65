"""Draw skeletons with ids or scores into an image."""

from typing import List, Optional, Tuple

import cv2
import numpy as np

from pose_estimation_ros.core.colors import MIDDLE, TEXT, side_colors, spacing, track_color
from pose_estimation_ros.core.errors import ConfigError, FrameError, described
from pose_estimation_ros.core.geometry import in_reach
from pose_estimation_ros.core.poses import UNTRACKED, Pose, Poses
from pose_estimation_ros.core.skeleton import Skeleton

OUTLINE = (30, 30, 30)  # BGR
FONT = cv2.FONT_HERSHEY_SIMPLEX
COLOR_BY = ("side", "track")
RADIUS_SHARE = 0.3  # largest radius of a joint, as a share of its distance from its neighbours
LINK_SHARE = 0.2  # largest width of a link, as a share of its length

Color = Tuple[int, int, int]
Point = Tuple[int, int]


def draw_poses(
    image: np.ndarray, poses: Poses, skeleton: Optional[Skeleton] = None, color_by: str = "side"
) -> np.ndarray:
    """Return a copy of an image with people drawn into it.

    A keypoint is left out, with its links, where its score is 0, or where it is not finite or farther away than an
    image reaches. The label of a person is the track id, or the score in per cent of a person who has none. Lines grow
    with the person, so that people far away stay legible. Links across the body are green. Where keypoints are dense,
    as in a face or a hand, joints and links are small.

    Args:
        image: (H, W, 3) uint8 BGR.
        poses: in pixels of the image.
        skeleton: the links between the keypoints, None for the skeleton of the poses.
        color_by: "side" (left warm, right cool) or "track" (one colour per person).

    Returns:
        The copy, (H, W, 3) uint8 BGR.

    Raises:
        ConfigError: color_by is unknown, or the poses have no skeleton and none is given.
        FrameError: the image is no array (H, W, 3) of uint8.
    """
    skeleton = skeleton or poses.skeleton
    if skeleton is None:
        raise ConfigError("expected a skeleton to draw poses that have none, got None")
    if color_by not in COLOR_BY:
        raise ConfigError("expected color_by out of %s, got %.80r" % (", ".join(COLOR_BY), color_by))
    if not isinstance(image, np.ndarray) or image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise FrameError("shape", "expected an image (H, W, 3) uint8 to draw into, got %s" % described(image))
    drawn = image.copy()
    for person in poses:
        _draw_person(drawn, person, skeleton, color_by)
    return drawn


def _draw_person(image: np.ndarray, person: Pose, skeleton: Skeleton, color_by: str) -> None:
    """Draw all dark outlines first, so that none of them covers the colour of a neighbour."""
    visible = (person.score > 0) & in_reach(person.xy)
    points = np.clip(np.where(visible[:, None], person.xy, 0), -1e4, 1e4)
    person_color = track_color(person.track_id)
    colors = side_colors(skeleton) if color_by == "side" else [person_color] * skeleton.num_keypoints
    width = _line_width(person.box_xyxy)
    radii = np.clip(spacing(points, visible) * RADIUS_SHARE, 0, width).astype(int).tolist()
    links = [(a, b, _link_width(points[a], points[b], width)) for a, b in skeleton.links if visible[a] and visible[b]]
    xy: List[Point] = [(int(round(x)), int(round(y))) for x, y in points.tolist()]
    found = np.flatnonzero(visible).tolist()
    for a, b, thickness in links:
        cv2.line(image, xy[a], xy[b], OUTLINE, thickness + 2, cv2.LINE_AA)
    for joint in found:
        if radii[joint]:  # outlines of single pixels would fill a small face
            cv2.circle(image, xy[joint], radii[joint] + 1, OUTLINE, -1, cv2.LINE_AA)
    for a, b, thickness in links:
        cv2.line(image, xy[a], xy[b], colors[a] if colors[a] == colors[b] else MIDDLE, thickness, cv2.LINE_AA)
    for joint in found:
        cv2.circle(image, xy[joint], radii[joint], colors[joint], -1, cv2.LINE_AA if radii[joint] else cv2.LINE_8)
    if found:
        _draw_label(image, _label(person), points[visible].min(0), person_color)


def _line_width(box_xyxy: np.ndarray) -> int:
    if not in_reach(box_xyxy):
        return 1
    return int(np.clip(round(float((box_xyxy[2:] - box_xyxy[:2]).max()) / 70), 1, 6))


def _link_width(a_xy: np.ndarray, b_xy: np.ndarray, widest: int) -> int:
    """Return the width of a link in px, less for short ones such as the bones of a finger."""
    return int(np.clip(np.linalg.norm(a_xy - b_xy) * LINK_SHARE, 1, widest))


def _label(person: Pose) -> str:
    return "%.0f%%" % (100 * person.person_score) if person.track_id == UNTRACKED else "#%d" % person.track_id


def _draw_label(image: np.ndarray, text: str, corner_xy: np.ndarray, color: Color) -> None:
    """Draw text on a filled plate above the skeleton, moved inside the image."""
    scale = max(0.45, min(image.shape[:2]) / 1200.0)
    (width, height), below = cv2.getTextSize(text, FONT, scale, 1)
    left = int(np.clip(corner_xy[0], 0, max(image.shape[1] - width - 6, 0)))
    bottom = int(np.clip(corner_xy[1] - 10, height + below + 4, max(image.shape[0] - 1, height + below + 4)))
    cv2.rectangle(image, (left, bottom - height - below - 4), (left + width + 6, bottom), color, -1)
    for ink, thickness in ((OUTLINE, 3), (TEXT, 1)):
        cv2.putText(image, text, (left + 3, bottom - below), FONT, scale, ink, thickness, cv2.LINE_AA)
