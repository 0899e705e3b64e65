"""Warp regions of an image into network input, by the same function in training and at runtime."""

from typing import Any, Sequence, Tuple

import cv2
import numpy as np

from pose_estimation_ros.core.errors import FrameError, described
from pose_estimation_ros.core.geometry import crop_matrices, pixels_inside
from pose_estimation_ros.core.model_spec import ModelSpec

MAX_SIDE = 32766  # px: OpenCV 4 cannot warp an image with a longer side


def check_frame(frame: Any) -> None:
    """Raise FrameError unless it is an image (H, W, 3) uint8 with at least one pixel and no side over MAX_SIDE."""
    if not isinstance(frame, np.ndarray):
        raise FrameError("shape", "expected a frame (H, W, 3) uint8, got %s" % described(frame))
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or frame.size == 0:
        raise FrameError("shape", "expected a frame (H, W, 3) uint8, got %s %s" % (frame.shape, frame.dtype))
    if max(frame.shape) > MAX_SIDE:
        raise FrameError("size", "expected a frame of at most %d px a side, got %s" % (MAX_SIDE, frame.shape))


def warp_crops(frame: np.ndarray, matrices: np.ndarray, size_wh: Sequence[int], padding: int = 0) -> np.ndarray:
    """Cut crops out of a frame and convert them to network input.

    Args:
        frame: (H, W, 3) uint8 BGR.
        matrices: (N, 2, 3) affine maps image -> crop px.
        size_wh: (width, height) px of the crops.
        padding: grey level 0..255 of the parts of a crop outside the frame.

    Returns:
        (N, 3, h, w) float32 RGB, 0..255.

    Raises:
        FrameError: the frame is no such image.
    """
    check_frame(frame)
    width, height = int(size_wh[0]), int(size_wh[1])
    batch = np.empty((len(matrices), 3, height, width), np.float32)
    rgba, warped = _as_rgba(frame, matrices, (width, height)), np.empty((height, width, 4), np.uint8)
    for crop, matrix in zip(batch, matrices):
        cv2.warpAffine(rgba, matrix, (width, height), warped, cv2.INTER_LINEAR, borderValue=(padding,) * 4)
        crop[:] = warped[..., :3].transpose(2, 0, 1)
    return batch


def _as_rgba(frame: np.ndarray, matrices: np.ndarray, size_wh: Tuple[int, int]) -> np.ndarray:
    """Return the frame with four channels, which OpenCV 5 warps more than twice as fast as three.

    Pixels far from all crops are left undefined: they are in no crop.

    Args:
        frame: (H, W, 3) uint8 BGR.
        matrices: (N, 2, 3) affine maps image -> crop px.
        size_wh: (width, height) px of the crops.

    Returns:
        (H, W, 4) uint8: RGB, and a channel without meaning.
    """
    rgba = np.empty(frame.shape[:2] + (4,), np.uint8)
    if len(matrices):
        left, top, right, bottom = _seen(matrices, size_wh, frame.shape[1::-1])
        cv2.cvtColor(frame[top:bottom, left:right], cv2.COLOR_BGR2RGBA, rgba[top:bottom, left:right])
    return rgba


def _seen(matrices: np.ndarray, size_wh: Tuple[int, int], frame_wh: Sequence[int]) -> Tuple[int, int, int, int]:
    """Return the left, top, right and bottom end in the frame, px, of all that N > 0 crops show, and a rim of 2 px."""
    width, height = size_wh
    x = np.array([0, width, 0, width]) - matrices[:, 0, 2:]  # (N, 4) corners
    y = np.array([0, 0, height, height]) - matrices[:, 1, 2:]
    a, b, c, d = (matrices[:, row, column, None] for row in (0, 1) for column in (0, 1))
    x, y = (d * x - b * y) / (a * d - b * c), (a * y - c * x) / (a * d - b * c)
    left, right = (int(min(max(end, 0), frame_wh[0] - 1)) for end in (x.min() - 2, x.max() + 2))
    top, bottom = (int(min(max(end, 0), frame_wh[1] - 1)) for end in (y.min() - 2, y.max() + 2))
    return left, top, right + 1, bottom + 1


def crop_people(frame: np.ndarray, box_xyxy: np.ndarray, spec: ModelSpec) -> Tuple[np.ndarray, np.ndarray]:
    """Cut people out of a frame as a top-down model needs them.

    Args:
        frame: (H, W, 3) uint8 BGR.
        box_xyxy: (N, 4) px of the frame.
        spec: spec of the model, with its input size, padding, and the options "crop" and "outside" of its fit.

    Returns:
        The batch (N, 3, h, w) float32 RGB 0..255, and the maps (N, 2, 3) frame px -> crop px.

    Raises:
        FrameError: the frame is no such image.
    """
    matrices = crop_matrices(box_xyxy, spec.input_size_wh, spec.padding, crop=spec.fit_option("crop"))
    batch = warp_crops(frame, matrices, spec.input_size_wh)
    if spec.fit_option("outside") == "black":
        ends = pixels_inside(matrices, box_xyxy, spec.padding, spec.input_size_wh)
        for crop, (left, top, right, bottom) in zip(batch, ends):
            crop[:, :top], crop[:, bottom:], crop[:, :, :left], crop[:, :, right:] = 0, 0, 0, 0
    return batch, matrices


def write_rgb(picture: np.ndarray, planes: np.ndarray) -> None:
    """Write a picture into a network's input.

    Args:
        picture: (h, w, 3) uint8 BGR.
        planes: (3, h, w) float32, becomes RGB, 0..255.
    """
    for plane, color in zip(planes[::-1], cv2.split(picture)):  # bytes are cheaper to reorder than floats
        plane[:] = color
