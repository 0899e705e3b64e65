"""Make top-down samples: one crop per person, cut by the same function as at runtime."""

from __future__ import annotations

import numpy as np

from pose_estimation_ros.core import heatmap
from pose_estimation_ros.core.geometry import apply, crop_matrices
from pose_estimation_ros.imaging.crops import warp_crops
from pose_estimation_ros.training.data.augment import (
    covered,
    cut_off,
    far_away,
    half_body_box,
    happens,
    random_box,
    random_color,
    random_rotation,
)
from pose_estimation_ros.training.data.coco import ABSENT, Person
from pose_estimation_ros.training.data.dataset import AnnotatedDataset, Sample
from pose_estimation_ros.training.data.images import read_item
from pose_estimation_ros.training.data.persons import load_persons
from pose_estimation_ros.training.data.views import (
    HIDING,
    LEAST_JOINTS,
    SIMILAR,
    covered_by,
    placing_matrix,
    share_of_person,
)
from pose_estimation_ros.training.recipe import Recipe, Source

STRIDE = 4
ASIDE = (0.3, 0.7)  # place of a neighbour's middle from that of the crop, relative to the crop's width
LOWER_BODY = ("hip", "knee", "ankle", "pelvis", "toe", "heel")  # ends of names


class TopDownDataset(AnnotatedDataset[Person]):
    """Make crops with heatmap targets, augmented where ``augment`` is true.

    A sample has image (3, h, w) float32 RGB 0..255; heatmaps (K, h/4, w/4); weight (K,), 0 where nothing is known of a
    joint; peak (K,), the height of its heatmap; xy (K, 2) heatmap px. The height is 1, or the score of the teacher who
    labelled the joint. Where the teacher did not find the joint, or it is cut off, the heatmap is 0.

    Args:
        recipe: the recipe.
        sources: its sources of images.
        augment: whether samples are changed at random.
    """

    def __init__(self, recipe: Recipe, sources: list[Source], augment: bool) -> None:
        self.skeleton = recipe.require_skeleton()
        self.upper = np.array([not name.endswith(LOWER_BODY) for name in self.skeleton.keypoints])
        self.has_halves = self.upper.any() and not self.upper.all()
        self.flip_index = self.skeleton.flip_index
        super().__init__(recipe, sources, augment)

    def load_entries(self, source: Source) -> list[Person]:
        """Read the persons of a source, with a detector's boxes where it names them."""
        detections = self.recipe.path(source.detections) if source.detections else ""
        return load_persons(self.recipe.path(source.annotations), self.skeleton, detections)

    def __getitem__(self, index: int) -> Sample:
        item = self.items[index]
        frame, person = read_item(item, f"annotation {item[-1].annotation}")
        box, xy = person.box_xyxy.astype(float), person.keypoints[:, :2]
        visible = person.keypoints[:, 2] > 0
        angle, flip = 0.0, False
        ranges, rng = self.recipe.augmentation, self.random()
        if self.augment:
            if happens(ranges.cut_off, rng):
                frame, box, xy, visible = cut_off(frame, box, xy, visible, rng)
            box, angle, flip = self.random_view(box, xy, visible)
        size_wh = self.recipe.input_size_wh
        matrix = crop_matrices(box[None], size_wh, self.recipe.padding, angle)
        image, xy = warp_crops(frame, matrix, size_wh)[0], apply(matrix[0], xy)
        order = self.flip_index if flip else np.arange(len(visible))
        if flip:
            image, xy = image[:, :, ::-1], xy * [-1, 1] + [size_wh[0] - 1, 0]
        hidden = np.zeros(len(visible), bool)
        if self.augment:
            if happens(ranges.neighbour, rng):
                image, hidden = self._with_neighbour(image, xy)
            image = self._change_pixels(image)
        sample = self._with_targets(np.ascontiguousarray(image), xy[order] / STRIDE, visible[order])
        sample = with_scores(sample, person, order)
        sample["weight"] = sample["weight"] * ~hidden[order]
        return sample

    def random_view(self, box: np.ndarray, xy: np.ndarray, visible: np.ndarray) -> tuple[np.ndarray, float, bool]:
        """Draw the box (4,) xyxy px to crop, the angle in degrees, and whether the crop is mirrored.

        Args:
            box: (4,) xyxy px.
            xy: joints (K, 2) px.
            visible: (K,) whether joints are visible.
        """
        ranges, rng = self.recipe.augmentation, self.random()
        if self.has_halves and rng.random() < ranges.half_body:
            padding = self.recipe.padding
            box = half_body_box(box, xy, visible, self.upper, padding, rng, ranges.distribution)
        return random_box(box, ranges, rng), random_rotation(ranges, rng), rng.random() < ranges.flip

    def _change_pixels(self, image: np.ndarray) -> np.ndarray:
        """Change resolution and colors of a crop (3, h, w) and cover a part of it, as the recipe says."""
        ranges, rng = self.recipe.augmentation, self.random()
        if happens(ranges.far_away, rng):
            image = far_away(image, rng)
        if ranges.color:
            image = random_color(image, ranges.color, rng)
        return covered(image, rng) if happens(ranges.covered, rng) else image

    def _with_neighbour(self, image: np.ndarray, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Put a random person of the data, cut out, partly in front of a crop, to the left or right.

        Args:
            image: (3, h, w) float32 of the crop.
            xy: joints (K, 2) px of the crop.

        Returns:
            The image, and (K,) bool, which joints are now hidden.
        """
        ranges, rng, size_wh = self.recipe.augmentation, self.random(), self.recipe.input_size_wh
        frame, person = read_item(self.items[rng.integers(len(self.items))])
        joints = person.keypoints[person.keypoints[:, 2] > 0, :2].astype(float)
        if len(joints) < LEAST_JOINTS:
            return image, np.zeros(len(xy), bool)
        aside = np.array([rng.choice((-1, 1)) * rng.uniform(*ASIDE), rng.uniform(-0.2, 0.2)])
        length = size_wh[1] / self.recipe.padding * float(np.exp(rng.uniform(-SIMILAR, SIMILAR)))
        matrix, _ = placing_matrix(person.box_xyxy.reshape(2, 2), (aside + 0.5) * size_wh, length, ranges, rng)
        share = share_of_person(frame, matrix, apply(matrix, joints), length, size_wh)
        front = warp_crops(frame, matrix[None], size_wh)[0]
        return (image * (1 - share) + front * share).astype(np.float32), covered_by(share > HIDING, xy[None])[0]

    def _with_targets(self, image: np.ndarray, xy: np.ndarray, visible: np.ndarray) -> Sample:
        """Make the sample of a crop (3, h, w) with joints xy (K, 2) heatmap px, visible (K,)."""
        width, height = (n // STRIDE for n in self.recipe.input_size_wh)
        heatmaps, weight = heatmap.encode(xy, visible, (width, height), self.recipe.sigma)
        return {"image": image, "heatmaps": heatmaps, "weight": weight, "xy": xy.astype(np.float32)}


def with_scores(sample: Sample, person: Person, order: np.ndarray) -> Sample:
    """Return a sample with the heights of its heatmaps, and what a teacher says of joints that are not labelled.

    Args:
        sample: the sample, without "peak".
        person: the person of the sample.
        order: (K,) the person's joint of each of the sample's.
    """
    if person.scores is None:
        return {**sample, "peak": np.ones(len(order), np.float32)}
    score = person.scores[order]
    is_doubtful = (person.keypoints[order, 2] == 0) & (score >= ABSENT)
    return {
        **sample,
        "heatmaps": sample["heatmaps"] * score[:, None, None],
        "weight": (~is_doubtful).astype(np.float32),
        "peak": score * sample["weight"],
    }
