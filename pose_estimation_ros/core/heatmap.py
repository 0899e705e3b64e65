"""Encode keypoints as heatmaps and decode heatmaps to keypoints.

Pixel j of a heatmap lies at pixel ``stride * j`` of the network's input.
"""

from typing import Sequence, Tuple

import numpy as np


def encode(
    xy: np.ndarray, visible: np.ndarray, size_wh: Sequence[int], sigma: float = 2.0
) -> Tuple[np.ndarray, np.ndarray]:
    """Make Gaussian targets with peak 1, like HRNet's but without rounding the centre to whole pixels.

    Args:
        xy: (K, 2) heatmap px.
        visible: (K,) bool.
        size_wh: (width, height) px of the heatmap.
        sigma: standard deviation of the Gaussian, heatmap px.

    Returns:
        heatmaps: (K, h, w) float32.
        weight: (K,) float32, 0 for keypoints that are invisible or more than 3 sigma outside, else 1.
    """
    width, height = size_wh
    reach = 3 * sigma
    inside = ((xy > -reach) & (xy < np.array([width, height]) - 1 + reach)).all(-1)
    weight = (np.asarray(visible, bool) & inside).astype(np.float32)
    x = np.exp(-((np.arange(width) - xy[:, :1]) ** 2) / (2 * sigma**2)).astype(np.float32)
    y = np.exp(-((np.arange(height) - xy[:, 1:]) ** 2) / (2 * sigma**2)).astype(np.float32)
    return (y * weight[:, None])[:, :, None] * x[:, None, :], weight


def decode(heatmaps: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Find the highest peak of each heatmap.

    The peak moves a quarter pixel towards its higher neighbour on each axis, except at the rim, as in the test protocol
    of "Deep High-Resolution Representation Learning for Human Pose Estimation" (HRNet), arXiv:1902.09212.

    Args:
        heatmaps: (N, K, h, w). One that holds NaN, or whose highest value is infinite, has no peak: xy and score are 0.

    Returns:
        xy: (N, K, 2) float32 heatmap px.
        score: (N, K) float32, the value of the peak cut to 0..1.
    """
    count, joints, height, width = heatmaps.shape
    flat = np.ascontiguousarray(heatmaps, np.float32).reshape(count * joints, height * width)
    peak = flat.argmax(1) if flat.size else np.zeros(0, int)
    rows = np.arange(len(flat))
    value = flat[rows, peak]  # argmax takes NaN for the highest
    with np.errstate(invalid="ignore"):
        xy = quarter_offset(flat, rows, peak, width)
    finite = np.isfinite(value) & np.isfinite(xy).all(1)
    xy, score = np.where(finite[:, None], xy, 0), np.where(finite, np.clip(value, 0, 1), 0)
    return xy.reshape(count, joints, 2), score.reshape(count, joints)


def quarter_offset(flat: np.ndarray, rows: np.ndarray, peak: np.ndarray, width: int) -> np.ndarray:
    """Move peaks a quarter pixel towards the higher neighbour on each axis, except at the rim.

    Args:
        flat: (R, h * w) heatmaps.
        rows: (M,) heatmap of each peak.
        peak: (M,) index of each peak in its heatmap.
        width: width of a heatmap, px.

    Returns:
        xy (M, 2) float32 heatmap px.
    """
    y, x = np.divmod(peak, width)
    inner_x, inner_y = (x > 0) & (x < width - 1), (y > 0) & (y < flat.shape[1] // width - 1)
    dx = flat[rows, peak + inner_x] - flat[rows, peak - inner_x]  # 0 at the rim: both are the peak
    dy = flat[rows, peak + width * inner_y] - flat[rows, peak - width * inner_y]
    return np.stack([x + 0.25 * np.sign(dx), y + 0.25 * np.sign(dy)], -1).astype(np.float32)


def merge_flip(heatmaps: np.ndarray, flipped: np.ndarray, flip_index: np.ndarray) -> np.ndarray:
    """Average the heatmaps of an image and of its mirror image.

    The mirrored map is turned back, left and right joints are exchanged, and it is shifted one pixel to the right,
    because pixel j of a stride-s map is centred at s*j, not at its middle (HRNet's SHIFT_HEATMAP).

    Args:
        heatmaps: (N, K, h, w) of the image.
        flipped: (N, K, h, w) of its mirror image.
        flip_index: (K,) index of the opposite joint.

    Returns:
        (N, K, h, w).
    """
    unflipped = flipped[:, flip_index, :, ::-1]
    shifted = np.concatenate([unflipped[..., :1], unflipped[..., :-1]], -1)
    merged: np.ndarray = (heatmaps + shifted) / 2
    return merged
