"""Read files of predicted keypoints, and check them, so that a fault in a file is not mistaken for a low accuracy.

COCO and CrowdPose: COCO's results format, a JSON list of {image_id, category_id 1, keypoints [x, y, score, ...],
score}, as `pose predict` and `pose evaluate` write it. Other fields are left out, above all "bbox", by which
pycocotools would size the prediction. An image without a prediction is one in which nobody was found.

MPII, one prediction per person, in the order of the annotation file: an h5 with "preds" (N, 16, 2), pixels counted from
1, as those of the stacked hourglass are published (HRNet's pred.mat holds the same array); or the JSON above with
image_id as the index of the person in the annotation file, from 0, and pixels counted from 0 as everywhere else here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from pose_estimation_ros.core.atomic_files import read_json
from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.skeleton import Skeleton, get_skeleton
from pose_estimation_ros.datasets import mpii
from pose_estimation_ros.datasets.coco_categories import COCO_CATEGORIES, PERSON, Categories, entries_of_persons
from pose_estimation_ros.datasets.coco_faults import finite_numbers, refuse, refuse_missing_keys, repeated
from pose_estimation_ros.datasets.coco_ids import Id, find_id, plain_id
from pose_estimation_ros.datasets.coco_warnings import warn_of_predictions, warn_of_spots

FIELDS = ("image_id", "category_id", "keypoints", "score")

Result = dict[str, Any]  # an entry of COCO's results format


def read_results(
    path: str | Path,
    image_ids: Collection[Id],
    skeleton: Skeleton,
    categories: Categories = COCO_CATEGORIES,
    content: Any = None,
) -> list[Result]:
    """Read COCO's results format.

    Args:
        path: the JSON file.
        image_ids: ids of the annotations; 785.0 and "785" are the image 785.
        skeleton: skeleton of the keypoints.
        categories: categories of the annotations; predictions are of their category of persons, or of COCO's 1.
        content: content of the file, None to read it.

    Returns:
        Entries with FIELDS alone: the annotations' own image id, PERSON, keypoints 3 K floats, score.

    Raises:
        DataError: names the first offender and the count: no list or an empty one, a field that is missing, an image
            that is not annotated or another category than persons, another number of keypoints, what is not a finite
            number, an "id" or a whole prediction that occurs twice.
    """
    results = read_json(path) if content is None else content
    if not isinstance(results, list) or not results:
        kind = "an empty list" if results == [] else type(results).__name__
        raise DataError(f"{path}: expected a list of predictions, got {kind}")
    refuse_missing_keys(path, "predictions", results, FIELDS)
    refuse_other_categories(path, results, categories)
    refuse_faults(path, results, image_ids, skeleton)
    results = [{**r, "image_id": find_id(r["image_id"], image_ids), "category_id": PERSON} for r in results]
    refuse(path, "prediction ids that occur twice", repeated([r for r in results if plain_id(r.get("id")) is not None]))
    copies = duplicates(map(content_of, results))
    refuse(path, "predictions that occur twice, the same keypoints and score in the same image", copies)
    warn_of_predictions(results, image_ids, path)
    return [{field: result[field] for field in FIELDS} for result in results]


def refuse_other_categories(path: str | Path, results: list[Result], categories: Categories) -> None:
    """Raise DataError where predictions are of another category than the annotated persons.

    Args:
        path: path of the file.
        results: the predictions.
        categories: categories of the annotations.
    """
    persons = {id(result) for result in entries_of_persons(results, categories, str(path), "predictions")}
    strays = [f"{describe(n, r)}, category {r['category_id']}" for n, r in enumerate(results) if id(r) not in persons]
    refuse(path, "predictions of a category other than the annotated persons'", strays)


def refuse_faults(path: str | Path, results: list[Result], image_ids: Collection[Id], skeleton: Skeleton) -> None:
    """Raise DataError where a prediction is wrong by itself, naming the first offender and the count.

    Args:
        path: path of the file.
        results: the predictions, with FIELDS.
        image_ids: ids of the annotated images.
        skeleton: skeleton of the keypoints.
    """
    for problem, is_wrong in result_faults(image_ids, skeleton):
        wrong = [describe(index, result) for index, result in enumerate(results) if is_wrong(result)]
        refuse(path, f"predictions {problem}", wrong)


def result_faults(image_ids: Collection[Id], skeleton: Skeleton) -> list[tuple[str, Callable[[Result], bool]]]:
    """List what can be wrong with one prediction, in the order in which it can be checked.

    Args:
        image_ids: ids of the annotated images.
        skeleton: skeleton of the keypoints.
    """
    numbers = 3 * skeleton.num_keypoints
    return [
        ("whose image_id is neither a whole number nor a text", lambda r: plain_id(r["image_id"]) is None),
        ("of unknown images", lambda r: find_id(r["image_id"], image_ids) not in image_ids),
        (f"without the {numbers} numbers of {skeleton.name}", lambda r: number_count(r) != numbers),
        ("with keypoints that are not finite numbers", lambda r: not finite_numbers(r["keypoints"], (numbers,))),
        ("with a score that is not a finite number", lambda r: not finite_numbers(r["score"], ())),
    ]


def describe(index: int, result: Result) -> str:
    """Describe a prediction in a message.

    Args:
        index: place of the prediction in the file.
        result: the prediction.
    """
    numbers = number_count(result)
    return f"entry {index} with image_id {result.get('image_id')}, {numbers} numbers, score {result.get('score')}"


def number_count(result: Result) -> int:
    """Count the numbers in the keypoints of a prediction; 0 where they are no list."""
    keypoints = result.get("keypoints")
    return len(keypoints) if isinstance(keypoints, list) else 0


def content_of(result: Result) -> Hashable:
    """Return what makes two predictions the same."""
    return result["image_id"], result["score"], tuple(result["keypoints"])


def duplicates(keys: Iterable[Hashable]) -> list[str]:
    """Describe the entries that equal an earlier one."""
    places: dict[Hashable, list[int]] = {}
    for index, key in enumerate(keys):
        places.setdefault(key, []).append(index)
    return [f"entries {indices[0]} and {later}" for indices in places.values() for later in indices[1:]]


def read_mpii(path: str | Path, persons: int) -> np.ndarray:
    """Read predictions of MPII's persons from an h5 or JSON file.

    Args:
        path: the file.
        persons: the number N of annotated persons.

    Returns:
        (N, 16, 2) px, counted from 0.

    Raises:
        DataError: names the first offender and the count: as read_results; the array has another shape, joints are not
            finite, or persons have no prediction or more than one.
    """
    if Path(path).suffix == ".h5":
        (preds,) = mpii.read_h5(path, ("preds",))
        if preds.dtype.kind not in "iuf":
            raise DataError(f"{path}: expected numbers in preds, got {preds.dtype}")
        xy = preds - 1.0
        warn_of_spots(xy, path)
    else:
        xy = xy_by_person(read_results(path, range(persons), get_skeleton(mpii.SKELETON)), path, persons)
    if xy.shape != (persons, mpii.JOINTS, 2):
        raise DataError(f"{path}: expected predictions of shape {(persons, mpii.JOINTS, 2)}, got {xy.shape}")
    endless = np.flatnonzero(~np.isfinite(xy).all((1, 2)))
    refuse(path, "persons with joints that are not finite", [f"person {i}" for i in endless])
    return np.asarray(xy)


def xy_by_person(results: list[Result], path: str | Path, persons: int) -> np.ndarray:
    """Put predictions of MPII's persons in the order of the annotation file.

    Args:
        results: in COCO's results format, with the index of the person as image_id.
        path: path of their file, for messages.
        persons: the number N of annotated persons.

    Returns:
        (N, 16, 2) px.

    Raises:
        DataError: a person has no prediction or more than one.
    """
    counts = Counter(result["image_id"] for result in results)
    refuse(path, "persons with more than one prediction", [f"image_id {i}" for i, n in counts.items() if n > 1])
    refuse(path, "persons without a prediction", [f"image_id {i}" for i in range(persons) if i not in counts])
    ordered = sorted(results, key=lambda result: int(result["image_id"]))
    return np.array([result["keypoints"] for result in ordered], float).reshape(persons, mpii.JOINTS, 3)[..., :2]
