"""Make bottom-up samples: whole images with the joints of all people at two scales, and masks over what is unknown."""

from __future__ import annotations

from typing import Sequence

import cv2
import numpy as np

from pose_estimation_ros.core import heatmap
from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.geometry import apply, letterbox_matrix
from pose_estimation_ros.training.data.augment import happens, mosaic_tiles, random_split, random_turn, random_zoom
from pose_estimation_ros.training.data.dataset import AnnotatedDataset, Sample
from pose_estimation_ros.training.data.images import read_item
from pose_estimation_ros.training.data.scenes import Scene, load_scenes
from pose_estimation_ros.training.data.views import (
    View,
    can_be_pasted,
    join_views,
    make_view,
    paste_person,
    with_random_color,
)
from pose_estimation_ros.training.recipe import Augmentation, Recipe, Source

STRIDE = 4
MAX_PEOPLE = 30  # people per sample whose tags are learned
RADIUS_SIGMAS = 4  # radius within which a joint's Gaussian is drawn; outside it is below 0.0004
JOINT_MIN = 0.1  # value of a Gaussian from which a labelled joint counts, even in a masked region


def random_matrix(
    image_wh: Sequence[int], size_wh: Sequence[int], ranges: Augmentation, rng: np.random.Generator
) -> tuple[np.ndarray, bool]:
    """Draw an affine map image -> input.

    With the zoom reference "fitted", the whole image is fitted into the input at zoom 1, and its centre goes to where
    the runtime's letterbox has it. With "short_side", the image's short side fills that of the input, as when LitePose
    is tested, and the image's centre goes to the input's, as in the training code of HigherHRNet and LitePose. Either
    way the centre is moved by +- translate_px along the input's axes.

    Args:
        image_wh: width and height of the image in px.
        size_wh: width and height of the network's input in px.
        ranges: the recipe's augmentation.
        rng: random generator.

    Returns:
        (2, 3) float64, and whether it mirrors.
    """
    image, size = np.asarray(image_wh, float), np.asarray(size_wh, float)
    is_fitted, middle = ranges.zoom_reference == "fitted", (image - 1) / 2
    scale = ((size / image).min() if is_fitted else size.min() / image.min()) * random_zoom(ranges, rng)
    linear, flip = random_turn(scale, ranges, rng)
    fitted = apply(letterbox_matrix(tuple(image_wh), tuple(size_wh)), middle[None])[0]
    centre = fitted if is_fitted else (size - 1) / 2
    centre = centre + rng.uniform(-1, 1, 2) * ranges.translate_px
    return np.concatenate([linear, (centre - linear @ middle)[:, None]], 1), flip


def people_heatmaps(xy: np.ndarray, peak: np.ndarray, size_wh: Sequence[int], sigma: float) -> np.ndarray:
    """Draw the joints of all people into one set of heatmaps; where two overlap, the higher value wins.

    Args:
        xy: (P, K, 2) heatmap px.
        peak: (P, K) height of each joint's Gaussian, 0 for none.
        size_wh: width and height of the heatmaps.
        sigma: standard deviation of the Gaussians in heatmap px.

    Returns:
        (K, h, w) float32.
    """
    heatmaps = np.zeros((xy.shape[1], size_wh[1], size_wh[0]), np.float32)
    margin = RADIUS_SIGMAS * sigma
    for person_xy, height in zip(xy, peak):
        labelled = height > 0
        if not labelled.any():
            continue
        low = np.floor(person_xy[labelled].min(0) - margin).clip(0).astype(int)
        high = np.ceil(person_xy[labelled].max(0) + margin + 1).clip(max=size_wh).astype(int)
        if (low < high).all():
            part = heatmaps[:, low[1] : high[1], low[0] : high[0]]
            drawn = heatmap.encode(person_xy - low, labelled, high - low, sigma)[0] * height[:, None, None]
            np.maximum(part, drawn, out=part)
    return heatmaps


def joint_cells(xy: np.ndarray, visible: np.ndarray, size_wh: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return where the joints of each visible person are, as cells and as coordinates.

    Args:
        xy: (P, K, 2) map px.
        visible: (P, K) bool.
        size_wh: width and height of the map.

    Returns:
        cells (MAX_PEOPLE, K) int64: y * width + x of the pixel nearest to a labelled joint, -1 for a joint that is
        outside or not labelled. xy (MAX_PEOPLE, K, 2) float32, 0 in rows without a person.
    """
    pixel = np.round(xy).astype(np.int64)
    inside = visible & (pixel >= 0).all(-1) & (pixel < np.asarray(size_wh)).all(-1)
    people = np.flatnonzero(inside.any(1))[:MAX_PEOPLE]
    cells = np.full((MAX_PEOPLE, xy.shape[1]), -1, np.int64)
    places = np.zeros((MAX_PEOPLE, xy.shape[1], 2), np.float32)
    cells[: len(people)] = np.where(inside, pixel[..., 1] * size_wh[0] + pixel[..., 0], -1)[people]
    places[: len(people)] = xy[people]
    return cells, places


def known_cells(view: View, stride: int, labelled: np.ndarray) -> np.ndarray:
    """Return where it is known whether there is a joint.

    All joints within an ignored region are unknown, except where any joint is labelled. A person's unknown joints are
    so within the person's box, except where another person has that joint.

    Args:
        view: the picture's people.
        stride: px of the picture per px of the heatmaps.
        labelled: (K, h, w) bool, where joints are.

    Returns:
        (K, h, w) bool.
    """
    known = np.ones(labelled.shape, np.uint8)
    corners = np.round(view.corners / stride).astype(np.int32)
    for person, k in np.argwhere(view.unknown):
        cv2.fillConvexPoly(known[k], corners[person], 0)
    hidden = view.ignored[::stride, ::stride]
    result: np.ndarray = (known.astype(bool) | labelled) & ((hidden == 0) | labelled.any(0))
    return result


def encode_targets(view: View, sigma: float) -> Sample:
    """Make the targets of a view: all of a sample but the image.

    Args:
        view: the picture's people.
        sigma: standard deviation of the Gaussians in heatmap px.
    """
    targets = {}
    size_wh = view.ignored.shape[::-1]
    for suffix, stride in (("", STRIDE), ("_2x", STRIDE // 2)):
        maps_wh = [n // stride for n in size_wh]
        maps = people_heatmaps(view.xy / stride, view.peak, maps_wh, sigma)
        known = known_cells(view, stride, maps > JOINT_MIN)
        targets["heatmaps" + suffix], targets["mask" + suffix] = maps, known.astype(np.float32)
    targets["cells"], targets["xy"] = joint_cells(view.xy / STRIDE, view.peak > 0, [n // STRIDE for n in size_wh])
    return targets


class BottomUpDataset(AnnotatedDataset[Scene]):
    """Make images with targets for bottom-up networks, augmented where ``augment`` is true.

    A sample has image (3, h, w) float32 RGB 0..255; heatmaps (K, h/4, w/4), heatmaps_2x (K, h/2, w/2) float32; mask and
    mask_2x alike, 0 = ignored; cells (30, K) int64 and xy (30, K, 2) float32 px of the 1/4 map (joint_cells). Without
    augmentation the image is letterboxed as at runtime. What lies beyond the image counts as background, because it is
    there at runtime, too; HigherHRNet masks it.

    Args:
        recipe: the recipe.
        sources: its sources of images; people of those with ``pasted`` are put in front of the others' images.
        augment: whether samples are changed at random.

    Raises:
        DataError: there are only sources with ``pasted``, or there is nobody to be pasted.
    """

    def __init__(self, recipe: Recipe, sources: list[Source], augment: bool) -> None:
        self.skeleton = recipe.require_skeleton()
        super().__init__(recipe, sources, augment)
        self.people = [item for item in self.items if item[0].pasted and can_be_pasted(item[2])]
        self.items = [item for item in self.items if not item[0].pasted]
        if not self.items:
            raise DataError("expected a source whose images are samples, got only sources with pasted: true")
        if augment and recipe.augmentation.pasted and not self.people:
            raise DataError(
                "augmentation.pasted: expected a source with pasted: true whose images show one person each"
            )

    def load_entries(self, source: Source) -> list[Scene]:
        """Read the images of a source with their people."""
        others = self.recipe.path(source.others) if source.others else ""
        return load_scenes(self.recipe.path(source.annotations), self.skeleton, others, source.empty)

    def __getitem__(self, index: int) -> Sample:
        view = self._random_view(index) if self.augment else self._whole_view(index)
        return {"image": view.image, **encode_targets(view, self.recipe.sigma)}

    def _whole_view(self, index: int) -> View:
        """Make the view as at runtime: letterboxed, at the top left."""
        (frame, scene), size_wh = read_item(self.items[index]), self.recipe.input_size_wh
        order = np.arange(self.skeleton.num_keypoints)
        return make_view(frame, scene, letterbox_matrix(frame.shape[1::-1], tuple(size_wh)), order, size_wh)

    def _random_view(self, index: int) -> View:
        """Make a view of random zoom and place, or a mosaic of four, and perhaps put people in front."""
        size_wh, ranges, rng = self.recipe.input_size_wh, self.recipe.augmentation, self.random()
        if happens(ranges.mosaic, rng):
            split_xy = random_split(size_wh, rng)
            indices = (index, *rng.integers(len(self.items), size=3))
            tiles = [self._random_tile(i, wh) for i, (_, _, *wh) in zip(indices, mosaic_tiles(split_xy, size_wh))]
            view = join_views(tiles, split_xy, size_wh)
        else:
            view = self._random_tile(index, size_wh)
        for person in rng.integers(len(self.people), size=rng.integers(ranges.pasted + 1)) if ranges.pasted else ():
            frame, scene = read_item(self.people[person])
            view = paste_person(view, frame, scene, self.skeleton.flip_index, ranges, rng)
        return view

    def _random_tile(self, index: int, size_wh: Sequence[int]) -> View:
        (frame, scene), rng, ranges = read_item(self.items[index]), self.random(), self.recipe.augmentation
        matrix, flip = random_matrix(frame.shape[1::-1], size_wh, ranges, rng)
        order = self.skeleton.flip_index if flip else np.arange(self.skeleton.num_keypoints)
        return with_random_color(make_view(frame, scene, matrix, order, size_wh), ranges, rng)
