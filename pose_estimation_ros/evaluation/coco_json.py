"""Reading COCO's JSON files, annotations and detections, checked: the one reader of evaluation and training."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Collection, Iterable, Sequence

import numpy as np

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.files import read_json
from pose_estimation_ros.core.geometry import xywh_to_xyxy

PERSON = 1  # COCO's category_id
ANNOTATIONS = "person_keypoints.json"

AnnotatedImage = tuple[dict, list[dict]]  # an entry of "images", its entries of "annotations" in the file's order
Boxes = dict[int, tuple[np.ndarray, np.ndarray]]  # image id -> box_xyxy (N, 4) px, score (N,)


def annotation_file(data: str | Path) -> Path:
    """What --data names: an annotation file, or a folder with person_keypoints.json; images/ is beside."""
    return Path(data, ANNOTATIONS) if Path(data).is_dir() else Path(data)


def read_coco_json(path: str | Path) -> list[AnnotatedImage]:
    """The annotated images of a file, in its order. Raises DataError as annotated_images."""
    return annotated_images(read_json(path), path)


def annotated_images(content: Any, path: str | Path) -> list[AnnotatedImage]:
    """COCO's two lists joined: every image with its annotations; ``path`` is for messages.

    Raises DataError, naming the first offender and how many there are: no such lists, an image without id or file
    name, an id that two images or two annotations share, an unknown image_id, a box that is not four finite numbers.
    """
    if not isinstance(content, dict) or not all(isinstance(content.get(k), list) for k in ("images", "annotations")):
        raise DataError(f"{path}: expected COCO's lists 'images' and 'annotations'")
    images, annotations = content["images"], content["annotations"]
    refuse(path, "images without id and file_name", [i for i in images if not {"id", "file_name"} <= set(i)])
    refuse(path, "image ids that occur twice", repeated(images))
    refuse(path, "annotation ids that occur twice", repeated(annotations))
    grouped: dict[int, list[dict]] = {image["id"]: [] for image in images}
    strays = [named(a, "image_id") for a in annotations if a.get("image_id") not in grouped]
    refuse(path, "annotations without a known image_id", strays)
    boxless = [named(a, "bbox") for a in annotations if not finite_numbers(a.get("bbox"), (4,))]
    refuse(path, "annotations without a bbox of 4 finite numbers", boxless)
    for annotation in annotations:
        grouped[annotation["image_id"]].append(annotation)
    return [(image, grouped[image["id"]]) for image in images]


def refuse(path: str | Path, problem: str, offenders: Sequence[Any]) -> None:
    """Raises DataError if there are offenders, with their number and the first."""
    if offenders:
        raise DataError(f"{path}: {len(offenders)} {problem}, the first: {offenders[0]}")


def repeated(entries: list[dict]) -> list[int]:
    return [key for key, count in Counter(e["id"] for e in entries if "id" in e).items() if count > 1]


def named(annotation: dict, key: str) -> str:
    """An annotation in a message, with what is wrong about it."""
    return f"annotation {annotation.get('id')} with {key} {annotation.get(key)}"


def finite_numbers(value: Any, shape: tuple[int, ...]) -> bool:
    """Whether a JSON value is a number, or a list of them, of this shape and nothing in it is NaN or infinite."""
    try:
        array = np.array(value)
    except ValueError:  # lists of unequal length
        return False
    return array.shape == shape and array.dtype.kind in "biuf" and bool(np.isfinite(array).all())


def refuse_missing_images(folder: str | Path, names: Iterable[str]) -> None:
    """Raises DataError, naming the first and the count, where files of a folder are not there."""
    refuse(folder, "images that are missing", [name for name in names if not Path(folder, name).is_file()])


def refuse_other_size(image: np.ndarray, annotated: dict, path: str | Path) -> None:
    """Compare a decoded image with the size that its annotation file gives.

    Args:
        image: (H, W, ...) the decoded image, upright.
        annotated: the entry of "images"; its "width" and "height" are optional.
        path: name of the image for the message.

    Raises:
        DataError: the sizes differ, for example because the file has an EXIF orientation or is a resized copy.
    """
    expected = annotated.get("width"), annotated.get("height")
    found = image.shape[1], image.shape[0]
    if None not in expected and expected != found:
        text = f"expected the annotated size {expected[0]}x{expected[1]}, got {found[0]}x{found[1]}"
        raise DataError(f"{path}: {text}; is it a resized copy, or annotated without its EXIF orientation?")


def read_detections(path: str | Path, image_ids: Collection[int], min_score: float = 0.0) -> Boxes:
    """Person boxes of a COCO detections file (HRNet's): list of {image_id, category_id, bbox xywh, score}.

    Every image of ``image_ids`` has an entry. Raises DataError: not such a list, or boxes of other images.
    """
    found: dict[int, list] = {image_id: [] for image_id in image_ids}
    try:
        entries = [d for d in read_json(path) if d["category_id"] == PERSON and d["score"] >= min_score]
        refuse(path, "boxes of unknown images", [d["image_id"] for d in entries if d["image_id"] not in found])
        for d in entries:
            found[d["image_id"]].append((*d["bbox"], d["score"]))
        rows = {image_id: np.array(own, np.float32).reshape(-1, 5) for image_id, own in found.items()}
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: expected a list of image_id, category_id, bbox, score: {error!r}") from error
    return {image_id: (xywh_to_xyxy(own[:, :4]), own[:, 4]) for image_id, own in rows.items()}
