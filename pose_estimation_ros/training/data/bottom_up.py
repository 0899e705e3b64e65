"""Make bottom-up samples: whole images with the joints of all people at two scales, and masks over what is unknown."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, Sequence

import cv2
import numpy as np
from pycocotools import mask as rle

from pose_estimation_ros.core import heatmap
from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.geometry import apply, letterbox_matrix, xywh_to_xyxy
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.datasets.coco_faults import Size, size_of
from pose_estimation_ros.datasets.coco_fields import is_counted
from pose_estimation_ros.datasets.coco_json import read_coco_json
from pose_estimation_ros.datasets.coco_warnings import warn_of_persons
from pose_estimation_ros.datasets.segmentations import regions
from pose_estimation_ros.imaging.crops import warp_crops
from pose_estimation_ros.training.data.augment import happens, random_color, random_rotation, random_zoom
from pose_estimation_ros.training.data.dataset import AnnotatedDataset, Sample
from pose_estimation_ros.training.data.images import read_item
from pose_estimation_ros.training.recipe import Augmentation, Recipe, Source

STRIDE = 4
MAX_PEOPLE = 30  # people per sample whose tags are learned
RADIUS_SIGMAS = 4  # radius within which a joint's Gaussian is drawn; outside it is below 0.0004
JOINT_MIN = 0.1  # value of a Gaussian from which a labelled joint counts, even in a masked region


class Scene(NamedTuple):
    """Hold one image with its people.

    Attributes:
        file_name: file name of the image.
        keypoints: (P, K, 3), x and y in px, visibility.
        ignored: compressed RLE of what is masked, or {}.
        corners: (P, 4, 2) px of the people's boxes.
        unsure: (P,) bool, whether joints without a label may be somewhere in the box.
        size: width and height of the image as annotated, where they are known.
    """

    file_name: str
    keypoints: np.ndarray
    ignored: dict[str, Any]
    corners: np.ndarray
    unsure: np.ndarray
    size: Size | None = None


def load_scenes(path: str | Path, skeleton: Skeleton) -> list[Scene]:
    """Read the images of a COCO or CrowdPose file whose people are all annotated.

    Images without any person are left out, as in HigherHRNet's code, and those with "annotations_complete": false,
    because their unlabelled people would be learned as background. Crowds and persons without keypoints are masked by
    their segmentation, or by their box where there is none, as in CrowdPose. Annotations with a "label", such as those
    of tools/label_keypoints and of the crops in shared/data, are unsure: a joint without a label may still be there.

    Args:
        path: path of the annotation file.
        skeleton: skeleton whose keypoints the file must have.

    Returns:
        A scene for each image.

    Raises:
        DataError: as read_coco_json, and for a segmentation that does not fit its image, or nobody with keypoints in
            the whole file.
    """
    scenes = []
    annotated = read_coco_json(path, skeleton)
    images = {image["id"]: image for image, _ in annotated}
    warn_of_persons([a for _, items in annotated for a in items if is_counted(a)], images, path)
    for image, items in annotated:
        if not items or not image.get("annotations_complete", True):
            continue
        labelled = [item for item in items if is_counted(item)]
        keypoints = np.array([item["keypoints"] for item in labelled], np.float32)
        keypoints = keypoints.reshape(-1, skeleton.num_keypoints, 3)
        ignored = ignored_region(image, [item for item in items if not is_counted(item)], path)
        corners = box_corners([item["bbox"] for item in labelled])
        unsure = np.array(["label" in item for item in labelled], bool)
        scenes.append(Scene(image["file_name"], keypoints, ignored, corners, unsure, size_of(image)))
    if not any((scene.keypoints[..., 2] > 0).any() for scene in scenes):
        raise DataError(f"{path}: expected persons with keypoints in images with complete annotations, found none")
    return scenes


def box_corners(boxes: Sequence[Sequence[float]]) -> np.ndarray:
    """Return the corners (P, 4, 2) float32, in turn around each box, of P boxes x, y, width, height."""
    return xywh_to_xyxy(np.array(boxes))[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)


def ignored_region(image: dict[str, Any], items: list[dict[str, Any]], path: str | Path) -> dict[str, Any]:
    """Return the union of annotations' regions as compressed RLE, which is small enough to keep for all of COCO.

    Args:
        image: image of the annotations.
        items: annotations of what is masked.
        path: path of the annotation file, for messages.

    Returns:
        The RLE, or {} where nothing is masked.

    Raises:
        DataError: the image's size is unknown, or a segmentation does not fit it.
    """
    if not items:
        return {}
    size = size_of(image)
    if size is None:
        raise DataError(f"{path}: expected width and height of image {image['id']}, which has people to be masked")
    parts = []
    for item in items:
        try:
            parts += regions(item, size[::-1])
        except DataError as error:
            raise DataError(f"{path}: annotation {item.get('id')} of {image['file_name']}: {error}") from error
    merged: dict[str, Any] = rle.merge(parts)  # type: ignore[assignment]
    return merged


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
    angle, flip = np.deg2rad(random_rotation(ranges, rng)), bool(rng.random() < ranges.flip)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if flip:
        linear[0] *= -1
    fitted = apply(letterbox_matrix(tuple(image_wh), tuple(size_wh)), middle[None])[0]
    centre = fitted if is_fitted else (size - 1) / 2
    centre = centre + rng.uniform(-1, 1, 2) * ranges.translate_px
    return np.concatenate([linear, (centre - linear @ middle)[:, None]], 1), flip


def people_heatmaps(xy: np.ndarray, visible: np.ndarray, size_wh: Sequence[int], sigma: float) -> np.ndarray:
    """Draw the joints of all people into one set of heatmaps; where two overlap, the higher value wins.

    Args:
        xy: (P, K, 2) heatmap px.
        visible: (P, K) bool.
        size_wh: width and height of the heatmaps.
        sigma: standard deviation of the Gaussians in heatmap px.

    Returns:
        (K, h, w) float32.
    """
    heatmaps = np.zeros((xy.shape[1], size_wh[1], size_wh[0]), np.float32)
    margin = RADIUS_SIGMAS * sigma
    for person_xy, labelled in zip(xy, visible):
        if not labelled.any():
            continue
        low = np.floor(person_xy[labelled].min(0) - margin).clip(0).astype(int)
        high = np.ceil(person_xy[labelled].max(0) + margin + 1).clip(max=size_wh).astype(int)
        if (low < high).all():
            part = heatmaps[:, low[1] : high[1], low[0] : high[0]]
            np.maximum(part, heatmap.encode(person_xy - low, labelled, high - low, sigma)[0], out=part)
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


def known_cells(
    scene: Scene, ignored: np.ndarray, visible: np.ndarray, matrix: np.ndarray, labelled: np.ndarray
) -> np.ndarray:
    """Return where it is known whether there is a joint.

    All joints within an ignored region are unknown, except where any joint is labelled. Within the box of an unsure
    person the unlabelled joints are unknown, except where another person has that joint.

    Args:
        scene: the image's people.
        ignored: ignored region of the scene, uint8 in the image's size, 1 = ignored.
        visible: (P, K) bool, who has which joint.
        matrix: (2, 3) affine map image -> heatmap.
        labelled: (K, h, w) bool, where joints are.

    Returns:
        (K, h, w) bool.
    """
    known = np.ones(labelled.shape, np.uint8)
    corners = np.round(apply(matrix, scene.corners.astype(float))).astype(np.int32)
    for person in np.flatnonzero(scene.unsure):
        for k in np.flatnonzero(~visible[person]):
            cv2.fillConvexPoly(known[k], corners[person], 0)
    hidden = cv2.warpAffine(ignored, matrix, labelled.shape[:0:-1], flags=cv2.INTER_NEAREST)
    result: np.ndarray = (known.astype(bool) | labelled) & ((hidden == 0) | labelled.any(0))
    return result


def mosaic(samples: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Join four samples of one size to one of twice the width and height.

    If there are more than MAX_PEOPLE, the last have no tags to learn.

    Args:
        samples: top left, top right, bottom left, bottom right.
    """
    names = [name for name in samples[0] if name not in ("cells", "xy")]
    rows = {
        name: [np.concatenate([s[name] for s in pair], -1) for pair in (samples[:2], samples[2:])] for name in names
    }
    height, width = samples[0]["heatmaps"].shape[1:]
    places = np.concatenate([s["xy"] + (width * (i % 2), height * (i // 2)) for i, s in enumerate(samples)])
    labelled = np.concatenate([s["cells"] >= 0 for s in samples])
    cells, xy = joint_cells(places, labelled, (2 * width, 2 * height))
    return {**{name: np.concatenate(both, -2) for name, both in rows.items()}, "cells": cells, "xy": xy}


class BottomUpDataset(AnnotatedDataset[Scene]):
    """Make images with targets for bottom-up networks, augmented where ``augment`` is true.

    A sample has image (3, h, w) float32 RGB 0..255; heatmaps (K, h/4, w/4), heatmaps_2x (K, h/2, w/2) float32; mask and
    mask_2x alike, 0 = ignored; cells (30, K) int64 and xy (30, K, 2) float32 px of the 1/4 map (joint_cells). Without
    augmentation the image is letterboxed as at runtime. What lies beyond the image counts as background, because it is
    there at runtime, too; HigherHRNet masks it.

    Args:
        recipe: the recipe.
        sources: its sources of images.
        augment: whether samples are changed at random.
    """

    def __init__(self, recipe: Recipe, sources: list[Source], augment: bool) -> None:
        self.skeleton = recipe.require_skeleton()
        super().__init__(recipe, sources, augment)

    def load_entries(self, source: Source) -> list[Scene]:
        """Read the images of a source with their people."""
        return load_scenes(self.recipe.path(source.annotations), self.skeleton)

    def __getitem__(self, index: int) -> Sample:
        size_wh = self.recipe.input_size_wh
        if not (self.augment and happens(self.recipe.augmentation.mosaic, self.random())):
            return self._sample(index, size_wh)
        indices = (index, *self.random().integers(len(self.items), size=3))
        return mosaic([self._sample(i, [side // 2 for side in size_wh]) for i in indices])

    def _sample(self, index: int, size_wh: Sequence[int]) -> Sample:
        (frame, scene), ranges = read_item(self.items[index]), self.recipe.augmentation
        width, height = size_wh
        matrix, flip = letterbox_matrix(frame.shape[1::-1], (width, height)), False
        if self.augment:
            matrix, flip = random_matrix(frame.shape[1::-1], size_wh, ranges, self.random())
        image = warp_crops(frame, matrix[None], size_wh)[0]
        if self.augment and ranges.color:
            image = random_color(image, ranges.color, self.random())
        order = self.skeleton.flip_index if flip else np.arange(self.skeleton.num_keypoints)
        xy, visible = apply(matrix, scene.keypoints[..., :2].astype(float))[:, order], scene.keypoints[:, order, 2] > 0
        return {"image": image, **self._targets(scene, matrix, xy, visible, size_wh)}

    def _targets(
        self, scene: Scene, matrix: np.ndarray, xy: np.ndarray, visible: np.ndarray, size_wh: Sequence[int]
    ) -> Sample:
        """Make the targets of people with joints xy (P, K, 2) in px of the input, visible (P, K)."""
        targets = {}
        ignored = rle.decode(scene.ignored) if scene.ignored else np.zeros((1, 1), np.uint8)  # type: ignore[arg-type]
        for suffix, stride in (("", STRIDE), ("_2x", STRIDE // 2)):
            maps_wh = [n // stride for n in size_wh]
            maps = people_heatmaps(xy / stride, visible, maps_wh, self.recipe.sigma)
            known = known_cells(scene, ignored, visible, matrix / stride, maps > JOINT_MIN)
            targets["heatmaps" + suffix], targets["mask" + suffix] = maps, known.astype(np.float32)
        targets["cells"], targets["xy"] = joint_cells(xy / STRIDE, visible, targets["heatmaps"].shape[:0:-1])
        return targets
