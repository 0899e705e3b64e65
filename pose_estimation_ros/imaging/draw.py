"""Draw skeletons with ids or scores into an image."""

from typing import List, Optional, Sequence

import numpy as np

from pose_estimation_ros.core.colors import MIDDLE, opacity, side_colors, spacing, track_color
from pose_estimation_ros.core.errors import ConfigError, FrameError, described
from pose_estimation_ros.core.geometry import in_reach
from pose_estimation_ros.core.poses import LOST, TENTATIVE, UNTRACKED, Pose, Poses
from pose_estimation_ros.core.skeleton import Pairs, Skeleton
from pose_estimation_ros.imaging.labels import (
    LIGHT,
    PLATE,
    Label,
    draw_labels,
    draw_legend,
    head_box,
    head_joints,
    letter_scale,
    letters_on,
    pale,
)
from pose_estimation_ros.imaging.paint import Color, Paint, ink_of

COLOR_BY = ("side", "track")
WIDTH_SHARE = 1 / 48.0  # width of lines, as a share of the person's size
WIDEST_SHARE = 1 / 120.0  # largest width of lines, as a share of the image's shorter side
RADIUS_SHARE = 0.25  # largest radius of a joint, as a share of its distance from its neighbours
LINK_SHARE = 0.15  # largest width of a link, as a share of its length
SHADOW, SHADOW_OPACITY = (20, 20, 20), 0.35
SHADOW_WIDTH = 3  # px, smallest width of lines that have a shadow, which would hide people far away
GHOST_OPACITY = 0.8  # of the box of somebody who is lost
PLATE_OPACITY = 0.7  # of labels that have no colour


def draw_poses(
    image: np.ndarray,
    poses: Poses,
    skeleton: Optional[Skeleton] = None,
    color_by: str = "side",
    legend: bool = False,
) -> np.ndarray:
    """Return a copy of an image with people drawn into it.

    A keypoint is left out, with its links, where its score is 0, or where it is not finite or farther away than an
    image reaches. The opacity of a joint follows its score, and that of a link the lower score of its ends. Lines grow
    with the person. Where keypoints are dense, as in a face or a hand, joints and links are small. Links across the
    body are green.

    The label of a person is the track id, or the score in per cent of a person who has none. It covers no heads and no
    other labels where there is room. Somebody TENTATIVE has thin lines and no label. Somebody LOST has a dashed box
    where they are expected.

    Args:
        image: (H, W, 3) uint8 BGR.
        poses: in pixels of the image.
        skeleton: the links between the keypoints, None for the skeleton of the poses.
        color_by: "side" (left warm, right cool) or "track" (one colour per person).
        legend: whether to write the sides' colours into a corner, where anybody is drawn in them.

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
    if not drawn.size:
        return drawn
    labels = _draw_people(drawn, poses, skeleton, color_by)
    taken = draw_labels(drawn, labels)
    if legend and labels and color_by == "side" and skeleton.flip_pairs:
        draw_legend(drawn, labels, taken)
    return drawn


def _draw_people(image: np.ndarray, poses: Poses, skeleton: Skeleton, color_by: str) -> List[Label]:
    """Draw the best people last, above the others; return the labels, those of the best people first."""
    on_head, sides = head_joints(skeleton), side_colors(skeleton)
    labels: List[Label] = []
    for index in np.argsort(poses.person_score, kind="stable").tolist():
        person = poses[index]
        found = (person.score > 0) & in_reach(person.xy) & (person.state != LOST)
        ends = person.xy[found] if found.any() else person.box_xyxy.reshape(2, 2)
        if not (found.any() or person.state == LOST) or not _meets(image, ends):
            continue
        box_xyxy = person.box_xyxy if in_reach(person.box_xyxy) else np.concatenate([ends.min(0), ends.max(0)])
        size_px = float((box_xyxy[2:] - box_xyxy[:2]).max())
        color = track_color(person.track_id)
        if person.state == LOST:
            _draw_ghost(image, box_xyxy, color)
        else:
            colors = sides if color_by == "side" else [color] * skeleton.num_keypoints
            _draw_skeleton(image, person, found, skeleton.links, colors, _line_width(image, size_px, person.state))
        head_xyxy = head_box(person.xy[found & on_head], box_xyxy, size_px)
        labels.insert(0, _label(person, letter_scale(image.shape, size_px), head_xyxy, box_xyxy))
    return labels


def _meets(image: np.ndarray, ends_xy: np.ndarray) -> bool:
    """Tell whether points (n, 2) px are near, and the box around them meets the image."""
    (left, top), (right, bottom) = ends_xy.min(0), ends_xy.max(0)
    inside = left < image.shape[1] and top < image.shape[0] and min(right, bottom) > -1
    return bool(in_reach(ends_xy).all() and inside)


def _line_width(image: np.ndarray, size_px: float, state: int) -> float:
    """Return the width of a person's lines in px, half of it for somebody who is not confirmed yet."""
    width = float(np.clip(size_px * WIDTH_SHARE, 1, max(3, min(image.shape[:2]) * WIDEST_SHARE)))
    return max(1, width / 2) if state == TENTATIVE else width


def _draw_skeleton(
    image: np.ndarray, person: Pose, found: np.ndarray, links: Pairs, colors: Sequence[Color], width: float
) -> None:
    """Draw links and joints after all shadows, so that no shadow covers the colour of a neighbour."""
    joints, xy = np.flatnonzero(found), np.where(found[:, None], person.xy, 0).astype(np.float64)
    pairs = np.array(links, int).reshape(-1, 2)
    bones = pairs[found[pairs].all(1)]
    opacities, painted = opacity(np.where(found, person.score, 0)), np.array(colors)
    radii = (spacing(xy, found)[joints] * RADIUS_SHARE).clip(0, width)
    lengths = np.linalg.norm(xy[bones[:, 0]] - xy[bones[:, 1]], axis=1)
    widths = (lengths * LINK_SHARE).clip(1, width)
    faintest = opacities[bones].min(1)
    across = (painted[bones[:, 0]] != painted[bones[:, 1]]).any(1)
    rim = width + 2
    paint = Paint(image, np.concatenate([xy[joints].min(0) - rim, xy[joints].max(0) + rim]))
    if width >= SHADOW_WIDTH:
        cast = radii >= 1  # shadows of single pixels would fill a small face
        paint.lines(xy[bones], _shadows(faintest), widths + 2)
        paint.discs(xy[joints[cast]], _shadows(opacities[joints[cast]]), radii[cast] + 1)
    paint.lines(xy[bones], ink_of(np.where(across[:, None], MIDDLE, painted[bones[:, 0]]), faintest), widths)
    paint.discs(xy[joints], ink_of(painted[joints], opacities[joints]), radii)
    paint.mix()


def _shadows(opacities: np.ndarray) -> np.ndarray:
    """Return the inks (n, 4) of the shadows below shapes of these opacities (n,)."""
    return ink_of(np.tile(SHADOW, (len(opacities), 1)), SHADOW_OPACITY * opacities)


def _draw_ghost(image: np.ndarray, box_xyxy: np.ndarray, color: Color) -> None:
    """Draw the dashed box of somebody who is out of sight."""
    height, width = image.shape[:2]
    left, top, right, bottom = np.clip(box_xyxy, (-9, -9, -9, -9), (width + 9, height + 9) * 2).tolist()
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom), (left, top)])
    dash = float(np.clip(np.ptp(corners, axis=0).max() / 20, 3, 12))
    paint = Paint(image, np.array([left - 2, top - 2, right + 2, bottom + 2]))
    for start, end in zip(corners[:-1], corners[1:]):
        count = int(np.ceil(np.linalg.norm(end - start) / dash)) // 2 * 2 + 1  # odd: dashes in both corners
        stops = np.linspace(start, end, count + 1)
        dashes = np.stack([stops[:-1:2], stops[1::2]], 1)
        inks = np.tile(ink_of(color, GHOST_OPACITY), (len(dashes), 1))
        paint.lines(dashes, inks, np.full(len(dashes), dash / 4))
    paint.mix()


def _label(person: Pose, scale: float, head_xyxy: np.ndarray, box_xyxy: np.ndarray) -> Label:
    """Return the label of a person, which has no text where somebody is not confirmed yet."""
    text, color, place = "#%d" % person.track_id, track_color(person.track_id), (scale, head_xyxy, box_xyxy)
    if person.state == TENTATIVE:
        return Label("", PLATE, 0.0, LIGHT, *place)
    if person.track_id == UNTRACKED:
        return Label("%.0f%%" % (100 * person.person_score), PLATE, PLATE_OPACITY, LIGHT, *place)
    if person.state == LOST:
        return Label(text + " lost", PLATE, PLATE_OPACITY, pale(color), *place)
    return Label(text, color, 1.0, letters_on(color), *place)
