"""Compute with boxes and affine maps.

Pixel coordinates have their origin at the centre of the top left pixel, x right, y down.
"""

from typing import Optional, Sequence, Tuple, Union

import numpy as np

FARTHEST_PX = 1e6  # larger than any image; a coordinate beyond it comes from a broken network
MAX_CANDIDATES = 300  # boxes that go into the suppression, whose cost is quadratic


def in_reach(xy: np.ndarray) -> np.ndarray:
    """Tell which points (..., 2) or boxes (..., 4) px are finite and at most FARTHEST_PX away: (...) bool."""
    with np.errstate(invalid="ignore"):
        near: np.ndarray = (np.abs(xy) <= FARTHEST_PX).all(-1)  # False for NaN
    return near


def xywh_to_xyxy(boxes: np.ndarray) -> np.ndarray:
    """Convert boxes (N, 4) from x, y, width, height (COCO's bbox) to x1, y1, x2, y2."""
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)


def xyxy_to_xywh(boxes: np.ndarray) -> np.ndarray:
    """Convert boxes (N, 4) from x1, y1, x2, y2 to x, y, width, height; the inverse of xywh_to_xyxy."""
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1)


def shared_area(boxes_a: np.ndarray, boxes_b: np.ndarray) -> np.ndarray:
    """Compute the area that each box has in common with each other box.

    Args:
        boxes_a: (N, 4) xyxy px.
        boxes_b: (M, 4) xyxy px.

    Returns:
        (N, M) px^2.
    """
    a, b = boxes_a.T[:, :, None], boxes_b.T[:, None]  # one coordinate after the other is twice as fast
    width, height = (np.maximum(np.minimum(a[i + 2], b[i + 2]) - np.maximum(a[i], b[i]), 0) for i in (0, 1))
    shared: np.ndarray = width * height
    return shared


def iou(boxes_a: np.ndarray, boxes_b: np.ndarray) -> np.ndarray:
    """Compute the intersection over union of each box with each other box.

    Args:
        boxes_a: (N, 4) xyxy.
        boxes_b: (M, 4) xyxy.

    Returns:
        (N, M) in 0..1; empty boxes give 0.
    """
    shared = shared_area(boxes_a, boxes_b)
    area_a, area_b = ((x[2] - x[0]) * (x[3] - x[1]) for x in (boxes_a.T[:, :, None], boxes_b.T[:, None]))
    overlap: np.ndarray = shared / np.maximum(area_a + area_b - shared, 1e-9)
    return overlap


def nms(similarity: np.ndarray, score: np.ndarray, threshold: float) -> np.ndarray:
    """Suppress entries that are too similar to a better one (greedy non-maximum suppression).

    Args:
        similarity: (N, N) of any kind: IoU for boxes, OKS for people (core.oks).
        score: (N,), higher is better.
        threshold: largest similarity to a better entry with which an entry is kept.

    Returns:
        Indices of the entries to keep, the best score first.
    """
    order = np.argsort(-np.asarray(score), kind="mergesort")
    rank = np.arange(len(order))
    too_similar = ~(similarity[order[:, None], order] <= threshold) & (rank[:, None] < rank)  # (better, worse)
    if not too_similar.any():
        return order
    alive = np.ones(len(order), bool)
    for better in np.flatnonzero(too_similar.any(1)).tolist():
        if alive[better]:
            alive &= ~too_similar[better]
    kept: np.ndarray = order[alive]
    return kept


def box_nms(box_xyxy: np.ndarray, score: np.ndarray, threshold: float) -> np.ndarray:
    """Suppress boxes that overlap too much with a better one.

    Args:
        box_xyxy: (N, 4) px.
        score: (N,), higher is better.
        threshold: largest IoU with a better box with which a box is kept.

    Returns:
        Indices of the boxes to keep, the best score first.
    """
    return nms(iou(box_xyxy, box_xyxy), score, threshold)


def best_boxes(
    box_xyxy: np.ndarray, score: np.ndarray, threshold: float, largest_iou: Optional[float] = None
) -> np.ndarray:
    """Choose the best of the boxes that a network gives, at most MAX_CANDIDATES.

    Args:
        box_xyxy: (N, 4) px; those that are not finite are left out.
        score: (N,), higher is better.
        threshold: boxes of a lower score are left out.
        largest_iou: boxes that overlap a better one by more are left out; None leaves out none.

    Returns:
        Indices of the boxes to keep, the best score first.
    """
    with np.errstate(invalid="ignore"):
        likely = np.flatnonzero((score >= threshold) & np.isfinite(score) & in_reach(box_xyxy))
    likely = likely[np.argsort(-score[likely], kind="mergesort")[:MAX_CANDIDATES]]
    kept: np.ndarray = likely if largest_iou is None else likely[box_nms(box_xyxy[likely], score[likely], largest_iou)]
    return kept


def boxes_around(xy: np.ndarray, score: np.ndarray, threshold: float) -> np.ndarray:
    """Compute the tight box around each person's keypoints.

    Args:
        xy: (N, K, 2) px.
        score: (N, K).
        threshold: only keypoints with a higher score count.

    Returns:
        (N, 4) float32 xyxy px; zeros for a person without such a keypoint.
    """
    visible = (score > threshold)[..., None]
    boxes = np.where(visible, np.concatenate([xy, -xy], 2), np.inf).min(1, initial=np.inf)
    boxes[:, 2:] *= -1
    return np.where(np.isfinite(boxes), boxes, 0).astype(np.float32)


def crop_matrices(
    box_xyxy: np.ndarray,
    size_wh: Sequence[int],
    padding: float = 1.25,
    rotation_deg: Union[float, np.ndarray] = 0.0,
    crop: str = "centre",
) -> np.ndarray:
    """Compute the affine maps image -> crop for the top-down protocol of the papers.

    Each box grows about its centre to the aspect ratio of the crop, then by ``padding``. Its centre comes to lie at

    * "centre": the centre of the crop's pixel grid, (w - 1, h - 1) / 2;
    * "half_size": (w, h) / 2, half a pixel further, as in HRNet's and mmpose's code;
    * "udp": (w - 1, h - 1) / 2, and the crop's corner pixels lie on the corners of the grown box, as in "The Devil is
      in the Details: Delving into Unbiased Data Processing for Human Pose Estimation", arXiv:1911.07524.

    Args:
        box_xyxy: (N, 4) px.
        size_wh: (width, height) px of the crop.
        padding: factor on the sides of the box.
        rotation_deg: scalar or (N,); turns the content clockwise on the screen.
        crop: one of model_spec.CROPS.

    Returns:
        (N, 2, 3) float64.
    """
    crop_wh = np.asarray(size_wh, np.float64)
    centre, padded_wh = _padded(box_xyxy, padding)
    scale = 1.0 / (padded_wh / crop_wh).max(1)
    angle = np.deg2rad(rotation_deg)
    matrices = np.empty((len(scale), 2, 3))
    matrices[:, 0, 0] = matrices[:, 1, 1] = scale * np.cos(angle)
    matrices[:, 1, 0] = scale * np.sin(angle)
    matrices[:, 0, 1] = -matrices[:, 1, 0]
    linear = matrices[..., :2]
    if crop == "udp":
        linear *= ((crop_wh - 1) / crop_wh)[:, None]
    middle = crop_wh / 2 if crop == "half_size" else (crop_wh - 1) / 2
    matrices[..., 2] = middle - np.einsum("nij,nj->ni", linear, centre)
    return matrices


def _padded(box_xyxy: np.ndarray, padding: float) -> Tuple[np.ndarray, np.ndarray]:
    """Return centre and size (N, 2) float64 px of boxes (N, 4), whose sides of a pixel or more grow by padding."""
    boxes = np.asarray(box_xyxy, np.float64).reshape(-1, 4)
    return (boxes[:, :2] + boxes[:, 2:]) / 2, padding * np.maximum(boxes[:, 2:] - boxes[:, :2], 1.0)


def pixels_inside(matrices: np.ndarray, box_xyxy: np.ndarray, padding: float, size_wh: Sequence[int]) -> np.ndarray:
    """Compute the part of each crop that shows the padded box itself, without what fills the crop's aspect ratio.

    Args:
        matrices: (N, 2, 3) image -> crop px, without rotation.
        box_xyxy: (N, 4) px of the image.
        padding: factor on the sides of the boxes.
        size_wh: (width, height) px of the crops.

    Returns:
        (N, 4) int: first column and row, and last column and row + 1, of the pixels whose centre is inside.
    """
    centre, padded_wh = _padded(box_xyxy, padding)
    corners = apply(matrices, np.stack([centre - padded_wh / 2, centre + padded_wh / 2], 1))
    rounded = np.stack([np.ceil(corners[:, 0] - 1e-6), np.floor(corners[:, 1] + 1e-6) + 1], 1)
    ends: np.ndarray = rounded.clip(0, size_wh).astype(int).reshape(-1, 4)
    return ends


def short_side_wh(image_wh: Sequence[int], short_side: int, multiple: int = 64) -> Tuple[int, int]:
    """Compute the size of a bottom-up network's input for a whole image.

    The short side gets the wanted length and the long side follows the aspect ratio, rounded up to the next multiple
    unless it is less than a pixel over one. That is the test size of HigherHRNet and LitePose (lib/utils/transforms.py,
    get_multi_scale_size).

    Args:
        image_wh: (width, height) px of the image.
        short_side: wanted length of the short side, px.
        multiple: both sides become multiples of this number of px.

    Returns:
        (width, height) px.
    """
    short = (short_side + multiple - 1) // multiple * multiple
    long = int((short * max(image_wh) / float(min(image_wh)) + multiple - 1) // multiple * multiple)
    return (short, long) if image_wh[0] < image_wh[1] else (long, short)


def letterbox_matrix(image_wh: Sequence[int], size_wh: Sequence[int]) -> np.ndarray:
    """Compute the affine map (2, 3) that fits the whole image into a size, aspect kept, at the top left.

    Args:
        image_wh: (width, height) px of the image.
        size_wh: (width, height) px to fill; what the image does not cover is padding.
    """
    scale = min(size_wh[0] / float(image_wh[0]), size_wh[1] / float(image_wh[1]))
    offset = (scale - 1) / 2  # keeps the edges of pixels aligned, not their centres
    return np.array([[scale, 0, offset], [0, scale, offset]])


def invert(matrices: np.ndarray) -> np.ndarray:
    """Invert affine maps (..., 2, 3)."""
    inverse = np.linalg.inv(matrices[..., :2])
    return np.concatenate([inverse, -inverse @ matrices[..., 2:]], -1)


def apply(matrices: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Map points by affine maps.

    Args:
        matrices: (N, 2, 3), or a single one (2, 3).
        xy: (N, K, 2), or (..., 2) for a single matrix.

    Returns:
        The mapped points, of the shape of xy.
    """
    mapped: np.ndarray = xy @ np.swapaxes(matrices[..., :2], -1, -2) + np.swapaxes(matrices[..., 2:], -1, -2).reshape(
        matrices.shape[:-2] + (1,) * (np.ndim(xy) > 1) + (2,)
    )
    return mapped
