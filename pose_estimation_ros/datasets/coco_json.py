"""Read COCO's JSON files, annotations and detections, and check them, for evaluation and training."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np

from pose_estimation_ros.core.atomic_files import read_json
from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.geometry import xywh_to_xyxy
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.datasets.coco_categories import (
    COCO_CATEGORIES,
    PERSON,
    Categories,
    category_of,
    comparable_id,
    entries_of_persons,
    read_categories,
)
from pose_estimation_ros.datasets.coco_faults import (
    Entry,
    Size,
    brief,
    finite_numbers,
    is_outside,
    named,
    refuse,
    refuse_missing_keys,
    repeated,
    size_of,
)
from pose_estimation_ros.datasets.coco_fields import with_keypoints
from pose_estimation_ros.datasets.coco_ids import Id, find_id, plain_id
from pose_estimation_ros.datasets.notes import warn

ANNOTATIONS = "person_keypoints.json"
LONGEST = 100_000  # longest side of an image, px

AnnotatedImage = tuple[Entry, list[Entry]]  # an entry of "images", its entries of "annotations" in the file's order
Boxes = dict[Id, tuple[np.ndarray, np.ndarray]]  # image id -> box_xyxy (N, 4) px, score (N,)


def annotation_file(data: str | Path) -> Path:
    """Return the annotation file of a data set, given by that file or by the folder of its person_keypoints.json."""
    return Path(data, ANNOTATIONS) if Path(data).is_dir() else Path(data)


def read_coco_json(path: str | Path, skeleton: Skeleton | None = None) -> list[AnnotatedImage]:
    """List the images of a file with their persons, in its order. Raises DataError as checked_content.

    Args:
        path: path of the file.
        skeleton: skeleton of the keypoints, None where no keypoints are needed.
    """
    return annotated_images(read_json(path), path, skeleton)


def annotated_images(content: Any, path: str | Path, skeleton: Skeleton | None = None) -> list[AnnotatedImage]:
    """Check the content of an annotation file, and list its images with their persons.

    Args:
        content: content of the JSON file.
        path: path of the file, for messages.
        skeleton: skeleton of the persons' keypoints; None where these are not needed.

    Raises:
        DataError: as checked_content.
    """
    return joined(checked_content(content, path, skeleton)[0])


def joined(checked: dict[str, Any]) -> list[AnnotatedImage]:
    """List the images of checked content with their persons."""
    grouped: dict[Id, list[Entry]] = {image["id"]: [] for image in checked["images"]}
    for annotation in checked["annotations"]:
        grouped[annotation["image_id"]].append(annotation)
    return [(image, grouped[image["id"]]) for image in checked["images"]]


def checked_content(
    content: Any, path: str | Path, skeleton: Skeleton | None = None
) -> tuple[dict[str, Any], Categories]:
    """Check the content of an annotation file, and leave out what is not a person.

    Args:
        content: content of the JSON file; it stays as it is. Content that was checked already comes out the same.
        path: path of the file, for messages.
        skeleton: skeleton of the persons' keypoints; None where these are not needed.

    Returns:
        The content with plain ids (coco_ids.plain_id) and persons alone, whose category_id is PERSON; with a skeleton
        every person has "iscrowd", "keypoints" and "num_keypoints" (coco_fields.with_keypoints). And the categories
        that the file itself has.

    Raises:
        DataError: names the first offender and how many there are: no such lists, an image without id or a name
            within the folder, an id that two images or two annotations share, an unknown image_id, a box that is not
            four finite numbers, no category of persons, or keypoints that are not the skeleton's.
    """
    if not isinstance(content, dict) or not all(isinstance(content.get(k), list) for k in ("images", "annotations")):
        raise DataError(f"{path}: expected COCO's lists 'images' and 'annotations'")
    images = checked_images(content["images"], path)
    annotations = content["annotations"]
    refuse(path, "annotations that are no objects", [a for a in annotations if not isinstance(a, dict)])
    odd_ids = [named(a, "id") for a in annotations if "id" in a and plain_id(a["id"]) is None]
    refuse(path, "annotations whose id is neither a whole number nor a text", odd_ids)
    refuse(path, "annotation ids that occur twice", repeated(annotations))
    categories = read_categories(content, str(path), skeleton)
    annotations = persons_of(annotations, categories, path)
    annotations = with_known_images(annotations, {image["id"] for image in images}, path)
    boxless = [named(a, "bbox") for a in annotations if not finite_numbers(a.get("bbox"), (4,))]
    refuse(path, "annotations without a bbox of 4 finite numbers", boxless)
    if skeleton:
        annotations = with_keypoints(annotations, path, skeleton)
    category = category_of(skeleton) if skeleton else {"id": PERSON, "name": "person"}
    checked = {"images": images, "annotations": annotations, "categories": [category]}
    return {**content, **checked}, categories


def checked_images(images: Any, path: str | Path) -> list[Entry]:
    """Return the entries of "images" with plain ids. Raises DataError as checked_content.

    Args:
        images: the list of entries.
        path: path of the file, for the message.
    """
    if not isinstance(images, list):
        raise DataError(f"{path}: expected COCO's list 'images', got {type(images).__name__}")
    refuse(path, "images that are no objects", [i for i in images if not isinstance(i, dict)])
    refuse(path, "images without id and file_name", [brief(i) for i in images if not {"id", "file_name"} <= set(i)])
    odd_ids = [i["id"] for i in images if plain_id(i["id"]) is None]
    refuse(path, "images whose id is neither a whole number nor a text", odd_ids)
    outside = [f"{i['file_name']!r}" for i in images if not is_image_name(i["file_name"])]
    refuse(path, "images whose file_name is not a name within the folder of images", outside)
    sizeless = [f"{i['file_name']} with {i.get('width')}x{i.get('height')}" for i in images if not has_fine_size(i)]
    refuse(path, "images whose width and height are not whole numbers above 0 and up to 100000", sizeless)
    entries: list[Entry] = [with_value(i, "id", plain_id(i["id"])) for i in images]
    kinds = {type(i["id"]) for i in entries}
    if len(kinds) > 1:
        mixed = [next(i["id"] for i in entries if type(i["id"]) is kind) for kind in (int, str)]
        raise DataError(f"{path}: expected image ids of one kind, got numbers and texts: {mixed[0]} and {mixed[1]!r}")
    refuse(path, "image ids that occur twice", repeated(entries))
    return entries


def with_value(entry: Entry, key: str, value: Any) -> Entry:
    """Return an entry whose key has this value: the entry itself, or a copy where it has another value.

    Args:
        entry: the entry, which is not changed.
        key: the key.
        value: the value.
    """
    return entry if type(entry.get(key)) is type(value) and entry.get(key) == value else {**entry, key: value}


def persons_of(annotations: list[Entry], categories: Categories, path: str | Path) -> list[Entry]:
    """Return the annotations of persons, with PERSON as their category_id; none where all are of other categories.

    Args:
        annotations: the annotations of a file.
        categories: the categories of the file.
        path: path of the file, for warnings.
    """
    persons = {categories.person, *categories.same}
    known = persons | categories.non_persons
    implied = categories.person if len(known) == 1 else None  # a file of persons alone may leave it out
    ids = [implied if a.get("category_id") is None else comparable_id(a["category_id"]) for a in annotations]
    strays = [named(a, "category_id") for a, category in zip(annotations, ids) if category not in known]
    refuse(path, "annotations of a category that the file does not list", strays)
    is_person = [category in persons for category in ids]
    return [with_value(a, "category_id", PERSON) for a, chosen in zip(annotations, is_person) if chosen]


def with_known_images(annotations: list[Entry], image_ids: set[Id], path: str | Path) -> list[Entry]:
    """Return the annotations with the ids of their images as these have them. Raises DataError for an unknown image.

    Args:
        annotations: the annotations of a file.
        image_ids: ids of the images of the file.
        path: path of the file, for the message.
    """
    ids = [find_id(a.get("image_id"), image_ids) for a in annotations]
    strays = [named(a, "image_id") for a, image_id in zip(annotations, ids) if image_id not in image_ids]
    refuse(path, "annotations without a known image_id", strays)
    return [with_value(a, "image_id", image_id) for a, image_id in zip(annotations, ids)]


def is_image_name(value: Any) -> bool:
    """Tell whether a file_name leads to a file within the folder of images: no absolute path, no way up."""
    if not isinstance(value, str) or not value or "\0" in value or PureWindowsPath(value).drive:
        return False
    return not PurePosixPath(value).is_absolute() and ".." not in PurePosixPath(value).parts


def has_fine_size(image: Entry) -> bool:
    """Tell whether width and height, where they are known, are whole numbers above 0 and up to LONGEST."""
    sides = [image.get("width"), image.get("height")]
    return all(side is None or (type(plain_id(side)) is int and 0 < side <= LONGEST) for side in sides)


def refuse_missing_images(folder: str | Path, names: Iterable[str]) -> None:
    """Raise DataError, naming the first and the count, where files of a folder are not there.

    Args:
        folder: the folder.
        names: names of the files in it.
    """
    refuse(folder, "images that are missing", [name for name in names if not os.path.isfile(Path(folder, name))])


def refuse_other_size(image: np.ndarray, size: Size | None, path: str | Path) -> None:
    """Compare a decoded image with the size that its annotation file gives.

    Args:
        image: (H, W, ...) the decoded image, upright.
        size: annotated width and height, px; None where they are not known.
        path: name of the image for the message.

    Raises:
        DataError: the sizes differ, for example because the file has an EXIF orientation or is a resized copy.
    """
    height, width = image.shape[:2]
    if size is not None and size != (width, height):
        text = f"expected the annotated size {size[0]}x{size[1]}, got {width}x{height}"
        raise DataError(f"{path}: {text}; is it a resized copy, or annotated without its EXIF orientation?")


def read_detections(
    path: str | Path,
    images: Collection[Id] | Mapping[Id, Entry],
    min_score: float = 0.0,
    categories: Categories = COCO_CATEGORIES,
    content: Any = None,
) -> Boxes:
    """Read the person boxes of a COCO detections file (HRNet's): list of {image_id, category_id, bbox xywh, score}.

    Boxes of another category, images without a box, boxes outside of their image, and a file without any box bring a
    warning.

    Args:
        path: the JSON file.
        images: ids of the images; or their entries of "images" by id, whose sizes tell what lies outside.
        min_score: boxes of a lower score are left out.
        categories: categories of the annotations, by which persons are known from others.
        content: content of the file, None to read it.

    Returns:
        Boxes and scores by image id; every image of ``images`` has an entry.

    Raises:
        DataError: names the first offender and the count: not such a list, a box of an unknown image, without four
            finite numbers, or without width or height, a score that is not in 0..1, or no box of a person.
    """
    entries = read_json(path) if content is None else content
    if not isinstance(entries, list):
        raise DataError(f"{path}: expected a list of image_id, category_id, bbox, score, got {type(entries).__name__}")
    refuse_missing_keys(path, "boxes", entries, ("image_id", "category_id", "bbox", "score"))
    count, entries = len(entries), entries_of_persons(entries, categories, str(path), "boxes")
    if len(entries) < count:
        warn(f"{path}: {count - len(entries)} of {count} boxes are of another category than persons and are left out")
    image_ids = ids_of_boxes(path, entries, images)
    for problem, is_fine in BOX_RULES.items():
        wrong = [f"entry {n} with {d['bbox']}, score {d['score']}" for n, d in enumerate(entries) if not is_fine(d)]
        refuse(path, f"boxes {problem}", wrong)
    numbers: dict[Id, list[tuple[float, ...]]] = {image_id: [] for image_id in images}
    for image_id, d in zip(image_ids, entries):
        if d["score"] >= min_score:
            numbers[image_id].append((*d["bbox"], d["score"]))
    rows = {image_id: np.array(values, np.float32).reshape(-1, 5) for image_id, values in numbers.items()}
    boxes = {image_id: (xywh_to_xyxy(row[:, :4]), row[:, 4]) for image_id, row in rows.items()}
    warn_of_boxes(path, images, boxes)
    return boxes


def ids_of_boxes(path: str | Path, entries: list[Entry], images: Collection[Id]) -> list[Id]:
    """Return the ids of the images of boxes as the annotations have them. Raises DataError for an unknown image.

    Args:
        path: path of the file of boxes, for the message.
        entries: the boxes.
        images: ids of the annotated images.
    """
    ids = [find_id(d["image_id"], images) for d in entries]
    strays = [brief(d["image_id"]) for d, image_id in zip(entries, ids) if image_id not in images]
    refuse(path, "boxes of unknown images", strays)
    return [image_id for image_id in ids if image_id is not None]


ONE = 1 + 1e-6  # 1, with a margin for rounding
BOX_RULES: dict[str, Callable[[Entry], bool]] = {
    "that are not 4 finite numbers": lambda d: finite_numbers(d["bbox"], (4,)),
    "without width or height": lambda d: d["bbox"][2] > 0 and d["bbox"][3] > 0,
    "with a score that is no number from 0 to 1": lambda d: finite_numbers(d["score"], ()) and 0 <= d["score"] <= ONE,
}


def warn_of_boxes(path: str | Path, images: Collection[Id] | Mapping[Id, Entry], boxes: Boxes) -> None:
    """Warn about images without boxes, and boxes that lie outside of their image.

    Args:
        path: path of the file of boxes.
        images: ids of the annotated images, or their entries by id.
        boxes: boxes and scores by image id.
    """
    empty = sum(not len(box_xyxy) for box_xyxy, _ in boxes.values())
    if empty:
        warn(f"{path}: {empty} of {len(boxes)} images have no box, so nobody is looked for in them")
    if isinstance(images, Mapping):
        sizes = {image_id: size_of(image) for image_id, image in images.items()}
        lost = [(i, box) for i, (box_xyxy, _) in boxes.items() for box in box_xyxy if is_outside(box, sizes[i])]
        if lost:
            text = f"image {lost[0][0]}, {lost[0][1].tolist()} (x1, y1, x2, y2)"
            warn(f"{path}: {len(lost)} boxes lie outside of their image, the first: {text}")
