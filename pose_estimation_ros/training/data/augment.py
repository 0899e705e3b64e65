"""Change people's boxes and pictures at random; the ranges are a recipe's ``augmentation``."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from pose_estimation_ros.core.geometry import boxes_around
from pose_estimation_ros.training.recipe import Augmentation

HALF_BODY = 1.5  # size of the crop of a half body, relative to the extent of its joints
CUT_OFF = (0.15, 0.6)  # share of a person's width or height outside the image, lowest and highest
COVERED = (0.15, 0.5)  # share of the crop's width and height behind an object, lowest and highest
FAR_AWAY = (1.5, 4.0)  # factor by which a person has fewer pixels, lowest and highest
SPLIT = (0.35, 0.65)  # share of a mosaic's width and height where its tiles meet, lowest and highest
LEAST_VISIBLE = 3  # smallest number of visible joints of a person who is cut off


class Randomness:
    """Hold numpy's random generator, which data/loader.py starts anew for each sample."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)

    def start(self, *key: int) -> None:
        """Start anew with random numbers that depend on nothing but the key."""
        self.rng = np.random.default_rng(key)

    def __call__(self) -> np.random.Generator:
        """Return the generator."""
        return self.rng


def happens(probability: float, rng: np.random.Generator) -> bool:
    """Decide at random whether a change happens.

    A probability of 0 draws nothing, so that recipes without this change keep their random numbers.

    Args:
        probability: 0..1.
        rng: random generator.
    """
    return probability > 0 and rng.random() < probability


def random_box(box: np.ndarray, ranges: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """Scale a box by 1 +- scale and shift it by +- shift of its size.

    A normal distribution of the factor has the standard deviation ``scale`` and is cut at 1 +- scale, as in HRNet's
    code.

    Args:
        box: (4,) xyxy px.
        ranges: the recipe's augmentation.
        rng: random generator.

    Returns:
        (4,) xyxy px.
    """
    centre, size = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
    centre = centre + rng.uniform(-1, 1, 2) * ranges.shift * size
    step = rng.uniform(-1, 1) if ranges.distribution == "uniform" else np.clip(rng.normal(), -1, 1)
    size = size * (1 + step * ranges.scale)
    return np.concatenate([centre - size / 2, centre + size / 2])


def half_body_box(
    box: np.ndarray,
    xy: np.ndarray,
    visible: np.ndarray,
    upper: np.ndarray,
    padding: float,
    rng: np.random.Generator,
    distribution: str = "uniform",
) -> np.ndarray:
    """Make a box around the visible joints of the upper or lower half of the body.

    Its centre is that of the joints' extent; with the distribution "normal", it is the joints' mean, as in HRNet's
    code.

    Args:
        box: (4,) xyxy px of the person.
        xy: (K, 2) px of the joints.
        visible: (K,) bool.
        upper: (K,) bool, which joints belong to the upper body.
        padding: factor by which the crop will enlarge the box; times this factor it is 1.5 times as large as the half.
        rng: random generator.
        distribution: that of the recipe's augmentation.

    Returns:
        (4,) xyxy px; the box itself for a person of up to 8 visible joints or a half of fewer than 3.
    """
    chosen = half_of_body(visible & upper, visible & ~upper, distribution, rng)
    if visible.sum() <= 8 or chosen.sum() < LEAST_VISIBLE:
        return box
    around = boxes_around(xy[None], chosen[None].astype(float), 0.5)[0].astype(float)
    margin = (HALF_BODY / padding - 1) / 2 * (around[2:] - around[:2])
    made: np.ndarray = np.concatenate([around[:2] - margin, around[2:] + margin])
    if distribution == "normal":
        made += np.tile(xy[chosen].mean(0) - (made[:2] + made[2:]) / 2, 2)
    return made


def half_of_body(upper: np.ndarray, lower: np.ndarray, distribution: str, rng: np.random.Generator) -> np.ndarray:
    """Choose the upper or the lower visible joints, either with probability 0.5.

    With the distribution "normal" it is HRNet's code: the upper half where a normal number is below 0.5, which is 69 %,
    and the other half where the chosen one has fewer than 3 joints.

    Args:
        upper: (K,) bool, visible joints of the upper body.
        lower: (K,) bool, visible joints of the lower body.
        distribution: that of the recipe's augmentation.
        rng: random generator.
    """
    if distribution == "uniform":
        return upper if rng.random() < 0.5 else lower
    is_upper = (rng.normal() < 0.5 and upper.sum() >= LEAST_VISIBLE) or lower.sum() < LEAST_VISIBLE
    return upper if is_upper else lower


def cut_off(
    frame: np.ndarray, box: np.ndarray, xy: np.ndarray, visible: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Cut the image as if the photograph ended within the person, at a random side; no paper does so.

    Joints beyond the new border are not labelled, as in COCO, and the box is cut at the border. Nothing changes where
    fewer than 3 joints would be left.

    Args:
        frame: (H, W, 3) image.
        box: (4,) xyxy px.
        xy: (K, 2) px of the joints.
        visible: (K,) bool.
        rng: random generator.

    Returns:
        frame, box, xy and visible after the cut.
    """
    side = rng.integers(4)  # side of box and view: left, top, right, bottom
    view = np.array([0, 0, frame.shape[1], frame.shape[0]])
    border = box[side] + rng.uniform(*CUT_OFF) * (box[(side + 2) % 4] - box[side])
    view[side] = np.clip(round(border), 1, view[2 + side % 2] - 1)
    low, high = view[:2], view[2:]
    still_visible = visible & ((xy >= low) & (xy < high)).all(1)
    if still_visible.sum() < LEAST_VISIBLE:
        return frame, box, xy, visible
    box = np.concatenate([np.maximum(box[:2], low), np.minimum(box[2:], high)]) - np.tile(low, 2)
    return frame[low[1] : high[1], low[0] : high[0]], box, xy - low, still_visible


def covered(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cover a part of the image by a rectangle of one random color.

    The method is "Random Erasing Data Augmentation" (Zhong et al., AAAI 2020, arXiv:1708.04896).

    Args:
        image: (3, h, w) float32.
        rng: random generator.

    Returns:
        (3, h, w) float32.
    """
    height, width = (image.shape[1:] * rng.uniform(*COVERED, 2)).astype(int)
    y, x = rng.integers(np.array(image.shape[1:]) - (height, width) + 1)
    changed = image.copy()
    changed[:, y : y + height, x : x + width] = rng.uniform(0, 255, (3, 1, 1))
    return changed


def far_away(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Make an image look like one of a distant person: shrink it and enlarge it again; no paper does so.

    Args:
        image: (3, h, w) float32.
        rng: random generator.

    Returns:
        (3, h, w) float32.
    """
    height, width = image.shape[1:]
    factor = rng.uniform(*FAR_AWAY)
    small_wh = round(width / factor), round(height / factor)  # factors fx, fy would shift the image on the way back
    small = cv2.resize(image.transpose(1, 2, 0), small_wh, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR).transpose(2, 0, 1)


def shrink(frame: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shrink an image by a whole number where its view is to be less than half its size, which would leave out pixels.

    Args:
        frame: (H, W, 3) uint8 BGR.
        matrix: (2, 3) affine map image -> view.

    Returns:
        The image, each pixel the mean of those it replaces, and the map of it to the view.
    """
    factor = int(1 / np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if factor < 2:
        return frame, matrix
    old_wh = np.array(frame.shape[1::-1])
    new_wh = np.maximum(old_wh // factor, 1)
    back = np.vstack([np.column_stack([np.diag(old_wh / new_wh), (old_wh / new_wh - 1) / 2]), [0, 0, 1]])
    return cv2.resize(frame, (int(new_wh[0]), int(new_wh[1])), interpolation=cv2.INTER_AREA), matrix @ back


def random_rotation(ranges: Augmentation, rng: np.random.Generator) -> float:
    """Draw an angle in degrees within +- rotation_deg, or 0 with probability 1 - rotation_probability.

    A normal distribution has the standard deviation ``rotation_deg`` and is cut at twice that, as in HRNet's code.

    Args:
        ranges: the recipe's augmentation.
        rng: random generator.
    """
    if ranges.distribution == "uniform":
        angle = rng.uniform(-ranges.rotation_deg, ranges.rotation_deg)
    else:
        angle = ranges.rotation_deg * float(np.clip(rng.normal(), -2, 2))
    return angle if rng.random() < ranges.rotation_probability else 0.0


def random_turn(scale: float, ranges: Augmentation, rng: np.random.Generator) -> tuple[np.ndarray, bool]:
    """Draw the linear part of an affine map that scales, rotates and perhaps mirrors.

    Args:
        scale: factor on lengths.
        ranges: the recipe's augmentation, for rotation and flip.
        rng: random generator.

    Returns:
        (2, 2) float64, and whether it mirrors.
    """
    angle, flip = np.deg2rad(random_rotation(ranges, rng)), bool(rng.random() < ranges.flip)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if flip:
        linear[0] *= -1
    return linear, flip


def random_split(size_wh: Sequence[int], rng: np.random.Generator) -> tuple[int, int]:
    """Draw x and y in px where the four tiles of a mosaic of this width and height meet."""
    x, y = (int(side * rng.uniform(*SPLIT)) for side in size_wh)
    return x, y


def mosaic_tiles(split_xy: Sequence[int], size_wh: Sequence[int]) -> list[tuple[int, int, int, int]]:
    """List left, top, width and height in px of the tiles top left, top right, bottom left and bottom right.

    Args:
        split_xy: px where they meet.
        size_wh: width and height of the mosaic in px.
    """
    (x, y), (width, height) = split_xy, size_wh
    return [(0, 0, x, y), (x, 0, width - x, y), (0, y, x, height - y), (x, y, width - x, height - y)]


def random_zoom(ranges: Augmentation, rng: np.random.Generator) -> float:
    """Draw the size of a whole image within the range ``zoom``, uniform in its logarithm, in itself or in the view.

    Args:
        ranges: the recipe's augmentation; the view, of which its ``zoom_uniform_in`` may speak, is 1 / size.
        rng: random generator.
    """
    low, high = ranges.zoom
    if ranges.zoom_uniform_in == "view":
        return 1 / rng.uniform(1 / high, 1 / low)
    if ranges.zoom_uniform_in == "size":
        return rng.uniform(low, high)
    return float(np.exp(rng.uniform(*np.log(ranges.zoom))))


def random_color(image: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Change contrast, brightness and color balance of an image.

    Args:
        image: (3, h, w) float32 0..255.
        amount: largest relative change of each.
        rng: random generator.

    Returns:
        (3, h, w) float32 0..255.
    """
    gain = (1 + rng.uniform(-amount, amount)) * (1 + rng.uniform(-amount, amount, (3, 1, 1)) / 4)
    changed = image * gain.astype(np.float32)
    changed += np.float32(128 * rng.uniform(-amount, amount))
    return np.clip(changed, 0, 255, out=changed)
