"""Skeletons with ids on an image."""

import cv2
import numpy as np

from pose_estimation_ros.core.colors import MIDDLE, TEXT, side_colors, track_color
from pose_estimation_ros.core.geometry import in_reach
from pose_estimation_ros.core.poses import UNTRACKED, Poses
from pose_estimation_ros.core.skeleton import Skeleton

OUTLINE = (30, 30, 30)  # BGR
FONT = cv2.FONT_HERSHEY_SIMPLEX
COLOR_BY = ("side", "track")


def draw_poses(frame: np.ndarray, poses: Poses, skeleton: Skeleton, color_by: str = "side") -> None:
    """Draw people into a frame (H, W, 3) uint8 BGR, in place; keypoints with score 0 and their links are left out.

    So are keypoints that are not finite, or farther away than an image reaches.

    color_by: "side" (left warm, right cool) or "track" (a colour per person). The label has the track id, or the score
    in per cent of a person who has none. Lines grow with the person, so that far people stay legible.
    """
    for person in range(poses.count):
        found = (poses.score[person] > 0) & in_reach(poses.xy[person])
        points = np.clip(np.where(found[:, None], poses.xy[person], 0), -1e4, 1e4)
        xy = [tuple(int(round(v)) for v in point) for point in points.tolist()]
        person_color = track_color(int(poses.track_id[person]))
        colors = side_colors(skeleton) if color_by == "side" else [person_color] * skeleton.num_keypoints
        width = _line_width(poses.box_xyxy[person])
        links = [link for link in skeleton.links if found[link[0]] and found[link[1]]]
        _draw_links(frame, xy, links, colors, width)
        for keypoint in np.flatnonzero(found):
            cv2.circle(frame, xy[keypoint], width + 1, OUTLINE, -1, cv2.LINE_AA)
            cv2.circle(frame, xy[keypoint], width, colors[keypoint], -1, cv2.LINE_AA)
        if found.any():
            _draw_label(frame, _label(poses, person), points[found].min(0), person_color)


def _line_width(box_xyxy: np.ndarray) -> int:
    if not in_reach(box_xyxy):
        return 1
    return int(np.clip(round(float(box_xyxy[3] - box_xyxy[1]) / 70), 1, 6))


def _draw_links(frame: np.ndarray, xy: list, links: list, colors: list, width: int) -> None:
    """Dark outline first, so that the skeleton stands out from any background; a link across the body is in between."""
    for a, b in links:
        cv2.line(frame, xy[a], xy[b], OUTLINE, width + 2, cv2.LINE_AA)
    for a, b in links:
        cv2.line(frame, xy[a], xy[b], colors[a] if colors[a] == colors[b] else MIDDLE, width, cv2.LINE_AA)


def _label(poses: Poses, person: int) -> str:
    track_id = int(poses.track_id[person])
    return "%.0f%%" % (100 * poses.person_score[person]) if track_id == UNTRACKED else "#%d" % track_id


def _draw_label(frame: np.ndarray, text: str, corner_xy: np.ndarray, color: tuple) -> None:
    """Text on a filled plate above the skeleton, moved inside the frame."""
    scale = max(0.45, min(frame.shape[:2]) / 1200.0)
    (width, height), below = cv2.getTextSize(text, FONT, scale, 1)
    left = int(np.clip(corner_xy[0], 0, max(frame.shape[1] - width - 6, 0)))
    bottom = int(np.clip(corner_xy[1] - 10, height + below + 4, max(frame.shape[0] - 1, height + below + 4)))
    cv2.rectangle(frame, (left, bottom - height - below - 4), (left + width + 6, bottom), color, -1)
    for ink, thickness in ((OUTLINE, 3), (TEXT, 1)):
        cv2.putText(frame, text, (left + 3, bottom - below), FONT, scale, ink, thickness, cv2.LINE_AA)
