"""Keypoints <-> heatmaps. A heatmap pixel j lies at pixel ``stride * j`` of the network's input."""

import numpy as np


def encode(xy: np.ndarray, visible: np.ndarray, size_wh: tuple, sigma: float = 2.0) -> tuple:
    """Gaussian targets with peak 1 (HRNet's, without rounding the centre to whole pixels).

    Args: xy (K, 2) in heatmap px, visible (K,) bool, size_wh of the heatmap, sigma in heatmap px.
    Returns heatmaps (K, h, w) float32 and weight (K,) float32: 0 where invisible or more than 3 sigma outside.
    """
    width, height = size_wh
    reach = 3 * sigma
    inside = ((xy > -reach) & (xy < np.array([width, height]) - 1 + reach)).all(-1)
    weight = (np.asarray(visible, bool) & inside).astype(np.float32)
    x = np.exp(-((np.arange(width) - xy[:, :1]) ** 2) / (2 * sigma**2)).astype(np.float32)
    y = np.exp(-((np.arange(height) - xy[:, 1:]) ** 2) / (2 * sigma**2)).astype(np.float32)
    return (y * weight[:, None])[:, :, None] * x[:, None, :], weight


def decode(heatmaps: np.ndarray) -> tuple:
    """Find the peaks of (N, K, h, w): xy (N, K, 2) float32 in heatmap px, score (N, K) float32, the peak cut to 0..1.

    A heatmap that holds NaN, or whose highest value is infinite, has no peak: xy and score are 0. The peak moves a
    quarter pixel towards its higher neighbour on each axis (papers' test protocol), except at the rim.
    """
    count, joints, height, width = heatmaps.shape
    flat = np.ascontiguousarray(heatmaps, np.float32).reshape(count * joints, height * width)
    peak = flat.argmax(1) if flat.size else np.zeros(0, int)
    rows = np.arange(len(flat))
    value = flat[rows, peak]  # argmax takes NaN for the highest
    with np.errstate(invalid="ignore"):
        xy = quarter_offset(flat, rows, peak, width)
    found = np.isfinite(value) & np.isfinite(xy).all(1)
    xy, score = np.where(found[:, None], xy, 0), np.where(found, np.clip(value, 0, 1), 0)
    return xy.reshape(count, joints, 2), score.reshape(count, joints)


def quarter_offset(flat: np.ndarray, rows: np.ndarray, peak: np.ndarray, width: int) -> np.ndarray:
    """xy (M, 2) float32 of peaks, given by row (M,) and pixel (M,) of flat heatmaps (R, h * w).

    Each moves a quarter pixel towards its higher neighbour on each axis, except at the rim.
    """
    y, x = np.divmod(peak, width)
    inner_x, inner_y = (x > 0) & (x < width - 1), (y > 0) & (y < flat.shape[1] // width - 1)
    dx = flat[rows, peak + inner_x] - flat[rows, peak - inner_x]  # 0 at the rim: both are the peak
    dy = flat[rows, peak + width * inner_y] - flat[rows, peak - width * inner_y]
    return np.stack([x + 0.25 * np.sign(dx), y + 0.25 * np.sign(dy)], -1).astype(np.float32)


def merge_flip(heatmaps: np.ndarray, flipped: np.ndarray, flip_index: np.ndarray) -> np.ndarray:
    """Mean of the heatmaps of an image and of its mirror image, both (N, K, h, w).

    The mirrored map is turned back, left and right joints exchanged, and shifted one pixel to the right, because
    pixel j of a stride-s map is centred at s*j, not at its middle (HRNet's SHIFT_HEATMAP).
    """
    back = flipped[:, flip_index, :, ::-1]
    shifted = np.concatenate([back[..., :1], back[..., :-1]], -1)
    return (heatmaps + shifted) / 2
