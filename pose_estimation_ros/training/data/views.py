"""Make the pictures of bottom-up training: views of scenes, four beside each other, and people in front of them.

A person is cut out of a photograph along the convex hull of the joints, with a margin and a soft edge, so that no
rectangle tells the network where somebody is. Cutting people out to make training scenes of exact labels is from
"Simple Copy-Paste is a Strong Data Augmentation Method for Instance Segmentation" (Ghiasi et al., CVPR 2021,
arXiv:2012.07177); there are outlines of people there, which sets of keypoints lack.
"""

from __future__ import annotations

from typing import NamedTuple, Sequence

import cv2
import numpy as np
from pycocotools import mask as rle

from pose_estimation_ros.core.geometry import apply
from pose_estimation_ros.imaging.crops import warp_crops
from pose_estimation_ros.training.data.augment import happens, mosaic_tiles, random_color, random_turn, shrink
from pose_estimation_ros.training.data.scenes import Scene
from pose_estimation_ros.training.recipe import Augmentation

LEAST_JOINTS = 8  # labelled joints of a person who is put in front of another picture
MARGIN = 0.12  # around the hull of the joints, relative to the longer side of the person's box
SOFTNESS = 0.25  # standard deviation of the soft edge, relative to the margin
HIDING = 0.5  # share of the front picture from which it hides what is behind
NEIGHBOUR = 0.5  # probability that a person is put beside another one, of a similar size
SIMILAR = 0.3  # +- of the logarithm of a neighbour's size


class View(NamedTuple):
    """Hold a picture and its people.

    Attributes:
        image: (3, h, w) float32 RGB 0..255.
        xy: (P, K, 2) px, places of joints.
        peak: (P, K) height of each joint's heatmap, 0 where the joint is not labelled.
        unknown: (P, K) bool, whether a joint without a label may be somewhere in the box.
        corners: (P, 4, 2) px of the people's boxes.
        ignored: (h, w) uint8, 1 where nothing is known about unlabelled joints.
    """

    image: np.ndarray
    xy: np.ndarray
    peak: np.ndarray
    unknown: np.ndarray
    corners: np.ndarray
    ignored: np.ndarray


def make_view(frame: np.ndarray, scene: Scene, matrix: np.ndarray, order: np.ndarray, size_wh: Sequence[int]) -> View:
    """Make the view of a part of an image.

    A small view shows means over the image's pixels, where HigherHRNet's code leaves pixels out.

    Args:
        frame: (H, W, 3) uint8 BGR.
        scene: the image's people.
        matrix: (2, 3) affine map image -> view px.
        order: (K,) index of the joint that becomes each joint, the skeleton's flip_index where the map mirrors.
        size_wh: width and height of the view in px.
    """
    width, height = int(size_wh[0]), int(size_wh[1])
    ignored: np.ndarray = np.zeros((height, width), np.uint8)
    if scene.ignored:
        region = rle.decode(scene.ignored)  # type: ignore[arg-type]
        ignored = cv2.warpAffine(region, matrix, (width, height), flags=cv2.INTER_NEAREST)
    small, to_view = shrink(frame, matrix)
    return View(
        warp_crops(small, to_view[None], size_wh)[0],
        apply(matrix, scene.keypoints[:, order, :2].astype(float)),
        scene.peak[:, order],
        scene.unknown[:, order],
        apply(matrix, scene.corners.astype(float)),
        ignored,
    )


def with_random_color(view: View, ranges: Augmentation, rng: np.random.Generator) -> View:
    """Return the view with its colours changed as ``random_color`` does."""
    return view._replace(image=random_color(view.image, ranges.color, rng)) if ranges.color else view


def join_views(views: Sequence[View], split_xy: Sequence[int], size_wh: Sequence[int]) -> View:
    """Join four views to a 2 x 2 mosaic; joints and boxes end where their view does.

    Args:
        views: top left, top right, bottom left, bottom right.
        split_xy: px where they meet.
        size_wh: width and height of the mosaic in px.
    """
    width, height = size_wh
    image, ignored = np.empty((3, height, width), np.float32), np.empty((height, width), np.uint8)
    peak, corners = [], []
    places = mosaic_tiles(split_xy, size_wh)
    for view, (left, top, w, h) in zip(views, places):
        image[:, top : top + h, left : left + w], ignored[top : top + h, left : left + w] = view.image, view.ignored
        peak.append(view.peak * is_inside(view.xy, (w, h)))
        corners.append(np.clip(view.corners, -0.5, np.array([w, h]) - 0.5) + (left, top))
    xy = np.concatenate([view.xy + place[:2] for view, place in zip(views, places)])
    unknown = np.concatenate([view.unknown for view in views])
    return View(image, xy, np.concatenate(peak), unknown, np.concatenate(corners), ignored)


def is_inside(xy: np.ndarray, size_wh: Sequence[int]) -> np.ndarray:
    """Return whether the pixels (..., 2) nearest to points are in a picture of this width and height."""
    pixel = np.round(xy)
    return np.asarray(((pixel >= 0) & (pixel < np.asarray(size_wh))).all(-1))


def can_be_pasted(scene: Scene) -> bool:
    """Tell whether an image shows one labelled person, with enough joints to cut the person out."""
    return len(scene.keypoints) == 1 and int((scene.peak[0] > 0).sum()) >= LEAST_JOINTS


def random_place(view: View, ranges: Augmentation, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Draw where a person is put, and how large: anywhere, or beside and partly over somebody of a similar size.

    Args:
        view: the picture behind.
        ranges: the recipe's augmentation.
        rng: random generator.

    Returns:
        (2,) px of the middle of the person's box, and the length of its longer side in px.
    """
    shortest, longest = ranges.pasted_px
    if len(view.corners) and happens(NEIGHBOUR, rng):
        box = view.corners[rng.integers(len(view.corners))]
        low, high = box.min(0), box.max(0)
        length = (high - low).max() * np.exp(rng.uniform(-SIMILAR, SIMILAR))
        aside = rng.uniform((-1, -0.3), (1, 0.3)) * (high - low)
        return (low + high) / 2 + aside, min(max(float(length), shortest), longest)
    size = np.array(view.ignored.shape[::-1])
    return rng.uniform(size=2) * size, float(np.exp(rng.uniform(*np.log(ranges.pasted_px))))


def placing_matrix(
    box: np.ndarray, centre: np.ndarray, length: float, ranges: Augmentation, rng: np.random.Generator
) -> tuple[np.ndarray, bool]:
    """Draw an affine map image -> picture that brings a person to a place.

    Args:
        box: (4, 2) px, corners of the person's box in the image.
        centre: (2,) px where the box's middle comes to lie.
        length: length of the box's longer side there, in px.
        ranges: the recipe's augmentation, for rotation and flip.
        rng: random generator.

    Returns:
        (2, 3) float64, and whether it mirrors.
    """
    low, high = box.min(0).astype(float), box.max(0).astype(float)
    linear, flip = random_turn(length / max((high - low).max(), 1.0), ranges, rng)
    return np.concatenate([linear, (centre - linear @ (low + high) / 2)[:, None]], 1), flip


def cut_out(joints: np.ndarray, picture: np.ndarray, length: float) -> np.ndarray:
    """Return where a person is: 1 around the joints, softly falling to 0 at the margin and at the photograph's edge.

    Args:
        joints: (N, 2) px of the labelled joints.
        picture: (h, w) uint8, 1 where the photograph is.
        length: longer side of the person's box in px.

    Returns:
        (h, w) float32.
    """
    margin = max(MARGIN * length, 1.0)
    hull = cv2.convexHull(np.round(joints).astype(np.int32))
    region = np.zeros_like(picture)
    cv2.fillConvexPoly(region, hull, 1)
    cv2.polylines(region, [hull], True, 1, round(2 * margin))
    soft = SOFTNESS * margin
    edge = np.ones((2 * round(soft) + 1,) * 2, np.uint8)
    region &= cv2.erode(picture, edge, borderType=cv2.BORDER_CONSTANT, borderValue=1)
    alpha: np.ndarray = cv2.GaussianBlur(region.astype(np.float32), (0, 0), soft)
    return alpha


def share_of_person(
    frame: np.ndarray, matrix: np.ndarray, joints: np.ndarray, length: float, size_wh: Sequence[int]
) -> np.ndarray:
    """Return where the person of a photograph is in a view of it, see cut_out.

    Args:
        frame: (H, W, 3), the photograph.
        matrix: (2, 3) affine map photograph -> view px.
        joints: (N, 2) px of the view, the labelled joints.
        length: longer side of the person's box in px of the view.
        size_wh: width and height of the view in px.

    Returns:
        (h, w) float32.
    """
    picture = cv2.warpAffine(np.ones(frame.shape[:2], np.uint8), matrix, tuple(size_wh), flags=cv2.INTER_NEAREST)
    return cut_out(joints, picture, length)


def share_of_photograph(frame: np.ndarray, matrix: np.ndarray, size_wh: Sequence[int]) -> np.ndarray:
    """Return how much of the photograph (H, W, 3) each pixel of a view shows, as ``warp_crops`` mixes it with black.

    Args:
        frame: the photograph.
        matrix: (2, 3) affine map photograph -> view px.
        size_wh: width and height of the view in px.

    Returns:
        (h, w) float32 0..1.
    """
    whole: np.ndarray = np.ones(frame.shape[:2], np.float32)
    return cv2.warpAffine(whole, matrix, (int(size_wh[0]), int(size_wh[1])), flags=cv2.INTER_LINEAR)


def window_around(joints: np.ndarray, reach: float, size_wh: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners low and high (2,) int, high not included, of what points and a reach around cover.

    Args:
        joints: (N, 2) px.
        reach: px.
        size_wh: width and height of the picture in px; the window ends there and may be empty.
    """
    low = np.floor(joints.min(0) - reach).clip(0, size_wh).astype(int)
    high = np.ceil(joints.max(0) + reach + 1).clip(0, size_wh).astype(int)
    return low, high


def paste(view: View, front: View, share: np.ndarray, low: np.ndarray) -> View:
    """Put a picture in front of another one.

    Joints behind it are not known any more; whoever has no other joint leaves. Joints of the picture in front are not
    known where less than half of it is seen.

    Args:
        view: the picture behind; its image and ignored region are changed.
        front: what is put in front.
        share: (h, w) float32 0..1, how much of ``front`` is seen.
        low: (2,) px, where its top left comes to lie.
    """
    (left, top), (h, w) = low, share.shape
    window = np.s_[top : top + h, left : left + w]
    behind = view.image[:, window[0], window[1]]
    behind += (front.image - behind) * share
    hidden = share > HIDING
    view.ignored[window] = np.where(hidden, front.ignored, view.ignored[window])
    lost = (view.peak > 0) & covered_by(hidden, view.xy - low)
    stays = ~lost.any(1) | ((view.peak > 0) & ~lost).any(1)
    unseen = (front.peak > 0) & covered_by(~hidden, front.xy)
    return View(
        view.image,
        np.concatenate([view.xy[stays], front.xy + low]),
        np.concatenate([np.where(lost, 0, view.peak)[stays], np.where(unseen, 0, front.peak)]),
        np.concatenate([(view.unknown | lost)[stays], front.unknown | unseen]),
        np.concatenate([view.corners[stays], front.corners + low]),
        view.ignored,
    )


def covered_by(region: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Return which of the points (P, K, 2) px lie in a region (h, w) bool, (P, K) bool."""
    size_wh = region.shape[::-1]
    inside = is_inside(xy, size_wh)
    x, y = np.moveaxis(np.where(inside[..., None], np.round(xy), 0).astype(int), -1, 0)
    covered: np.ndarray = inside & region[y, x] if region.size else inside
    return covered


def paste_person(
    view: View,
    frame: np.ndarray,
    scene: Scene,
    flip_index: np.ndarray,
    ranges: Augmentation,
    rng: np.random.Generator,
) -> View:
    """Put the person of a photograph at a random place in front of a picture.

    Args:
        view: the picture; its image and ignored region are changed.
        frame: (H, W, 3) uint8 BGR, the photograph.
        scene: its person, see can_be_pasted.
        flip_index: (K,) index of the opposite joint.
        ranges: the recipe's augmentation.
        rng: random generator.
    """
    centre, length = random_place(view, ranges, rng)
    matrix, flip = placing_matrix(scene.corners[0], centre, length, ranges, rng)
    order = flip_index if flip else np.arange(len(flip_index))
    joints = apply(matrix, scene.keypoints[0, scene.peak[0] > 0, :2].astype(float))
    low, high = window_around(joints, 1.5 * MARGIN * length, view.ignored.shape[::-1])
    if not (low < high).all():
        return view
    local = matrix - [[0, 0, low[0]], [0, 0, low[1]]]
    front = make_view(frame, scene, local, order, high - low)
    width, height = (int(side) for side in high - low)
    share = share_of_person(frame, local, joints - low, length, (width, height))
    return paste(view, with_random_color(front, ranges, rng), share, low)
