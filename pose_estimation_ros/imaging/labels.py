"""Find room for the labels of people and for a legend, so that they cover no faces.

Each label takes the best of some places around the head: a place costs what it covers of heads, of labels that are
already there, and of other people. Labels above the head are preferred.
"""

from string import digits
from typing import List, NamedTuple, Sequence, Tuple

import numpy as np

from pose_estimation_ros.core.colors import LEFT, RIGHT
from pose_estimation_ros.core.geometry import shared_area
from pose_estimation_ros.core.skeleton import Skeleton, words_of
from pose_estimation_ros.imaging.paint import Color, Paint, ink_of, text_size, write

HEAD_WORDS = {"nose", "eye", "ear", "head", "face"}  # words of the names of keypoints that lie on a head
HEAD_SHARE = 0.09  # half the side of a head, as a share of a standing person's height
FACE_SHARE = 0.8  # half the side of a head, as a share of the extent of its keypoints
HEAD_COST, LABEL_COST, BODY_COST, ORDER_COST = 10.0, 10.0, 0.3, 0.05  # costs of a place, where it covers these
SCALES = (0.4, 1.1)  # smallest and largest scale of letters
PLATE, DARK, LIGHT = (40, 40, 40), (20, 20, 20), (255, 255, 255)
LEGEND_SHARE = 0.1  # of an image, which a legend covers at most
BODY_SHARE = 0.3  # of a legend, which may cover bodies
LEGEND = (("their left", LEFT), ("their right", RIGHT))


class Label(NamedTuple):
    """Hold the label of a person.

    Attributes:
        text: what is written, "" for no label.
        plate: colour of the plate, BGR.
        opacity: opacity of the plate, 0..1.
        letters: colour of the text, BGR.
        scale: scale of the font.
        head_xyxy: (4,) px, the person's head, which no label shall cover.
        box_xyxy: (4,) px, the person's box.
    """

    text: str
    plate: Color
    opacity: float
    letters: Color
    scale: float
    head_xyxy: np.ndarray
    box_xyxy: np.ndarray


def draw_labels(image: np.ndarray, labels: Sequence[Label]) -> np.ndarray:
    """Write labels into an image, the first ones at the best places.

    Args:
        image: (H, W, 3) uint8 BGR.
        labels: of all people; one without text only keeps others away from its head.

    Returns:
        (n, 4) xyxy px, where those with text are.
    """
    heads = np.array([label.head_xyxy for label in labels]).reshape(-1, 4)
    boxes = np.array([label.box_xyxy for label in labels]).reshape(-1, 4)
    taken = np.zeros((0, 4))
    for index, label in enumerate(labels):
        if not label.text:
            continue
        width, height = _plate_size(label)
        places = _inside(_places(label.head_xyxy, label.box_xyxy, width, height), image.shape)
        cost = HEAD_COST * _covered(places, heads) + LABEL_COST * _covered(places, taken)
        cost += BODY_COST * _covered(places, np.delete(boxes, index, 0)) + ORDER_COST * np.arange(len(places))
        place = places[cost.argmin()]
        _draw_plate(image, place, label)
        taken = np.concatenate([taken, place[None]])
    return taken


def _plate_size(label: Label) -> Tuple[int, int]:
    """Return width and height of a label's plate, px."""
    width, height, below = text_size(label.text, label.scale)
    return width + 6, height + below + 2


def _places(head_xyxy: np.ndarray, box_xyxy: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return places (P, 4) xyxy px for a label of that size, the preferred ones first."""
    left, top, right, bottom = head_xyxy
    x, y, gap = (left + right - width) / 2, (top + bottom - height) / 2, 2
    above = top - height - gap
    corners = [
        (x, above),
        (left, above),
        (right - width, above),
        (right + gap, top),
        (left - width - gap, top),
        (x, above - height - gap),
        (right + gap, y),
        (left - width - gap, y),
        (right, above),
        (left - width, above),
        (right + width / 2, above - height),
        (left - 1.5 * width, above - height),
        (x, bottom + gap),
        ((box_xyxy[0] + box_xyxy[2] - width) / 2, box_xyxy[3] + gap),
    ]
    return np.array([(a, b, a + width, b + height) for a, b in corners])


def _inside(boxes: np.ndarray, shape: Tuple[int, ...]) -> np.ndarray:
    """Return boxes (P, 4) xyxy px in whole px, moved into an image of that shape as far as they fit."""
    size = boxes[:, 2:] - boxes[:, :2]
    room = np.maximum((shape[1], shape[0]) - size, 0)
    corner = np.rint(np.clip(boxes[:, :2], 0, room))
    return np.concatenate([corner, corner + size], 1)


def _covered(places: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the area (P,) of other boxes (M, 4) that each place (P, 4) covers, in areas of a place."""
    share: np.ndarray = shared_area(places, others).sum(1) / np.maximum((places[:, 2:] - places[:, :2]).prod(1), 1)
    return share


def _draw_plate(image: np.ndarray, place_xyxy: np.ndarray, label: Label) -> None:
    paint = Paint(image, place_xyxy)
    paint.plate(place_xyxy, ink_of(label.plate, label.opacity))
    paint.mix()
    start_xy = place_xyxy[[0, 3]] + (3, -1 - text_size(label.text, label.scale)[2])
    write(image, label.text, start_xy, label.letters, label.scale)


def pale(color: Color) -> Color:
    """Return a colour halfway to white."""
    blue, green, red = ((channel + 255) // 2 for channel in color)
    return blue, green, red


def letters_on(color: Color) -> Color:
    """Return the colour of letters that can be read on a plate, by the plate's luma (ITU-R BT.601)."""
    return DARK if np.dot(color, (0.114, 0.587, 0.299)) > 140 else LIGHT


def head_joints(skeleton: Skeleton) -> np.ndarray:
    """Return which of the K keypoints lie on a head, as their names say: (K,) bool."""
    words = [{word.rstrip(digits) for word in words_of(name)} for name in skeleton.keypoints]
    return np.array([bool(HEAD_WORDS & of_name) for of_name in words])


def head_box(points: np.ndarray, box_xyxy: np.ndarray, size_px: float) -> np.ndarray:
    """Return the box around a person's head, which lies at the top of the person's box where no keypoint tells.

    Args:
        points: (n, 2) px, the keypoints that lie on the head.
        box_xyxy: (4,) px, the person's box.
        size_px: longer side of the box.

    Returns:
        (4,) xyxy px.
    """
    half = HEAD_SHARE * size_px
    middle = np.array([(box_xyxy[0] + box_xyxy[2]) / 2, box_xyxy[1] + half])
    if len(points):
        first, last = points.min(0), points.max(0)
        middle, half = (first + last) / 2, max(half, FACE_SHARE * float((last - first).max()))
    head_xyxy = np.concatenate([middle - half, middle + half])
    if 0 < head_xyxy[1] - box_xyxy[1] < 2 * half:
        head_xyxy[1] = box_xyxy[1]  # up to the hair or the hat
    return head_xyxy


def letter_scale(shape: Tuple[int, ...], size_px: float) -> float:
    """Return the scale of letters for an image of that shape and a person of that size in px."""
    usual, share = min(shape[:2]) / 900.0, size_px / (0.4 * min(shape[:2]))
    return float(np.clip(usual * np.clip(share, 0.75, 1.0), *SCALES))


def draw_legend(image: np.ndarray, labels: Sequence[Label], taken: np.ndarray) -> None:
    """Write what the colours of the sides mean into the first corner, from the lower left on, that is free.

    A small image has no room for it. A little of somebody's body may be covered, so that the legend of a video seldom
    moves.

    Args:
        image: (H, W, 3) uint8 BGR.
        labels: labels of all people, which know heads and boxes.
        taken: (n, 4) xyxy px, places of the labels.
    """
    scale = 0.8 * letter_scale(image.shape, np.inf)
    widths, heights, depths = zip(*(text_size(text, scale) for text, _ in LEGEND))
    line = max(heights) + max(depths) + 2
    width, height = max(widths) + line + 8, line * len(LEGEND) + 4
    if width * height > LEGEND_SHARE * image.shape[0] * image.shape[1]:
        return
    corners = _corners(image.shape, width, height, 4)
    heads, boxes = (np.array(of_all).reshape(-1, 4) for of_all in zip(*(label[-2:] for label in labels)))
    hidden = _covered(corners, np.concatenate([heads, taken]))
    place = corners[(HEAD_COST * hidden + np.maximum(_covered(corners, boxes) - BODY_SHARE, 0)).argmin()]
    base_lines = place[1] + 2 + line * np.arange(1, len(LEGEND) + 1) - max(depths)
    paint = Paint(image, place)
    paint.plate(place, ink_of(PLATE, 0.6))
    x = np.full(len(LEGEND), place[0] + 4 + line / 2)
    colors, radii = [color for _, color in LEGEND], np.full(len(LEGEND), 0.3 * line)
    paint.discs(np.stack([x, base_lines - max(heights) / 2], 1), ink_of(colors, np.ones(len(LEGEND))), radii)
    paint.mix()
    for y, (text, _) in zip(base_lines, LEGEND):
        write(image, text, np.array([place[0] + line + 4, y]), LIGHT, scale)


def _corners(shape: Tuple[int, ...], width: int, height: int, margin: int) -> np.ndarray:
    """Return boxes (4, 4) xyxy px of a size in the corners of an image: lower left and right, upper left and right."""
    right, bottom = shape[1] - width - margin, shape[0] - height - margin
    corners: List[Tuple[int, int]] = [(margin, bottom), (right, bottom), (margin, margin), (right, margin)]
    return np.array([(x, y, x + width, y + height) for x, y in corners])
