"""Write a toy set: images of drawn people with COCO's annotations, a part to train on and one to measure on."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pose_estimation_ros.core.atomic_files import write_json
from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.core.skeleton import SKELETONS, Skeleton, get_skeleton
from pose_estimation_ros.datasets.coco_categories import category_of
from pose_estimation_ros.datasets.coco_json import ANNOTATIONS
from pose_estimation_ros.datasets.toy.body import random_body
from pose_estimation_ros.datasets.toy.scene import SIZE_WH, Person, draw_scene

PARTS = ("train", "holdout")
HOLDOUT = 5  # one image of the holdout part per so many of the training part
Watch = Callable[[range], Iterable[int]]
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
    """Write the images and annotations of both parts: FOLDER/PART/images/ and FOLDER/PART/person_keypoints.json.

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
    present = [str(Path(order.folder, part)) for part in PARTS if Path(order.folder, part).exists()]
    if present:
        raise ConfigError(f"expected a new folder for the toy set, got {present[0]}, which exists")
    counts = {"train": order.images, "holdout": max(order.images // HOLDOUT, 1)}
    try:
        with contextlib.ExitStack() as stack:
            for part in PARTS:
                stack.enter_context(new_folder(Path(order.folder, part)))
            return {
                part: (count, _write_part(order, part, watch(range(1, count + 1)), skeleton))
                for part, count in counts.items()
            }
    except OSError as error:
        raise DataError(f"cannot write {order.folder}: {error.strerror or error}") from error


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[None]:
    """Make a folder that does not exist yet, and remove it again where its content cannot be completed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir()
    try:
        yield
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise


def drawn_skeleton(name: str) -> Skeleton:
    """Return a skeleton whose keypoints the drawn bodies have. Raises ConfigError for any other."""
    skeleton, drawn = get_skeleton(name), set(random_body(np.random.default_rng(0)))
    if not drawn.issuperset(skeleton.keypoints):
        fitting = sorted(known for known, one in SKELETONS.items() if drawn.issuperset(one.keypoints))
        raise ConfigError(f"expected a skeleton out of {', '.join(fitting)} for a toy set, got {name}")
    return skeleton


def _write_part(order: ToySet, part: str, numbers: Iterable[int], skeleton: Skeleton) -> int:
    """Write one part of a set and return the number of people in it."""
    folder = Path(order.folder, part)
    (folder / "images").mkdir()
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number in numbers:
        pixels, people = draw_scene(np.random.default_rng([order.seed, PARTS.index(part), number]))
        file_name = f"{number:05d}.jpg"
        Image.fromarray(pixels).save(folder / "images" / file_name, quality=92)
        images.append({"id": number, "file_name": file_name, "width": SIZE_WH[0], "height": SIZE_WH[1], "license": 1})
        for person in people:
            annotations.append({"id": len(annotations) + 1, "image_id": number, **annotation(person, skeleton)})
    content = {"images": images, "annotations": annotations, "categories": [category_of(skeleton)]}
    write_json(folder / ANNOTATIONS, {"info": {"seed": order.seed}, "licenses": [LICENSE], **content})
    return len(annotations)


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
