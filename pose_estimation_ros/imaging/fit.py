"""Fit a whole frame into the input of a network, by the rules of the programs that trained the network."""

from typing import Sequence, Tuple

import cv2
import numpy as np

from pose_estimation_ros.core.geometry import letterbox_matrix
from pose_estimation_ros.core.model_spec import FIT_OPTIONS, ModelSpec
from pose_estimation_ros.imaging.crops import check_frame, warp_crops, write_rgb


def fit_frame(
    frame: np.ndarray, size_wh: Sequence[int], grey: int = 0, centred: bool = False, resize: str = "warp"
) -> Tuple[np.ndarray, np.ndarray]:
    """Make the input of a network from a whole frame.

    * "warp": one affine map that keeps the edges of the pixels aligned (geometry.letterbox_matrix).
    * "warp_index": one affine map that keeps the centres of the top left pixels aligned.
    * "rounded", "cut": cv2.resize to a size that is rounded to whole pixels, as Ultralytics does, or cut to them, as
      YOLOX does. As in their code, the map has no half pixel, and "cut" has the gain before cutting on both axes.
    * "stretch": cv2.resize to the whole input, which gives up the aspect ratio.

    Args:
        frame: (H, W, 3) uint8 BGR.
        size_wh: (width, height) px of the input.
        grey: level 0..255 of what the frame does not cover.
        centred: put the frame into the middle of the input, else at the top left.
        resize: one of model_spec.RESIZES.

    Returns:
        The batch (1, 3, h, w) float32 RGB 0..255, and the map (2, 3) float64 frame px -> input px.

    Raises:
        FrameError: the frame is no such image.
    """
    check_frame(frame)
    frame_wh, input_wh = np.array(frame.shape[1::-1]), np.array(size_wh)
    if resize in ("warp", "warp_index"):
        matrix = _warp_matrix(frame.shape[1::-1], size_wh, centred, resize == "warp")
        return warp_crops(frame, matrix[None], size_wh, grey), matrix
    gain, new_wh = (input_wh / frame_wh).min(), input_wh
    if resize != "stretch":
        new_wh = np.maximum((np.round if resize == "rounded" else np.trunc)(frame_wh * gain), 1).astype(int)
    left_top = np.round((input_wh - new_wh) / 2 - 0.1).astype(int) * centred
    gains = np.full(2, gain) if resize == "cut" else new_wh / frame_wh
    offset = (gains - 1) / 2 if resize == "stretch" else left_top
    matrix = np.column_stack([np.diag(gains), offset])
    return _resized(frame, input_wh, new_wh, left_top, grey), matrix


def fit_to_model(frame: np.ndarray, spec: ModelSpec) -> Tuple[np.ndarray, np.ndarray]:
    """Make the input of a model that takes whole frames, by the options of its spec.

    Args:
        frame: (H, W, 3) uint8 BGR.
        spec: spec of the model.

    Returns:
        Batch and map, and Raises: see fit_frame.
    """
    return fit_frame(frame, spec.input_size_wh, **{name: spec.fit_option(name) for name in FIT_OPTIONS[spec.task]})


def _warp_matrix(frame_wh: Sequence[int], size_wh: Sequence[int], centred: bool, align_edges: bool) -> np.ndarray:
    matrix = letterbox_matrix(frame_wh, size_wh)
    if not align_edges:
        matrix[:, 2] = 0
    if centred:
        matrix[:, 2] += (np.array(size_wh) - matrix[0, 0] * np.array(frame_wh)) / 2
    return matrix


def _resized(
    frame: np.ndarray, input_wh: np.ndarray, new_wh: np.ndarray, left_top: np.ndarray, grey: int
) -> np.ndarray:
    """Return the batch (1, 3, h, w) with the frame, resized to new_wh, at left_top."""
    picture = cv2.resize(frame, (int(new_wh[0]), int(new_wh[1])), interpolation=cv2.INTER_LINEAR)
    (left, top), (right, bottom) = left_top, left_top + new_wh
    batch = np.full((1, 3, input_wh[1], input_wh[0]), grey, np.float32)
    write_rgb(picture, batch[0, :, top:bottom, left:right])
    return batch
