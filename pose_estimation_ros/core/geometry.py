"""Boxes and affine maps. Pixel coordinates have their origin at the centre of the top left pixel, x right, y down."""

from typing import Any, Sequence

import numpy as np

FARTHEST_PX = 1e6  # no image reaches so far; what is farther away, no network has seen


def in_reach(xy: np.ndarray) -> np.ndarray:
    """Tell which points (..., 2) or boxes (..., 4) px are finite and at most FARTHEST_PX away: (...) bool."""
    with np.errstate(invalid="ignore"):
        return (np.abs(xy) <= FARTHEST_PX).all(-1)  # false of NaN


def xywh_to_xyxy(boxes: np.ndarray) -> np.ndarray:
    """(N, 4) x, y, width, height (COCO's bbox) -> x1, y1, x2, y2."""
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)


def xyxy_to_xywh(boxes: np.ndarray) -> np.ndarray:
    """Inverse of xywh_to_xyxy."""
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1)


def iou(boxes_a: np.ndarray, boxes_b: np.ndarray) -> np.ndarray:
    """Intersection over union of (N, 4) and (M, 4) xyxy boxes: (N, M) in 0..1; empty boxes give 0."""
    a, b = boxes_a[:, None], boxes_b[None]
    size = np.clip(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]), 0, None)
    shared = size[..., 0] * size[..., 1]
    area_a, area_b = ((x[..., 2] - x[..., 0]) * (x[..., 3] - x[..., 1]) for x in (a, b))
    return shared / np.maximum(area_a + area_b - shared, 1e-9)


def boxes_around(xy: np.ndarray, score: np.ndarray, threshold: float) -> np.ndarray:
    """Tight boxes (N, 4) xyxy around the keypoints whose score is over the threshold; zeros where there is none."""
    found = (score > threshold)[..., None]
    low = np.where(found, xy, np.inf).min(1, initial=np.inf) if len(xy) else np.zeros((0, 2))
    high = np.where(found, xy, -np.inf).max(1, initial=-np.inf) if len(xy) else np.zeros((0, 2))
    boxes = np.concatenate([low, high], 1)
    return np.where(np.isfinite(boxes), boxes, 0).astype(np.float32)


def crop_matrices(
    box_xyxy: np.ndarray, size_wh: Sequence[int], padding: float = 1.25, rotation_deg: Any = 0.0
) -> np.ndarray:
    """Affine maps image -> crop, one per box: (N, 4) xyxy px -> (N, 2, 3) float64.

    As the papers' top-down protocol: the box grows to the crop's aspect ratio about its centre, then by ``padding``.
    rotation_deg: scalar or (N,), turns the content clockwise on the screen. size_wh: the crop's (width, height) px.
    """
    boxes = np.asarray(box_xyxy, np.float64).reshape(-1, 4)
    crop_wh = np.asarray(size_wh, np.float64)
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    box_wh = np.maximum(boxes[:, 2:] - boxes[:, :2], 1.0)
    scale = 1.0 / (padding * (box_wh / crop_wh).max(1))
    angle = np.broadcast_to(np.deg2rad(rotation_deg), scale.shape)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    linear = np.stack([np.stack([cos, -sin], 1), np.stack([sin, cos], 1)], 1)
    offset = (crop_wh - 1) / 2 - np.einsum("nij,nj->ni", linear, centre)
    return np.concatenate([linear, offset[..., None]], 2)


def short_side_wh(image_wh: tuple, short_side: int, multiple: int = 64) -> tuple:
    """(width, height) of a bottom-up network's input for a whole image: its short side so long, both sides multiples.

    HigherHRNet's and LitePose's test size (lib/utils/transforms.py, get_multi_scale_size): the long side grows to the
    next multiple, less than a pixel over one excepted.
    """
    short = (short_side + multiple - 1) // multiple * multiple
    long = int((short * max(image_wh) / float(min(image_wh)) + multiple - 1) // multiple * multiple)
    return (short, long) if image_wh[0] < image_wh[1] else (long, short)


def letterbox_matrix(image_wh: tuple, size_wh: tuple) -> np.ndarray:
    """Affine map (2, 3) that fits the whole image into the size, aspect kept, at the top left; the rest is padding."""
    scale = min(size_wh[0] / float(image_wh[0]), size_wh[1] / float(image_wh[1]))
    offset = (scale - 1) / 2  # keeps pixel edges, not centres, aligned
    return np.array([[scale, 0, offset], [0, scale, offset]])


def invert(matrices: np.ndarray) -> np.ndarray:
    """Inverse of affine maps (..., 2, 3)."""
    inverse = np.linalg.inv(matrices[..., :2])
    return np.concatenate([inverse, -inverse @ matrices[..., 2:]], -1)


def apply(matrices: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Maps points (N, K, 2) by matrices (N, 2, 3), or any points (..., 2) by a single (2, 3)."""
    return xy @ np.swapaxes(matrices[..., :2], -1, -2) + np.swapaxes(matrices[..., 2:], -1, -2).reshape(
        matrices.shape[:-2] + (1,) * (np.ndim(xy) > 1) + (2,)
    )
