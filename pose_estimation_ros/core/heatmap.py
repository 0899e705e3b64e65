"""Encode keypoints as heatmaps and decode heatmaps to keypoints.

Pixel j of a heatmap lies at pixel ``stride * j`` of the network's input.
"""

import functools
import math
from typing import Sequence, Tuple

import numpy as np

DARK_KERNEL = 11  # px, of HRNet's and ViTPose's maps of 64 x 48 px
LOG_RANGE = (1e-3, 50.0)  # values of a map are cut to it before their logarithm is taken
FARTHEST_STEP = 2.0  # heatmap px; a longer one of DARK leaves what the peak's neighbours can tell


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
    flat, rows, peak = _peaks(heatmaps)
    with np.errstate(invalid="ignore"):
        xy = quarter_offset(flat, rows, peak, heatmaps.shape[3])
    return _found(heatmaps.shape[:2], xy, flat[rows, peak])


def decode_dark(heatmaps: np.ndarray, kernel: int = DARK_KERNEL) -> Tuple[np.ndarray, np.ndarray]:
    """Find the highest peak of each heatmap to a fraction of a pixel, by the shape of the map around it.

    The map is blurred, its logarithm is taken, and the peak moves by one step of Newton's method, as in
    "Distribution-Aware Coordinate Representation for Human Pose Estimation" (DARK), arXiv:1910.06278, with the
    derivatives of "The Devil is in the Details" (UDP), arXiv:1911.07524, as mmpose computes them. Unlike there, a peak
    stays where a step would be longer than FARTHEST_STEP.

    Args:
        heatmaps: see decode.
        kernel: size of the blur's kernel, heatmap px.

    Returns:
        xy and score, see decode.
    """
    flat, rows, peak = _peaks(heatmaps)
    with np.errstate(all="ignore"):
        xy = dark_offset(flat, rows, peak, heatmaps.shape[3], kernel)
    return _found(heatmaps.shape[:2], xy, flat[rows, peak])


def _peaks(heatmaps: np.ndarray) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return maps (R, h * w) float32, the numbers (R,) of the maps, and the index (R,) of the peak of each."""
    count, joints, height, width = heatmaps.shape
    flat = np.ascontiguousarray(heatmaps, np.float32).reshape(count * joints, height * width)
    return flat, np.arange(len(flat)), flat.argmax(1) if flat.size else np.zeros(0, int)


def _found(shape: Tuple[int, ...], xy: np.ndarray, value: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Return xy (N, K, 2) and score (N, K) of peaks (N * K,); zeros where one is not finite.

    A map with NaN has its peak there, because argmax takes NaN for the highest.
    """
    finite = np.isfinite(value) & np.isfinite(xy).all(1)
    xy, score = np.where(finite[:, None], xy, 0), np.where(finite, np.clip(value, 0, 1), 0)
    return xy.reshape(shape + (2,)), score.reshape(shape)


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


def dark_offset(flat: np.ndarray, rows: np.ndarray, peak: np.ndarray, width: int, kernel: int) -> np.ndarray:
    """Move peaks by one step of Newton's method on the logarithm of the blurred map.

    Args:
        flat: (R, h * w) heatmaps.
        rows: (M,) heatmap of each peak.
        peak: (M,) index of each peak in its heatmap.
        width: width of a heatmap, px.
        kernel: size of the blur's kernel, px.

    Returns:
        xy (M, 2) float32 heatmap px.
    """
    around = _blurred_around(flat, rows, peak, width, kernel)
    extreme = (around.reshape(-1, 9).min(1) < LOG_RANGE[0]) | (flat[rows, peak] > LOG_RANGE[1])
    if extreme.any():
        around[extreme] *= _gain(flat[rows[extreme]], width, kernel)[:, None, None]
    around = np.minimum(np.maximum(around, LOG_RANGE[0]), LOG_RANGE[1])
    log = np.log(around.astype(float)).transpose(1, 2, 0)  # y, x from -1 to 1, and M
    dx, dy = (log[1, 2] - log[1, 0]) / 2, (log[2, 1] - log[0, 1]) / 2
    eps = np.finfo(np.float32).eps
    dxx = log[1, 2] - 2 * log[1, 1] + log[1, 0] + eps
    dyy = log[2, 1] - 2 * log[1, 1] + log[0, 1] + eps
    ahead, behind = log[2, 2] - log[1, 2] - log[2, 1], log[0, 0] - log[1, 0] - log[0, 1]
    dxy = (ahead + behind) / 2 + log[1, 1]
    determinant = dxx * dyy - dxy * dxy
    step_x, step_y = (dxy * dy - dyy * dx) / determinant, (dxy * dx - dxx * dy) / determinant
    near = (np.abs(step_x) <= FARTHEST_STEP) & (np.abs(step_y) <= FARTHEST_STEP)  # False for NaN
    xy: np.ndarray = np.empty((len(peak), 2), np.float32)
    xy[:, 0], xy[:, 1] = peak % width + np.where(near, step_x, 0), peak // width + np.where(near, step_y, 0)
    return xy


def _blurred_around(flat: np.ndarray, rows: np.ndarray, peak: np.ndarray, width: int, kernel: int) -> np.ndarray:
    """Return the 3 x 3 px around each peak of the blurred maps, (M, 3, 3); those beyond the rim repeat the rim."""
    height, reach = flat.shape[1] // width, (kernel + 1) // 2
    y, x = np.divmod(peak, width)
    step = np.arange(-reach, reach + 1)
    offset = (step[:, None] * width + step).ravel()
    patches = flat.ravel().take((rows * flat.shape[1] + peak)[:, None] + offset, mode="clip")
    from_rim = np.minimum(np.minimum(x, width - 1 - x), np.minimum(y, height - 1 - y))
    near_rim, at_rim = np.flatnonzero(from_rim < reach), np.flatnonzero(from_rim == 0)
    if len(near_rim):
        row, column = y[near_rim, None] + step, x[near_rim, None] + step
        inside = ((row >= 0) & (row < height))[:, :, None] & ((column >= 0) & (column < width))[:, None]
        patches[near_rim] = np.where(inside.reshape(-1, len(offset)), patches[near_rim], 0)
    around: np.ndarray = (patches @ _blur_weights(kernel)).reshape(-1, 3, 3)
    if len(at_rim):
        step, at_y, at_x = np.arange(-1, 2), y[at_rim, None], x[at_rim, None]
        row, column = (at_y + step).clip(0, height - 1) - at_y, (at_x + step).clip(0, width - 1) - at_x
        around[at_rim] = around[at_rim[:, None, None], 1 + row[:, :, None], 1 + column[:, None]]
    return around


@functools.lru_cache(maxsize=8)
def _blur_weights(kernel: int) -> np.ndarray:
    """Return the weights of the pixels of a patch in the 3 x 3 blurred ones in its middle: (side ** 2, 9) float32."""
    radius = (kernel - 1) // 2
    blur = np.array([np.roll(_gaussian(kernel, radius + 1), shift) for shift in (-1, 0, 1)])
    return np.kron(blur, blur).T.astype(np.float32)


def _gain(flat: np.ndarray, width: int, kernel: int) -> np.ndarray:
    """Return the factors (R,) that give blurred maps their old maximum, which the blur has lowered.

    They cancel in Newton's step, unless a value is cut to LOG_RANGE.
    """
    maps = flat.reshape(len(flat), flat.shape[1] // width, width)
    blurred = _blur_matrix(maps.shape[1], kernel) @ maps @ _blur_matrix(width, kernel)
    gain: np.ndarray = maps.max((1, 2)) / np.maximum(blurred.max((1, 2)), 1e-12)
    return gain


@functools.lru_cache(maxsize=8)
def _blur_matrix(side: int, kernel: int) -> np.ndarray:
    """Return the matrix (side, side) float32 that blurs a row of pixels, with zeros beyond its ends."""
    reach = max(side, kernel)
    index = np.arange(side)
    matrix: np.ndarray = _gaussian(kernel, reach)[reach + index[:, None] - index].astype(np.float32)
    return matrix


def _gaussian(kernel: int, reach: int) -> np.ndarray:
    """Return the weights (2 reach + 1,) of a Gaussian blur, 0 beyond the kernel, with OpenCV's sigma for its size."""
    sigma = 0.3 * ((kernel - 1) * 0.5 - 1) + 0.8
    distance = np.abs(np.arange(-reach, reach + 1))
    weights: np.ndarray = np.exp(-(distance**2) / (2 * sigma**2)) * (distance <= (kernel - 1) // 2)
    weights /= weights.sum()
    return weights


def merge_flip(heatmaps: np.ndarray, flipped: np.ndarray, flip_index: np.ndarray, shift: float) -> np.ndarray:
    """Average the heatmaps of an image and of its mirror image.

    Args:
        heatmaps: (..., K, h, w) of the image.
        flipped: (..., K, h, w) of its mirror image.
        flip_index: (K,) index of the opposite joint.
        shift: see turn_back.

    Returns:
        (..., K, h, w).
    """
    merged: np.ndarray = (heatmaps + turn_back(flipped, flip_index, shift)) / 2
    return merged


def turn_back(maps: np.ndarray, flip_index: np.ndarray, shift: float) -> np.ndarray:
    """Turn the maps of a mirrored image back, exchange left and right joints, and move the maps to the right.

    Where the shift is no whole number, two pixels are mixed. The rim is repeated beyond itself.

    Args:
        maps: (..., K, h, w).
        flip_index: (K,) index of the opposite joint.
        shift: map px; that of mirror_shift, or 1 as HRNet's SHIFT_HEATMAP has it.

    Returns:
        (..., K, h, w).
    """
    back, last = maps[..., flip_index, :, ::-1], maps.shape[-1] - 1
    whole = math.floor(shift)
    column = np.arange(last + 1) - whole
    turned: np.ndarray = back[..., column.clip(0, last)]
    if shift > whole:
        turned = turned + (shift - whole) * (back[..., (column - 1).clip(0, last)] - turned)
    return turned


def mirror_shift(input_px: int, map_px: int, pitch: float) -> float:
    """Compute how far the map of a mirrored image, once turned back, lies to the left of that of the image.

    Pixel j of a map lies at input pixel ``pitch * j``. Mirroring takes input pixel x to ``input_px - 1 - x``, and
    turning back takes map pixel j to ``map_px - 1 - j``: at stride 4 the two differ by 3 input pixels, 3 / 4 of a
    map's.

    Args:
        input_px: width of the input.
        map_px: width of the map.
        pitch: distance of two pixels of the map, px of the input.

    Returns:
        The shift to the right that makes up for it, map px.
    """
    return (input_px - 1) / pitch - (map_px - 1)
