"""Warp regions of an image into network input, by the same function in training and at runtime."""

from typing import Sequence

import cv2
import numpy as np

MAX_SIDE = 32766  # px: OpenCV 4 cannot warp an image with a longer side


def warp_crops(frame: np.ndarray, matrices: np.ndarray, size_wh: Sequence[int], padding: int = 0) -> np.ndarray:
    """Cut crops out of a frame and convert them to network input.

    Args:
        frame: (H, W, 3) uint8 BGR.
        matrices: (N, 2, 3) affine maps image -> crop px.
        size_wh: (width, height) px of the crops.
        padding: grey level 0..255 of the parts of a crop outside the frame.

    Returns:
        (N, 3, h, w) float32 RGB, 0..255.
    """
    width, height = int(size_wh[0]), int(size_wh[1])
    batch = np.empty((len(matrices), 3, height, width), np.float32)
    for crop, matrix in zip(batch, matrices):
        warped = cv2.warpAffine(frame, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=(padding,) * 3)
        for plane, color in zip(crop[::-1], cv2.split(warped)):  # bytes are cheaper to reorder than floats
            plane[:] = color
    return batch
