"""Paint lines, discs and plates of any opacity into a part of an image, and write text."""

from typing import Sequence, Tuple, Union

import cv2
import numpy as np

FONT = cv2.FONT_HERSHEY_SIMPLEX
SHIFT = 4  # bits of the fraction in OpenCV's coordinates: shapes move by sixteenths of a pixel
FRINGE_PX = 1.2  # by which OpenCV's smooth edges widen a polygon or a disc
THIN_PX = 2.0  # narrower lines are no polygons
FARTHEST_PX = 1e4  # OpenCV computes with integers, which coordinates far beyond the image would overflow

Color = Tuple[int, int, int]
Colors = Union[Color, Sequence[Color], np.ndarray]


class Paint:
    """Hold shapes that are painted over each other, and mix them into the image once.

    The shapes are colours times their opacity, beside the opacity (Porter and Duff, "Compositing Digital Images",
    10.1145/800031.808606), so that smooth edges mix well with what lies below. Inks are made by ink_of().
    """

    def __init__(self, image: np.ndarray, area_xyxy: np.ndarray) -> None:
        """Prepare an empty layer above a part of the image.

        Args:
            image: (H, W, 3) uint8 BGR, of at least one pixel.
            area_xyxy: (4,) px, where shapes are painted; what lies outside the image is not seen.
        """
        height, width = image.shape[:2]
        left, top = np.floor(area_xyxy[:2]).clip(0, (width - 1, height - 1)).astype(int).tolist()
        right, bottom = np.ceil(area_xyxy[2:] + 1).clip((left + 1, top + 1), (width, height)).astype(int).tolist()
        self._below = image[top:bottom, left:right]
        self._layer = np.zeros(self._below.shape[:2] + (4,), np.uint8)
        self._corner = np.array([left, top])

    def lines(self, ends_xy: np.ndarray, inks: np.ndarray, widths: np.ndarray) -> None:
        """Paint lines, which are at least 1.3 px wide.

        Args:
            ends_xy: (L, 2, 2) px, first and last points.
            inks: (L, 4).
            widths: (L,) float, px.
        """
        along = (ends_xy[:, 1] - ends_xy[:, 0]).astype(np.float64)
        along /= np.maximum(np.linalg.norm(along, axis=1), 1e-9)[:, None]
        across = along[:, ::-1] * (0.5, -0.5) * (widths - FRINGE_PX)[:, None]
        corners = self._fixed(ends_xy[:, [0, 0, 1, 1]] + across[:, None] * [[1], [-1], [-1], [1]])
        ends = self._fixed(ends_xy)
        for line, ink in enumerate(inks.tolist()):
            if widths[line] < THIN_PX:
                start, end = ends[line].tolist()
                cv2.line(self._layer, tuple(start), tuple(end), ink, 1, cv2.LINE_AA, SHIFT)
            else:
                cv2.fillConvexPoly(self._layer, corners[line], ink, cv2.LINE_AA, SHIFT)

    def discs(self, xy: np.ndarray, inks: np.ndarray, radii: np.ndarray) -> None:
        """Paint discs, of at least 3 px, and single pixels where a radius is below 1 px.

        Args:
            xy: (n, 2) px, centres.
            inks: (n, 4).
            radii: (n,) float, px.
        """
        is_dot = radii < 1
        centres = self._fixed(np.where(is_dot[:, None], np.rint(xy), xy)).tolist()
        inner = np.where(is_dot, 0, np.maximum(radii - FRINGE_PX / 2, 1))
        fixed_radii = np.rint(inner * (1 << SHIFT)).astype(int).tolist()
        for centre, ink, radius in zip(centres, inks.tolist(), fixed_radii):
            cv2.circle(self._layer, tuple(centre), radius, ink, -1, cv2.LINE_AA if radius else cv2.LINE_8, SHIFT)

    def plate(self, box_xyxy: np.ndarray, ink: np.ndarray) -> None:
        """Fill a box (4,) of whole px with an ink (4,)."""
        left, top, right, bottom = (box_xyxy - np.tile(self._corner, 2)).astype(int).tolist()
        cv2.rectangle(self._layer, (left, top), (right - 1, bottom - 1), ink.tolist(), -1)

    def mix(self) -> None:
        """Mix what was painted into the image."""
        through = cv2.cvtColor(255 - self._layer[..., 3], cv2.COLOR_GRAY2BGR)
        dimmed = cv2.multiply(self._below, through, scale=1 / 255.0)
        self._below[...] = cv2.add(dimmed, cv2.cvtColor(self._layer, cv2.COLOR_BGRA2BGR))

    def _fixed(self, xy: np.ndarray) -> np.ndarray:
        """Convert points (..., 2) px of the image to whole sixteenths of a pixel of the layer, int32."""
        near = xy.clip(-FARTHEST_PX, FARTHEST_PX) - self._corner
        fixed: np.ndarray = np.rint(near * (1 << SHIFT)).astype(np.int32)
        return fixed


def ink_of(colors: Colors, opacity: Union[float, np.ndarray]) -> np.ndarray:
    """Return colours times their opacity, and the opacity, as 0..255.

    Args:
        colors: (..., 3) BGR.
        opacity: (...,) in 0..1.

    Returns:
        (..., 4) float.
    """
    opaque = np.asarray(opacity)[..., None]
    return np.concatenate([np.asarray(colors) * opaque, 255 * opaque], -1)


def write(image: np.ndarray, text: str, start_xy: np.ndarray, color: Color, scale: float) -> None:
    """Write a text into an image: OpenCV 5 writes letters of wrong colours into layers of four channels.

    Args:
        image: (H, W, 3) uint8 BGR.
        text: letters that OpenCV's font has.
        start_xy: (2,) px, where the base line starts.
        color: BGR.
        scale: scale of the font.
    """
    x, y = np.rint(start_xy).astype(int).tolist()
    cv2.putText(image, text, (x, y), FONT, scale, color, _stroke(scale), cv2.LINE_AA)


def text_size(text: str, scale: float) -> Tuple[int, int, int]:
    """Return the width of a text, its height above the base line, and what may lie below it, px.

    Args:
        text: letters that OpenCV's font has.
        scale: scale of the font.
    """
    (width, height), below = cv2.getTextSize(text, FONT, scale, _stroke(scale))
    return width, height, below


def _stroke(scale: float) -> int:
    """Return the thickness of letters in px."""
    return 1 if scale < 0.8 else 2
