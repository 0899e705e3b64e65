"""Random changes of a person's box and picture; the ranges are a recipe's ``augmentation``."""

from __future__ import annotations

import numpy as np

from pose_estimation_ros.core.geometry import boxes_around
from pose_estimation_ros.training.config import Augmentation

HALF_BODY = 1.5  # crop of a half body, relative to its joints


class Randomness:
    """numpy's generator, begun anew for each sample by the loader (data/loader.py)."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)

    def start(self, *key: int) -> None:
        """From here on, random numbers that depend on nothing but the key."""
        self.rng = np.random.default_rng(key)

    def __call__(self) -> np.random.Generator:
        return self.rng


def random_box(box: np.ndarray, ranges: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """A box xyxy scaled by 1 +- scale and shifted by +- shift of its size."""
    centre, size = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
    centre = centre + rng.uniform(-1, 1, 2) * ranges.shift * size
    size = size * (1 + rng.uniform(-1, 1) * ranges.scale)
    return np.concatenate([centre - size / 2, centre + size / 2])


def half_body_box(
    box: np.ndarray, xy: np.ndarray, visible: np.ndarray, upper: np.ndarray, padding: float, rng: np.random.Generator
) -> np.ndarray:
    """A box around the upper or lower half's visible joints that, times ``padding``, is 1.5 times as large (HRNet).

    Unchanged under 3 joints. xy (K, 2) px, visible (K,) bool, upper (K,) bool: which joints belong to the upper body.
    """
    chosen = visible & (upper if rng.random() < 0.5 else ~upper)
    if visible.sum() <= 8 or chosen.sum() < 3:
        return box
    around = boxes_around(xy[None], chosen[None].astype(float), 0.5)[0].astype(float)
    grow = (HALF_BODY / padding - 1) / 2 * (around[2:] - around[:2])
    return np.concatenate([around[:2] - grow, around[2:] + grow])


def random_rotation(ranges: Augmentation, rng: np.random.Generator) -> float:
    """Degrees within +- rotation_deg, or 0 with probability 1 - rotation_probability.

    Uniform, as the papers give ranges; HRNet's code draws from a normal distribution cut at twice the number it names.
    """
    angle = rng.uniform(-ranges.rotation_deg, ranges.rotation_deg)
    return angle if rng.random() < ranges.rotation_probability else 0.0


def random_color(image: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Contrast, brightness and colour balance of (3, h, w) float32 0..255, each changed by up to +- amount."""
    gain = (1 + rng.uniform(-amount, amount)) * (1 + rng.uniform(-amount, amount, (3, 1, 1)) / 4)
    changed = image * gain.astype(np.float32)
    changed += np.float32(128 * rng.uniform(-amount, amount))
    return np.clip(changed, 0, 255, out=changed)
