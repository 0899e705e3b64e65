"""Make samples for the person detector: whole images with person boxes, zoomed, joined in mosaics or pasted on.

The targets are those of "Training-Time-Friendly Network for Real-Time Object Detection" (TTFNet, Liu et al., AAAI 2020,
arXiv:1909.00700).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, Sequence

import cv2
import numpy as np

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.geometry import letterbox_matrix, shared_area, xywh_to_xyxy
from pose_estimation_ros.datasets.coco_faults import Size, size_of
from pose_estimation_ros.datasets.coco_json import read_coco_json
from pose_estimation_ros.evaluation.metrics.detection import refuse_odd_fields, with_boxes
from pose_estimation_ros.training.data.augment import happens, mosaic_tiles, random_color, random_split, shrink
from pose_estimation_ros.training.data.coco import refuse_odd_scores
from pose_estimation_ros.training.data.dataset import AnnotatedDataset, Sample
from pose_estimation_ros.training.data.images import read_item
from pose_estimation_ros.training.recipe import Source

STRIDE = 8
SPREAD = 0.54  # spread of the Gaussian around a centre, relative to the box (TTFNet's alpha and beta)
MIN_SIGMA = 0.5  # cells; small boxes are then learned from the neighbour cells, too
MIN_WEIGHT = 0.05  # value of a Gaussian below which a cell does not learn the box
MIN_SIDE = 6.0  # px: smaller boxes in the network's input are ignored
MIN_VISIBLE = 0.4  # share of a box inside the view, below which it is ignored
MAX_BOXES = 100  # boxes per sample
LEAST_PASTED = 20  # px: least side of a picture that is pasted on; people in crops are then about 16 px high
MOST_PASTED = 0.5  # largest height of a picture that is pasted on, relative to the view
PASTED_ZOOM = (1.0, 1.5)  # of the image in the picture that is pasted on; from 1 on, people are cut off
# Scores of a teacher that mean nobody (0) and a person (1); in between, the score to learn is interpolated.
UNCERTAIN_SCORES = (0.1, 0.6)
PERSON = 0.5  # score from which a box counts as a person


class Scene(NamedTuple):
    """Hold one image's persons.

    Attributes:
        file_name: file name of the image.
        box_xyxy: (N, 4) px.
        score: (N,), 1 for a person, 0..1 for what the detector should answer there, NaN for neither person nor
            background.
        complete: whether everybody is annotated.
        size: width and height of the image as annotated, where they are known.
    """

    file_name: str
    box_xyxy: np.ndarray
    score: np.ndarray
    complete: bool
    size: Size | None = None


def load_scenes(path: str | Path) -> list[Scene]:
    """Read all images of a COCO file, also those without persons; other categories than persons are background.

    A box that a detector made has its "score", from which the score to learn follows (UNCERTAIN_SCORES). A box of a low
    score is kept: it is a hard example of background for the student. A crowd without a score is NaN. Persons whose box
    has no width or height are left out, with a warning.

    Raises DataError as read_coco_json, and for scores that are not finite numbers, or nobody with a box.
    """
    scenes = []
    annotated = read_coco_json(path)
    persons = [a for _, items in annotated for a in items]
    refuse_odd_fields(path, persons)
    refuse_odd_scores(path, persons)
    for image, items in with_boxes(annotated, path):
        boxes = [(*item["bbox"], learned_score(item)) for item in items]
        learned = np.array([box for box in boxes if box[4] != 0], np.float64).reshape(-1, 5)
        complete = image.get("annotations_complete", True)
        scene = Scene(image["file_name"], xywh_to_xyxy(learned[:, :4]), learned[:, 4], complete, size_of(image))
        scenes.append(scene)
    if not any(np.nan_to_num(scene.score).max(initial=0) >= PERSON for scene in scenes):
        raise DataError(f"{path}: expected persons with boxes, found none in {len(scenes)} images")
    return scenes


def learned_score(item: dict[str, Any]) -> float:
    """Return the score 0..1 to learn for an annotation; NaN means that it is ignored."""
    if "score" in item:
        return float(score_to_learn(item["score"]))
    return np.nan if item.get("iscrowd") else 1.0


def score_to_learn(score: float | np.ndarray) -> np.ndarray:
    """Return the scores 0..1 to learn where a teacher's are these, in the same shape."""
    return np.asarray(np.interp(score, UNCERTAIN_SCORES, (0, 1)))


class View(NamedTuple):
    """Hold a picture and what is known about it.

    Attributes:
        image: (h, w, 3) uint8 BGR.
        box_xyxy: (N, 4) px.
        score: (N,), as in Scene.
        known: (h, w) bool, false where it is not known whether there is a person.
    """

    image: np.ndarray
    box_xyxy: np.ndarray
    score: np.ndarray
    known: np.ndarray


def make_view(frame: np.ndarray, scene: Scene, matrix: np.ndarray, size_wh: Sequence[int]) -> View:
    """Make the view of a part of a scene; boxes are cut at its sides.

    Args:
        frame: (H, W, 3) uint8 BGR.
        scene: persons of the image.
        matrix: (2, 3) affine map image -> view without rotation.
        size_wh: width and height of the view in px.
    """
    width, height = size_wh
    image = cv2.warpAffine(*shrink(frame, matrix), (width, height), flags=cv2.INTER_LINEAR)
    edges = scene.box_xyxy.reshape(-1, 2, 2) * np.diag(matrix[:, :2]) + matrix[:, 2]
    whole = np.sort(edges, 1).reshape(-1, 4)  # sorted: a mirrored box stays x1 < x2
    cut = np.clip(whole, -0.5, np.array([width, height] * 2) - 0.5)
    sides, whole_sides = cut[:, 2:] - cut[:, :2], whole[:, 2:] - whole[:, :2]
    visible_share = sides.prod(1) / np.maximum(whole_sides.prod(1), 1e-6)
    inside = sides.min(1, initial=np.inf) > 0.5
    unclear = (visible_share < MIN_VISIBLE) | (sides.min(1, initial=np.inf) < MIN_SIDE)
    cut, score = cut[inside].astype(np.float32), np.where(unclear, np.nan, scene.score)[inside]
    known = np.full((height, width), scene.complete)
    for index in np.argsort(~np.isnan(score), kind="stable"):  # a person in front of what is ignored is known
        x1, y1, x2, y2 = np.round(cut[index] + 0.5).astype(int)
        known[y1:y2, x1:x2] = not np.isnan(score[index])
    return View(image, cut, score, known)


def random_matrix(
    image_wh: Sequence[int], size_wh: Sequence[int], zoom: Sequence[float], mirror: bool, rng: np.random.Generator
) -> np.ndarray:
    """Draw an affine map image -> view without rotation, of random zoom and place.

    Args:
        image_wh: width and height of the image in px.
        size_wh: width and height of the view in px.
        zoom: lowest and highest zoom, log-uniform; at 1 the image is fitted into the view.
        mirror: whether the view is mirrored.
        rng: random generator.

    Returns:
        (2, 3) float64.
    """
    image, size = np.asarray(image_wh, float), np.asarray(size_wh, float)
    scale = (size / image).min() * np.exp(rng.uniform(*np.log(zoom)))
    offset = rng.uniform(size=2) * (size - image * scale)
    matrix = np.array([[scale, 0, offset[0]], [0, scale, offset[1]]])
    if mirror:
        matrix[0] = [-scale, 0, size[0] - 1 - offset[0]]
    return matrix


def join_tiles(tiles: Sequence[View], split_xy: Sequence[int], size_wh: Sequence[int]) -> View:
    """Join four views to a 2 x 2 mosaic.

    Args:
        tiles: top left, top right, bottom left, bottom right.
        split_xy: px where they meet.
        size_wh: width and height of the mosaic in px.
    """
    width, height = size_wh
    image, known = np.empty((height, width, 3), np.uint8), np.empty((height, width), bool)
    boxes = []
    for tile, (left, top, w, h) in zip(tiles, mosaic_tiles(split_xy, size_wh)):
        image[top : top + h, left : left + w], known[top : top + h, left : left + w] = tile.image, tile.known
        boxes.append(tile.box_xyxy + np.array([left, top, left, top], np.float32))
    return View(image, np.concatenate(boxes), np.concatenate([tile.score for tile in tiles]), known)


def paste(view: View, tile: View, left_top: Sequence[int]) -> View:
    """Paste a smaller view onto a view. Who is behind it is cut where it covers a side of the box from end to end.

    Those of whom too little is left to be seen, or whose centre is covered, are ignored.

    Args:
        view: the larger view.
        tile: the smaller view.
        left_top: px of the larger view where the smaller one begins.
    """
    (left, top), (h, w) = left_top, tile.known.shape
    cover = np.array([left, top, left + w, top + h], np.float32) - 0.5
    behind = cut_behind(view.box_xyxy, cover)
    sides = behind[:, 2:] - behind[:, :2]
    hidden = shared_area(behind, cover[None])[:, 0] / np.maximum(sides.prod(1), 1e-6)
    whole = (view.box_xyxy[:, 2:] - view.box_xyxy[:, :2]).prod(1)
    visible_share = (1 - hidden) * sides.prod(1) / np.maximum(whole, 1e-6)
    centre = (behind[:, :2] + behind[:, 2:]) / 2
    is_covered = ((centre >= cover[:2]) & (centre <= cover[2:])).all(1)
    unclear = is_covered | (visible_share < MIN_VISIBLE) | (sides.min(1, initial=np.inf) < MIN_SIDE)
    image, known = view.image.copy(), view.known.copy()
    for x1, y1, x2, y2 in np.round(behind[unclear] + 0.5).astype(int):
        known[y1:y2, x1:x2] = False
    image[top : top + h, left : left + w], known[top : top + h, left : left + w] = tile.image, tile.known
    boxes = np.concatenate([behind, tile.box_xyxy + np.array([left, top, left, top], np.float32)])
    return View(image, boxes, np.concatenate([np.where(unclear, np.nan, view.score), tile.score]), known)


def cut_behind(box_xyxy: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """Cut boxes to what can be seen of them beside a rectangle that covers a side of theirs from end to end.

    Args:
        box_xyxy: (N, 4) px.
        cover: (4,) xyxy px, the rectangle.

    Returns:
        (N, 4) px; the two sides of a box that is covered altogether are the same.
    """
    low, high = box_xyxy[:, :2].copy(), box_xyxy[:, 2:].copy()
    for axis in (0, 1):
        across = 1 - axis
        spans = (cover[across] <= low[:, across]) & (cover[2 + across] >= high[:, across])
        starts, ends = spans & (cover[axis] <= low[:, axis]), spans & (cover[2 + axis] >= high[:, axis])
        low[:, axis] = np.where(starts, np.clip(cover[2 + axis], low[:, axis], high[:, axis]), low[:, axis])
        high[:, axis] = np.where(ends, np.clip(cover[axis], low[:, axis], high[:, axis]), high[:, axis])
    return np.concatenate([low, high], 1)


def encode_targets(view: View, stride: int = STRIDE) -> dict[str, np.ndarray]:
    """Make TTFNet's targets on a map (h, w) of cells.

    Args:
        view: picture and persons.
        stride: input px per cell.

    Returns:
        Four float32 arrays. person (1, h, w): the score in the cells that hold a person's centre, with Gaussians
        around. known (1, h, w): 0 where nothing is learned. box_xyxy (4, h, w) px: the smallest person (score >=
        PERSON) whose Gaussian covers the cell. box_weight (h, w): each person's Gaussian with a sum of log(area in
        cells), so that a large person counts more, but not in proportion to its cells.
    """
    height, width = (n // stride for n in view.known.shape)
    known = view.known.reshape(height, stride, width, stride).mean((1, 3)) > 0.5
    person, weight = np.zeros((height, width)), np.zeros((height, width))
    target = np.zeros((4, height, width))
    boxes = view.box_xyxy.astype(float)
    for index in np.argsort(-(boxes[:, 2:] - boxes[:, :2]).prod(1), kind="stable"):
        box, score = boxes[index], view.score[index]
        if np.isnan(score):
            continue
        peak = gaussian(box, (width, height), stride)
        person = np.maximum(person, peak * score)
        near = (peak > MIN_WEIGHT) & (score >= PERSON)
        area = np.prod((box[2:] - box[:2]) / stride)
        weight[near] = peak[near] / peak[near].sum() * np.log(max(area, 2.0))
        target[:, near] = box[:, None]
    known |= person > MIN_WEIGHT
    targets = {"person": person[None], "known": known[None], "box_xyxy": target, "box_weight": weight}
    return {name: array.astype(np.float32) for name, array in targets.items()}


def gaussian(box: np.ndarray, map_wh: Sequence[int], stride: int) -> np.ndarray:
    """Draw a Gaussian that is 1 in the cell with the box's centre and as wide and high as the box says.

    Args:
        box: (4,) xyxy input px.
        map_wh: cells.
        stride: input px per cell.

    Returns:
        (h, w) float64.
    """
    cell = np.floor(((box[:2] + box[2:]) / 2 + 0.5) / stride)
    sigma = np.maximum((SPREAD * (box[2:] - box[:2]) / stride + 1) / 6, MIN_SIGMA)
    x, y = (np.exp(-((np.arange(n) - c) ** 2) / (2 * s**2)) for n, c, s in zip(map_wh, cell, sigma))
    peak: np.ndarray = y[:, None] * x
    return peak


class BoxesDataset(AnnotatedDataset[Scene]):
    """Make images with detector targets, augmented where ``augment`` is true.

    A sample has image (3, h, w) float32 RGB 0..255; the arrays of encode_targets; boxes (MAX_BOXES, 5) float32: x1 y1
    x2 y2 px and 1 for a person, 0 for one that is ignored or uncertain, -1 for no box.
    """

    def load_entries(self, source: Source) -> list[Scene]:
        """Read the images of a source with their persons."""
        return load_scenes(self.recipe.path(source.annotations))

    def __getitem__(self, index: int) -> Sample:
        view = self._random_view(index) if self.augment else self._whole_view(index)
        image = np.ascontiguousarray(view.image[:, :, ::-1].transpose(2, 0, 1), np.float32)
        if self.augment and self.recipe.augmentation.color:
            image = random_color(image, self.recipe.augmentation.color, self.random())
        boxes = np.full((MAX_BOXES, 5), -1, np.float32)
        listed = np.concatenate([view.box_xyxy, view.score[:, None] >= PERSON], 1)[:MAX_BOXES]
        boxes[: len(listed)] = listed
        return {"image": image, "boxes": boxes, **encode_targets(view)}

    def _whole_view(self, index: int) -> View:
        """Make the view as at runtime: letterboxed, at the top left."""
        (frame, scene), size_wh = read_item(self.items[index]), self._size_wh()
        return make_view(frame, scene, letterbox_matrix(frame.shape[1::-1], size_wh), size_wh)

    def _random_view(self, index: int) -> View:
        """Make a view of random zoom and place, or a mosaic of four, and paste smaller pictures onto it."""
        view, most = self._random_scene(index), self.recipe.augmentation.pasted
        for _ in range(self.random().integers(most + 1) if most else 0):
            view = self._with_pasted(view)
        return view

    def _with_pasted(self, view: View) -> View:
        """Paste a random image, small and at a random place, onto a view."""
        (frame, scene), rng = read_item(self.items[self.random().integers(len(self.items))]), self.random()
        view_wh, frame_wh = view.known.shape[::-1], np.array(frame.shape[1::-1])
        height = np.exp(rng.uniform(*np.log([LEAST_PASTED, max(MOST_PASTED * view_wh[1], LEAST_PASTED)])))
        size_wh = np.clip(height * frame_wh / frame_wh[1], LEAST_PASTED, view_wh).astype(int).tolist()
        is_mirrored = happens(self.recipe.augmentation.flip, rng)
        matrix = random_matrix(frame.shape[1::-1], size_wh, PASTED_ZOOM, is_mirrored, rng)
        left_top = [int(rng.integers(whole - part + 1)) for whole, part in zip(view_wh, size_wh)]
        return paste(view, make_view(frame, scene, matrix, size_wh), left_top)

    def _random_scene(self, index: int) -> View:
        """Make a view of random zoom and place, or a mosaic of four."""
        size_wh, rng = self._size_wh(), self.random()
        if rng.random() >= self.recipe.augmentation.mosaic:
            return self._random_tile(index, size_wh)
        split_xy = random_split(size_wh, rng)
        indices = (index, *rng.integers(len(self.items), size=3))
        tiles = [self._random_tile(i, wh) for i, (_, _, *wh) in zip(indices, mosaic_tiles(split_xy, size_wh))]
        return join_tiles(tiles, split_xy, size_wh)

    def _random_tile(self, index: int, size_wh: Sequence[int]) -> View:
        (frame, scene), rng, ranges = read_item(self.items[index]), self.random(), self.recipe.augmentation
        matrix = random_matrix(frame.shape[1::-1], size_wh, ranges.zoom, rng.random() < ranges.flip, rng)
        return make_view(frame, scene, matrix, size_wh)

    def _size_wh(self) -> tuple[int, int]:
        width, height = self.recipe.input_size_wh
        return width, height
