"""Describe what people look like by the colours of their clothes, to know them again after they were out of sight.

A person has two histograms of hue, saturation and brightness: one of the trunk and one of what lies below it. They are
compared by the sum of the square roots of products, in core.tracking. Source: D. Comaniciu, V. Ramesh and P. Meer,
"Kernel-based object tracking", 2003, doi:10.1109/TPAMI.2003.1195991. docs/measurements/tracking.md compares this
with other histograms and with the features of the pose network.
"""

import functools
from typing import List, Optional, Sequence

import cv2
import numpy as np

from pose_estimation_ros.core.geometry import shared_area
from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.core.skeleton import Skeleton, words_of

BINS = (8, 4, 8)  # of hue, saturation and brightness
RANGES = (0, 180, 0, 256, 0, 256)  # of OpenCV's HSV
LENGTH = 2 * BINS[0] * BINS[1] * BINS[2]  # F: trunk, then what lies below
MOST_PIXELS = 48  # along a side of a region that are looked at
FEWEST_PIXELS = 16  # a smaller region tells nothing
GREY, EXTREME_GAIN = 110.0, 4.0  # brightness to which all images are brought, and by how much at most
COVERED = 0.3  # share of a trunk behind somebody else, from which on its colours can be those of the other
# Where the trunk is in a box of a standing person, as shares of width and height: left, top, right, bottom.
TRUNK_IN_BOX = np.array([0.3, 0.15, 0.7, 0.5], np.float32)
LEAST_WIDTH, LEAST_HEIGHT = 0.25, 0.1  # of the box: a trunk that is seen from the side, and one that can be right


def appearance(frame: np.ndarray, poses: Poses) -> np.ndarray:
    """Describe the look of the people in a frame.

    Args:
        frame: (H, W, 3) uint8 BGR.
        poses: N people in px of the frame.

    Returns:
        (N, LENGTH) float32 with rows of sum 1; NaN for who is too small, outside the image or behind somebody else.
    """
    trunk = trunks(poses)
    below = trunk + (trunk[:, 3] - trunk[:, 1])[:, None] * np.array([0, 1, 0, 1], np.float32)
    regions = list(zip(trunk.tolist(), below.tolist()))
    gain = min(max(GREY / max(float(frame[::16, ::16].mean()), 1.0), 1 / EXTREME_GAIN), EXTREME_GAIN)
    looks: np.ndarray = np.full((poses.count, 2, LENGTH // 2), np.nan, np.float32)  # numbers of pixels at first
    for person in np.flatnonzero(~_covered(trunk, poses.box_xyxy)).tolist():
        upper, lower = (_histogram(frame, region, gain) for region in regions[person])
        if upper is not None:
            looks[person] = upper, np.zeros_like(upper) if lower is None else lower
    looks /= np.maximum(looks.sum(2, keepdims=True), 1)
    looks = looks.reshape(-1, LENGTH)
    looks /= looks.sum(1, keepdims=True)
    return looks


def trunks(poses: Poses) -> np.ndarray:
    """Return the boxes (N, 4) xyxy px of the trunks, from shoulders to hips, or the middle of the box without these."""
    box = poses.box_xyxy
    size = box[:, 2:] - box[:, :2]
    usual = (box[:, None, :2] + size[:, None] * TRUNK_IN_BOX.reshape(2, 2)).reshape(-1, 4)
    corners = trunk_keypoints(poses.skeleton)
    if not corners:
        return np.asarray(usual)
    xy, found = poses.xy[:, corners], (poses.score[:, corners] > 0).all(1)
    low, high = xy.min(1), xy.max(1)
    found &= high[:, 1] - low[:, 1] >= LEAST_HEIGHT * size[:, 1]
    middle, half = (low[:, 0] + high[:, 0]) / 2, np.maximum(high[:, 0] - low[:, 0], LEAST_WIDTH * size[:, 0]) / 2
    exact = np.array([middle - half, low[:, 1], middle + half, high[:, 1]], np.float32).T
    return np.where(found[:, None], exact, usual)


@functools.lru_cache(maxsize=8)
def trunk_keypoints(skeleton: Optional[Skeleton]) -> List[int]:
    """Return the indices of both shoulders and both hips, none where the skeleton lacks one of them."""
    if skeleton is None:
        return []
    corners = [
        index
        for part in ("shoulder", "hip")
        for index, name in enumerate(skeleton.keypoints)
        if len(words_of(name)) == 2 and part in words_of(name)
    ]
    return corners if len(corners) == 4 else []


def _covered(trunk: np.ndarray, box_xyxy: np.ndarray) -> np.ndarray:
    """Tell whose trunk (N,) bool another person can cover, whose box ends lower and who is therefore nearer."""
    nearer = box_xyxy[None, :, 3] > box_xyxy[:, None, 3]
    area = np.maximum((trunk[:, 2:] - trunk[:, :2]).prod(1), 1.0)
    covered: np.ndarray = (nearer & (shared_area(trunk, box_xyxy) > COVERED * area[:, None])).any(1)
    return covered


def _histogram(frame: np.ndarray, region: Sequence[float], gain: float) -> Optional[np.ndarray]:
    """Return the number of pixels in each bin, of a region xyxy px inside the frame; None where it is too small."""
    height, width = frame.shape[:2]
    left, top = max(int(region[0]), 0), max(int(region[1]), 0)
    right, bottom = min(int(region[2]) + 1, width), min(int(region[3]) + 1, height)
    if right - left < 1 or bottom - top < 1 or (right - left) * (bottom - top) < FEWEST_PIXELS:
        return None
    patch = frame[top : bottom : _stride(bottom - top), left : right : _stride(right - left)]
    hsv = cv2.cvtColor(cv2.convertScaleAbs(patch, alpha=gain), cv2.COLOR_BGR2HSV)
    counts: np.ndarray = cv2.calcHist([hsv], [0, 1, 2], None, BINS, RANGES).ravel()
    return counts


def _stride(side: int) -> int:
    return -(-side // MOST_PIXELS)
