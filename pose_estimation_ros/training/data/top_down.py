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
    cut_out,
    placing_matrix,
    share_of_person,
    share_of_photograph,
)
from pose_estimation_ros.training.recipe import Recipe, Source

STRIDE = 4
ASIDE = (0.3, 0.7)  # place of a neighbour's middle from that of the crop, relative to the crop's width
ASIDE_BEHIND = (0.1, 0.7)  # that of a neighbour who is behind
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
        if self.augment and happens(ranges.surroundings, rng):
            image = self._with_surroundings(image, share_of_photograph(frame, matrix[0], size_wh))
        order = self.flip_index if flip else np.arange(len(visible))
        if flip:
            image, xy = image[:, :, ::-1], xy * [-1, 1] + [size_wh[0] - 1, 0]
        hidden = np.zeros(len(visible), bool)
        if self.augment:
            length = side_px(person) * float(np.sqrt(abs(np.linalg.det(matrix[0, :, :2]))))
            image, hidden = self._with_neighbours(image, xy, visible, length)
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

    def _with_surroundings(self, image: np.ndarray, share: np.ndarray) -> np.ndarray:
        """Fill what is outside the photograph with a random image of the data, which covers the whole crop.

        Args:
            image: (3, h, w) float32 of the crop, black outside the photograph.
            share: (h, w) float32 0..1, how much of the photograph each pixel shows.
        """
        if share.min() == 1:
            return image
        frame, _ = read_item(self.items[self.random().integers(len(self.items))])
        size_wh, frame_wh = self.recipe.input_size_wh, np.array(frame.shape[1::-1])
        scale = float((size_wh / frame_wh).max())
        matrix = np.column_stack([np.eye(2) * scale, (size_wh - scale * frame_wh) / 2])
        around: np.ndarray = image + (1 - share) * warp_crops(frame, matrix[None], size_wh)[0]
        return around

    def _with_neighbour(
        self, image: np.ndarray, xy: np.ndarray, aside: tuple[float, float], person: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Put a random person of the data, cut out, into a crop, to the left or right.

        Args:
            image: (3, h, w) float32 of the crop.
            xy: joints (K, 2) px of the crop.
            aside: smallest and largest distance of the neighbour's middle from that of the crop, in crop widths.
            person: (h, w) float32 0..1, where the crop's person is, who stays in front; None for no one.

        Returns:
            The image, and (K,) bool, which joints are now hidden.
        """
        ranges, rng, size_wh = self.recipe.augmentation, self.random(), self.recipe.input_size_wh
        frame, other = read_item(self.items[rng.integers(len(self.items))])
        joints = other.keypoints[other.keypoints[:, 2] > 0, :2].astype(float)
        if len(joints) < LEAST_JOINTS:
            return image, np.zeros(len(xy), bool)
        place = np.array([rng.choice((-1, 1)) * rng.uniform(*aside), rng.uniform(-0.2, 0.2)])
        length = size_wh[1] / self.recipe.padding * float(np.exp(rng.uniform(-SIMILAR, SIMILAR)))
        matrix, _ = placing_matrix(other.box_xyxy.reshape(2, 2), (place + 0.5) * size_wh, length, ranges, rng)
        share = share_of_person(frame, matrix, apply(matrix, joints), length, size_wh)
        if person is not None:
            share = share * (1 - person)
        cut = warp_crops(frame, matrix[None], size_wh)[0]
        return (image * (1 - share) + cut * share).astype(np.float32), covered_by(share > HIDING, xy[None])[0]

    def _with_neighbours(
        self, image: np.ndarray, xy: np.ndarray, known: np.ndarray, length: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Put people of the data behind and in front of the person of a crop, as the recipe says.

        Args:
            image: (3, h, w) float32 of the crop.
            xy: joints (K, 2) px of the crop.
            known: (K,) bool, which of them are labelled.
            length: longer side of the person's box in px of the crop, which may show a part of it.

        Returns:
            The image, and (K,) bool, which joints are now hidden.
        """
        ranges, rng = self.recipe.augmentation, self.random()
        hidden = np.zeros(len(xy), bool)
        if happens(ranges.neighbour_behind, rng) and known.sum() >= LEAST_JOINTS:
            person = cut_out(xy[known], np.ones(image.shape[1:], np.uint8), length)
            image, _ = self._with_neighbour(image, xy, ASIDE_BEHIND, person)
        if happens(ranges.neighbour, rng):
            image, hidden = self._with_neighbour(image, xy, ASIDE)
        return image, hidden

    def _with_targets(self, image: np.ndarray, xy: np.ndarray, visible: np.ndarray) -> Sample:
        """Make the sample of a crop (3, h, w) with joints xy (K, 2) heatmap px, visible (K,)."""
        width, height = (n // STRIDE for n in self.recipe.input_size_wh)
        heatmaps, weight = heatmap.encode(xy, visible, (width, height), self.recipe.sigma)
        return {"image": image, "heatmaps": heatmaps, "weight": weight, "xy": xy.astype(np.float32)}


def side_px(person: Person) -> float:
    """Return the longer side of a person's box in px of the image."""
    return float((person.box_xyxy[2:] - person.box_xyxy[:2]).max())


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
