"""What of a camera's image is looked at, and which way up: for cameras mounted sideways, and views that are half wall.

Stands here and not in core, as turning takes OpenCV 0.1 ms at 640x480 and NumPy 2.
"""

import math
from typing import Sequence, Tuple

import cv2
import numpy as np

from pose_estimation_ros.core.errors import ConfigError, FrameError
from pose_estimation_ros.core.geometry import apply, invert
from pose_estimation_ros.core.poses import Poses

TURNS = {0: None, 90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


class View:
    """A region of an image, turned upright.

    roi_xywh: px of the original image; width or height 0: as far as the image goes; what reaches over its edge is cut
    off, so that a region outlives a change of size. rotation_deg: 0, 90, 180 or 270, by how much clockwise the image
    must be turned to stand upright. Raises ConfigError for other numbers.

    image_wh, in the methods: size of the original image, px. left and right joints stay what they are: people are
    turned, not mirrored.
    """

    def __init__(self, roi_xywh: Sequence[int] = (0, 0, 0, 0), rotation_deg: int = 0) -> None:
        if len(roi_xywh) != 4 or not all(value == int(value) and value >= 0 for value in roi_xywh):
            raise ConfigError("expected a region x, y, width, height of whole pixels >= 0, got %s" % list(roi_xywh))
        if rotation_deg not in TURNS:
            raise ConfigError("expected a rotation of %s degrees, got %s" % (", ".join(map(str, TURNS)), rotation_deg))
        self.roi_xywh, self.rotation_deg = tuple(int(value) for value in roi_xywh), int(rotation_deg)

    def cut(self, frame: np.ndarray) -> np.ndarray:
        """(H, W, C) -> (h, w, C): a view on the frame, its rows apart where it is a region, or where turned a copy.

        Raises FrameError ("roi") for a region that lies outside the frame.
        """
        x, y, width, height = self._region(frame.shape[1::-1])
        part = frame[y : y + height, x : x + width]
        return cv2.rotate(part, TURNS[self.rotation_deg]) if self.rotation_deg else part

    def back(self, poses: Poses, image_wh: Sequence[int]) -> Poses:
        """Poses in pixels of the cut image -> of the original: keypoints, boxes, velocities; scores stay."""
        if not self.rotation_deg and self.roi_xywh[:2] == (0, 0):
            return poses
        matrix = self._to_original(image_wh)
        xy, velocity = apply(matrix, poses.xy), poses.velocity @ matrix[:, :2].T
        boxes = _moved(matrix, poses.box_xyxy)
        return poses._replace(
            xy=xy.astype(np.float32), velocity=velocity.astype(np.float32), box_xyxy=boxes.astype(np.float32)
        )

    def boxes(self, boxes_xyxy: np.ndarray, image_wh: Sequence[int]) -> np.ndarray:
        """Boxes (N, 4) px of the original image -> (N, 4) float32 px of the cut one; they may lie beside it."""
        return _moved(invert(self._to_original(image_wh)), boxes_xyxy).astype(np.float32)

    def size_wh(self, image_wh: Sequence[int]) -> Tuple[int, int]:
        """(width, height) px of the cut image."""
        _x, _y, width, height = self._region(image_wh)
        return (height, width) if self.rotation_deg in (90, 270) else (width, height)

    def _region(self, image_wh: Sequence[int]) -> Tuple[int, int, int, int]:
        x, y, width, height = self.roi_xywh
        image_width, image_height = image_wh
        if x >= image_width or y >= image_height:
            problem = "expected a region inside the image of %d x %d px, got x, y, width, height %d, %d, %d, %d"
            raise FrameError("roi", problem % ((image_width, image_height) + self.roi_xywh))
        return x, y, min(width or image_width, image_width - x), min(height or image_height, image_height - y)

    def _to_original(self, image_wh: Sequence[int]) -> np.ndarray:
        """Affine map (2, 3) cut -> original px. Turned back about the middle between the pixels' centres."""
        x, y, width, height = self._region(image_wh)
        cos, sin = round(math.cos(math.radians(self.rotation_deg))), round(math.sin(math.radians(self.rotation_deg)))
        linear = np.array([[cos, sin], [-sin, cos]], np.float64)
        cut_middle, middle = ((np.array(size) - 1) / 2.0 for size in (self.size_wh(image_wh), (width, height)))
        return np.concatenate([linear, (middle + (x, y) - linear @ cut_middle)[:, None]], 1)


def _moved(matrix: np.ndarray, boxes_xyxy: np.ndarray) -> np.ndarray:
    """Boxes (N, 4) xyxy by a map that turns by right angles."""
    corners = apply(matrix, np.asarray(boxes_xyxy, np.float64).reshape(-1, 2, 2))
    return np.concatenate([corners.min(1), corners.max(1)], 1)
