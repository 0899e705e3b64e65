"""Write a toy set: images of drawn people with COCO's annotations, images of nobody, and a video of people who walk."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pose_estimation_ros.core.atomic_files import new_folder, write_json
from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.core.skeleton import SKELETONS, Skeleton, get_skeleton
from pose_estimation_ros.datasets import crowdpose, mpii
from pose_estimation_ros.datasets.coco_categories import category_of
from pose_estimation_ros.datasets.coco_json import ANNOTATIONS
from pose_estimation_ros.datasets.toy.body import random_body
from pose_estimation_ros.datasets.toy.layouts import crowd_index, detections, mpii_entry
from pose_estimation_ros.datasets.toy.scene import SIZE_WH, Person, draw_nobody, draw_scene
from pose_estimation_ros.datasets.toy.walk import draw_walk

PARTS = ("train", "holdout")
NOBODY, WALK = "nobody", "walk"
HOLDOUT = 5  # one image of the holdout part per so many of the training part
Watch = Callable[[range], Iterable[int]]
EMPTY = 10  # one image without people per so many with people
EMPTY_IDS = 100_000  # ids of images without people are larger, so that they are the same in larger sets
FRAMES = 60  # most images of the video
DETECTIONS, MPII = "person_detections.json", "mpii.json"
LICENSE = {"id": 1, "name": "drawn by pose_estimation_ros, free of any licence", "url": ""}


@dataclass(frozen=True)
class ToySet:
    """Say which toy set to write.

    Attributes:
        folder: folder of the set, made where it is missing.
        images: images to train on; a fifth as many, at least one, are to measure on.
        skeleton: name of the skeleton of the labels.
        seed: of all random choices; the first images of a larger set are those of a smaller one.
    """

    folder: str
    images: int = 300
    skeleton: str = "coco17"
    seed: int = 0


def write_toy_set(order: ToySet, watch: Watch = lambda numbers: numbers) -> dict[str, tuple[int, int]]:
    """Write all parts of a set.

    FOLDER/train, FOLDER/holdout and FOLDER/walk have images/ and person_keypoints.json; the first two also DETECTIONS
    and, for the skeleton mpii16, MPII. FOLDER/nobody has images without people, which are in no other part.

    Args:
        order: what to write.
        watch: gets the numbers of a part's images, and passes them on while it shows progress.

    Returns:
        Number of images and of people, by part.

    Raises:
        ConfigError: the skeleton is unknown, or has keypoints that the drawn bodies lack; or a part exists.
        DataError: a part cannot be written.
    """
    skeleton = drawn_skeleton(order.skeleton)
    parts = (*PARTS, NOBODY, WALK)
    present = [str(Path(order.folder, part)) for part in parts if Path(order.folder, part).exists()]
    if present:
        raise ConfigError(f"expected a new folder for the toy set, got {present[0]}, which exists")
    try:
        with contextlib.ExitStack() as stack:
            for part in parts:
                stack.enter_context(new_folder(Path(order.folder, part)))
            counts = {part: _write_part(order, part, watch, skeleton) for part in PARTS}
            return {**counts, NOBODY: (_write_nobody(order), 0), WALK: _write_walk(order, skeleton)}
    except OSError as error:
        raise DataError(f"cannot write {order.folder}: {error.strerror or error}") from error


def drawn_skeleton(name: str) -> Skeleton:
    """Return a skeleton whose keypoints the drawn bodies have. Raises ConfigError for any other."""
    skeleton, drawn = get_skeleton(name), set(random_body(np.random.default_rng(0)))
    if not drawn.issuperset(skeleton.keypoints):
        fitting = sorted(known for known, one in SKELETONS.items() if drawn.issuperset(one.keypoints))
        raise ConfigError(f"expected a skeleton out of {', '.join(fitting)} for a toy set, got {name}")
    return skeleton


def _write_part(order: ToySet, part: str, watch: Watch, skeleton: Skeleton) -> tuple[int, int]:
    """Write the part to train on or to measure on, and return the numbers of images and people in it."""
    folder, key = Path(order.folder, part), [order.seed, PARTS.index(part)]
    count = order.images if part == PARTS[0] else max(order.images // HOLDOUT, 1)
    content = _Content(folder, skeleton, order.seed)
    for number in watch(range(1, count + 1)):
        pixels, people = draw_scene(np.random.default_rng([*key, number]))
        content.add(number, f"{number:05d}.jpg", pixels, [(person, {}) for person in people])
    for number in range(1, count // EMPTY + 1):
        pixels = draw_nobody(np.random.default_rng([*key, number, EMPTY_IDS]))
        content.add(EMPTY_IDS + number, f"nobody_{number:05d}.jpg", pixels, [])
    content.write()
    boxes = detections(content.images, content.annotations, np.random.default_rng(key))
    write_json(folder / DETECTIONS, boxes)
    if skeleton.name == mpii.SKELETON:
        names = {image["id"]: image["file_name"] for image in content.images}
        write_json(folder / MPII, [mpii_entry(names[a["image_id"]], a) for a in content.annotations])
    return len(content.images), len(content.annotations)


def _write_nobody(order: ToySet) -> int:
    """Write the images without people, and return their number."""
    count = max(order.images // EMPTY, 1)
    for number in range(1, count + 1):
        pixels = draw_nobody(np.random.default_rng([order.seed, len(PARTS), number]))
        _save(pixels, Path(order.folder, NOBODY, f"{number:05d}.jpg"))
    return count


def _write_walk(order: ToySet, skeleton: Skeleton) -> tuple[int, int]:
    """Write the video, and return the numbers of its images and of the people in all of them."""
    content = _Content(Path(order.folder, WALK), skeleton, order.seed)
    frames = min(max(order.images // HOLDOUT, 2), FRAMES)
    for number, (pixels, people) in enumerate(draw_walk(order.seed, frames)):
        labelled = [(person, {"track_id": walker}) for walker, person in people.items()]
        content.add(number, f"{number:05d}.jpg", pixels, labelled)
    content.write()
    return len(content.images), len(content.annotations)


class _Content:
    """Collect the images and annotations of a part.

    Args:
        folder: folder of the part.
        skeleton: skeleton of the labels.
        seed: of the set.
    """

    def __init__(self, folder: Path, skeleton: Skeleton, seed: int) -> None:
        (folder / "images").mkdir()
        self.folder, self.skeleton, self.seed = folder, skeleton, seed
        self.images: list[dict[str, Any]] = []
        self.annotations: list[dict[str, Any]] = []

    def add(self, number: int, file_name: str, pixels: np.ndarray, people: list[tuple[Person, dict[str, Any]]]) -> None:
        """Save an image and add it.

        Args:
            number: id of the image.
            file_name: its name.
            pixels: (H, W, 3) uint8 RGB.
            people: the people in it, each with further fields of the annotation.
        """
        _save(pixels, self.folder / "images" / file_name)
        entry = {"id": number, "file_name": file_name, "width": SIZE_WH[0], "height": SIZE_WH[1], "license": 1}
        added: list[dict[str, Any]] = []
        for person, fields in people:
            ids = {"id": len(self.annotations) + len(added) + 1, "image_id": number}
            added.append({**ids, **annotation(person, self.skeleton), **fields})
        if self.skeleton.name == crowdpose.SKELETON:
            entry["crowdIndex"] = round(crowd_index(added), 4)
        self.images.append(entry)
        self.annotations += added

    def write(self) -> None:
        """Write the annotation file."""
        lists = {"images": self.images, "annotations": self.annotations, "categories": [category_of(self.skeleton)]}
        write_json(self.folder / ANNOTATIONS, {"info": {"seed": self.seed}, "licenses": [LICENSE], **lists})


def _save(pixels: np.ndarray, path: Path) -> None:
    """Save an image (H, W, 3) uint8 RGB as a JPEG."""
    Image.fromarray(pixels).save(path, quality=92)


def annotation(person: Person, skeleton: Skeleton) -> dict[str, Any]:
    """Return the fields of COCO's annotation of a person, without the ids of annotation and image."""
    keypoints = [person.keypoints[name] for name in skeleton.keypoints]
    return {
        "category_id": category_of(skeleton)["id"],
        "iscrowd": 0,
        "bbox": list(person.box_xywh),
        "area": person.area,
        "keypoints": [value for keypoint in keypoints for value in keypoint],
        "num_keypoints": sum(visibility > 0 for _x, _y, visibility in keypoints),
    }
