"""Draw shaded solids into an image with a depth for every pixel, so that what is nearer covers what is behind it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

NOBODY = -1
FRONT, SIDE_LIGHT = 0.55, 0.45  # shares of the light from the camera and from the lamp
LAMP = np.array([-0.5, -0.7, -0.5]) / np.sqrt(0.99)  # direction towards the lamp


class Solid(NamedTuple):
    """Hold a body part: balls of changing size along a line.

    Attributes:
        start: (3,) m, in the camera's frame: x right, y down, z forward.
        end: (3,) m.
        radius: at the start and at the end, m.
        color: (3,) RGB in 0..255.
        stripes: number of darker stripes across the line.
    """

    start: np.ndarray
    end: np.ndarray
    radius: tuple[float, float]
    color: np.ndarray
    stripes: int = 0


class Canvas:
    """Hold an image with the depth and the owner of every pixel.

    Args:
        background: (H, W, 3) RGB in 0..255, infinitely far away.
        focal_px: focal length of the camera.
        center_y: row of the horizon, px; the middle of the width is that of the camera.
    """

    def __init__(self, background: np.ndarray, focal_px: float, center_y: float) -> None:
        height, width = background.shape[:2]
        self.color = background.astype(np.float32)
        self.depth = np.full((height, width), np.inf)
        self.owner = np.full((height, width), NOBODY)
        self.focal_px, self.center = focal_px, np.array([(width - 1) / 2, center_y])

    def project(self, points: np.ndarray) -> np.ndarray:
        """Return the pixels (..., 2) of points (..., 3)."""
        xy: np.ndarray = self.focal_px * points[..., :2] / points[..., 2:] + self.center
        return xy

    def draw(self, solid: Solid, owner: int = NOBODY) -> None:
        """Draw a solid where it is nearer than what is there; in each pixel it is a ball with the axis' depth.

        Args:
            solid: what to draw.
            owner: whom its pixels belong to.
        """
        ends = self.project(np.stack([solid.start, solid.end]))
        scale = self.focal_px / np.array([solid.start[2], solid.end[2]])
        radius = np.array(solid.radius) * scale
        part, xy = self._around(ends, radius.max())
        if not xy.size:
            return
        axis = ends[1] - ends[0]
        along = np.clip((xy - ends[0]) @ axis / max(axis @ axis, 1e-9), 0, 1)
        reach = radius[0] + along * (radius[1] - radius[0])
        offset = (xy - ends[0] - along[..., None] * axis) / reach[..., None]
        bulge = np.sqrt(np.maximum(1 - (offset**2).sum(-1), 0))
        size = solid.radius[0] + along * (solid.radius[1] - solid.radius[0])
        depth = solid.start[2] + along * (solid.end[2] - solid.start[2]) - bulge * size
        shown = (bulge > 0) & (depth < self.depth[part])
        normal = np.concatenate([offset, -bulge[..., None]], -1)
        light = FRONT * bulge + SIDE_LIGHT * np.maximum(normal @ LAMP, 0) + 0.25
        light *= 1 - 0.35 * (np.sin(2 * np.pi * solid.stripes * along) > 0) * (solid.stripes > 0)
        self.depth[part][shown] = depth[shown]
        self.owner[part][shown] = owner
        self.color[part][shown] = (light[..., None] * solid.color)[shown]

    def draw_card(self, left_top: tuple[int, int], depth: float, card: np.ndarray) -> None:
        """Draw a flat rectangle that faces the camera.

        Args:
            left_top: place of its corner, px; it may be outside.
            depth: m.
            card: (h, w, 3) RGB in 0..255.
        """
        (left, top), (height, width) = left_top, self.depth.shape
        card = card[max(-top, 0) : max(height - top, 0), max(-left, 0) : max(width - left, 0)]
        left, top = max(left, 0), max(top, 0)
        part = (slice(top, top + card.shape[0]), slice(left, left + card.shape[1]))
        shown = depth < self.depth[part]
        self.depth[part][shown] = depth
        self.owner[part][shown] = NOBODY
        self.color[part][shown] = card[shown]

    def _around(self, ends: np.ndarray, radius: float) -> tuple[tuple[slice, slice], np.ndarray]:
        """Return the part of the image around a line (2, 2) px, and the place (h, w, 2) of its pixels."""
        height, width = self.depth.shape
        low = np.clip(np.floor(ends.min(0) - radius), 0, [width, height]).astype(int)
        high = np.clip(np.ceil(ends.max(0) + radius) + 1, 0, [width, height]).astype(int)
        grid = np.mgrid[low[1] : high[1], low[0] : high[0]]
        return (slice(low[1], high[1]), slice(low[0], high[0])), np.moveaxis(grid[::-1], 0, -1).astype(float)
