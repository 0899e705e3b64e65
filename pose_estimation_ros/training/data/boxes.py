"""Whole images with person boxes, for the person detector: zoomed, tiled in mosaics, turned into TTFNet's targets."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Sequence

import cv2
import numpy as np
from torch.utils.data import Dataset

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.geometry import letterbox_matrix, xywh_to_xyxy
from pose_estimation_ros.datasets.coco_faults import Size, finite_numbers, named, refuse, size_of
from pose_estimation_ros.datasets.coco_json import read_coco_json
from pose_estimation_ros.evaluation.metrics.detection import refuse_odd_fields, with_boxes
from pose_estimation_ros.training.data.augment import Randomness, random_color
from pose_estimation_ros.training.data.images import load_items, read_item
from pose_estimation_ros.training.recipe import Recipe, Source

STRIDE = 8
SPREAD = 0.54  # of the Gaussian around a centre, relative to the box (TTFNet's alpha and beta)
MIN_SIGMA = 0.5  # cells: so that small boxes are learned from the neighbour cells, too
MIN_WEIGHT = 0.05  # of a Gaussian: below it a cell does not learn the box
MIN_SIDE = 6.0  # px: smaller boxes in the network's input are ignored
MIN_VISIBLE = 0.4  # share of a box inside the view, below which it is ignored
MAX_BOXES = 100  # per sample
DOUBT = (0.1, 0.6)  # a teacher's scores that stand for nobody and for a person: in between, it is learned as doubtful
PERSON = 0.5  # score from which a box counts as a person


class Scene(NamedTuple):
    """One image's persons. complete: everybody is annotated.

    score (N,): 1 a person, 0..1 what the detector should answer there, NaN neither person nor background; size: of the
    image as annotated, where it is known.
    """

    file_name: str
    box_xyxy: np.ndarray
    score: np.ndarray
    complete: bool
    size: Size | None = None


def load_scenes(path: str | Path) -> list[Scene]:
    """Read all images of a COCO file, those without persons, too; other categories than persons are background.

    A box that a detector made carries its "score", which becomes the score to learn (DOUBT): what the teacher took for
    a person by a hair is the background that a student must see. A crowd without a score is NaN. Persons whose box has
    no width or height are left out, with a warning.

    Raises DataError: as read_coco_json, scores that are not finite numbers, or nobody with a box.
    """
    scenes = []
    annotated = read_coco_json(path)
    persons = [a for _, items in annotated for a in items]
    refuse_odd_fields(path, persons)
    wrong = [named(a, "score") for a in persons if not finite_numbers(a.get("score", 1), ())]
    refuse(path, "persons with a score that is not a finite number", wrong)
    for image, items in with_boxes(annotated, path):
        boxes = [(*item["bbox"], learned_score(item)) for item in items]
        found = np.array([box for box in boxes if box[4] != 0], np.float64).reshape(-1, 5)
        complete = image.get("annotations_complete", True)
        scene = Scene(image["file_name"], xywh_to_xyxy(found[:, :4]), found[:, 4], complete, size_of(image))
        scenes.append(scene)
    if not any(np.nan_to_num(scene.score).max(initial=0) >= PERSON for scene in scenes):
        raise DataError(f"{path}: expected persons with boxes, found none in {len(scenes)} images")
    return scenes


def learned_score(item: dict) -> float:
    """0..1 of an annotation; NaN = ignored."""
    return np.interp(item["score"], DOUBT, (0, 1)) if "score" in item else np.nan if item.get("iscrowd") else 1.0


class View(NamedTuple):
    """A picture and what is known: image (h, w, 3) uint8 BGR, box_xyxy (N, 4) px, score (N,), known (h, w) bool."""

    image: np.ndarray
    box_xyxy: np.ndarray
    score: np.ndarray
    known: np.ndarray


def make_view(frame: np.ndarray, scene: Scene, matrix: np.ndarray, size_wh: Sequence[int]) -> View:
    """The part of a scene that an upright affine map (2, 3) shows; boxes are cut at its sides."""
    width, height = size_wh
    image = cv2.warpAffine(frame, matrix, (width, height), flags=cv2.INTER_LINEAR)
    edges = scene.box_xyxy.reshape(-1, 2, 2) * np.diag(matrix[:, :2]) + matrix[:, 2]
    whole = np.sort(edges, 1).reshape(-1, 4)  # sorted: a mirrored box stays x1 < x2
    cut = np.clip(whole, -0.5, np.array([width, height] * 2) - 0.5)
    sides, whole_sides = cut[:, 2:] - cut[:, :2], whole[:, 2:] - whole[:, :2]
    seen = sides.prod(1) / np.maximum(whole_sides.prod(1), 1e-6)
    inside = sides.min(1, initial=np.inf) > 0.5
    unclear = (seen < MIN_VISIBLE) | (sides.min(1, initial=np.inf) < MIN_SIDE)
    cut, score = cut[inside].astype(np.float32), np.where(unclear, np.nan, scene.score)[inside]
    known = np.full((height, width), scene.complete)
    for index in np.argsort(~np.isnan(score), kind="stable"):  # a person in front of what is ignored is known
        x1, y1, x2, y2 = np.round(cut[index] + 0.5).astype(int)
        known[y1:y2, x1:x2] = not np.isnan(score[index])
    return View(image, cut, score, known)


def random_matrix(
    image_wh: Sequence[int], size_wh: Sequence[int], zoom: Sequence[float], mirror: bool, rng: np.random.Generator
) -> np.ndarray:
    """Upright map (2, 3) image -> view: fitted to the view, zoomed log-uniformly in the range, anywhere."""
    image, size = np.asarray(image_wh, float), np.asarray(size_wh, float)
    scale = (size / image).min() * np.exp(rng.uniform(*np.log(zoom)))
    offset = rng.uniform(size=2) * (size - image * scale)
    matrix = np.array([[scale, 0, offset[0]], [0, scale, offset[1]]])
    if mirror:
        matrix[0] = [-scale, 0, size[0] - 1 - offset[0]]
    return matrix


def join_tiles(tiles: Sequence[View], split_xy: Sequence[int], size_wh: Sequence[int]) -> View:
    """A 2 x 2 mosaic of views: top left, top right, bottom left, bottom right of the point where they meet."""
    (x, y), (width, height) = split_xy, size_wh
    image, known = np.empty((height, width, 3), np.uint8), np.empty((height, width), bool)
    boxes = []
    for tile, (left, top) in zip(tiles, ((0, 0), (x, 0), (0, y), (x, y))):
        h, w = tile.known.shape
        image[top : top + h, left : left + w], known[top : top + h, left : left + w] = tile.image, tile.known
        boxes.append(tile.box_xyxy + np.array([left, top, left, top], np.float32))
    return View(image, np.concatenate(boxes), np.concatenate([tile.score for tile in tiles]), known)


def encode_targets(view: View, stride: int = STRIDE) -> dict[str, np.ndarray]:
    """TTFNet's targets on a map (h, w) of cells.

    person (1, h, w): the score in the cells that hold a person's centre, Gaussians around; known (1, h, w): 0 where
    nothing is learned; box_xyxy (4, h, w) px: the smallest person (score >= PERSON) whose Gaussian covers the cell;
    box_weight (h, w): each person's Gaussian, with a sum of log(area in cells): a large person counts more, not in
    proportion to its cells.
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
    """(h, w): 1 in the cell that holds the box's centre, falling off with the box's width and height."""
    cell = np.floor(((box[:2] + box[2:]) / 2 + 0.5) / stride)
    sigma = np.maximum((SPREAD * (box[2:] - box[:2]) / stride + 1) / 6, MIN_SIGMA)
    x, y = (np.exp(-((np.arange(n) - c) ** 2) / (2 * s**2)) for n, c, s in zip(map_wh, cell, sigma))
    return y[:, None] * x


class BoxesDataset(Dataset):
    """Images with detector targets.

    Item: image (3, h, w) float32 RGB 0..255; the arrays of encode_targets; boxes (MAX_BOXES, 5) float32: x1 y1 x2 y2 px
    and 1 person, 0 ignored or doubtful, -1 no box.
    """

    def __init__(self, recipe: Recipe, sources: list[Source], augment: bool) -> None:
        self.recipe, self.augment = recipe, augment
        self.items, self.skipped = load_items(recipe, sources, lambda s: load_scenes(recipe.path(s.annotations)))
        self.random = Randomness()

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        view = self.random_view(index) if self.augment else self.whole(index)
        image = np.ascontiguousarray(view.image[:, :, ::-1].transpose(2, 0, 1), np.float32)
        if self.augment and self.recipe.augmentation.color:
            image = random_color(image, self.recipe.augmentation.color, self.random())
        boxes = np.full((MAX_BOXES, 5), -1, np.float32)
        listed = np.concatenate([view.box_xyxy, view.score[:, None] >= PERSON], 1)[:MAX_BOXES]
        boxes[: len(listed)] = listed
        return {"image": image, "boxes": boxes, **encode_targets(view)}

    def whole(self, index: int) -> View:
        """As at runtime: letterboxed at the top left."""
        (frame, scene), size_wh = read_item(self.items[index]), tuple(self.recipe.input_size_wh)
        return make_view(frame, scene, letterbox_matrix(frame.shape[1::-1], size_wh), size_wh)

    def random_view(self, index: int) -> View:
        size_wh, rng = self.recipe.input_size_wh, self.random()
        if rng.random() >= self.recipe.augmentation.mosaic:
            return self.random_tile(index, size_wh)
        x, y = (int(n * rng.uniform(0.35, 0.65)) for n in size_wh)
        rest_x, rest_y = size_wh[0] - x, size_wh[1] - y
        others = rng.integers(len(self.items), size=3)
        sizes = ((x, y), (rest_x, y), (x, rest_y), (rest_x, rest_y))
        return join_tiles([self.random_tile(i, s) for i, s in zip((index, *others), sizes)], (x, y), size_wh)

    def random_tile(self, index: int, size_wh: Sequence[int]) -> View:
        (frame, scene), rng, ranges = read_item(self.items[index]), self.random(), self.recipe.augmentation
        matrix = random_matrix(frame.shape[1::-1], size_wh, ranges.zoom, rng.random() < ranges.flip, rng)
        return make_view(frame, scene, matrix, size_wh)
