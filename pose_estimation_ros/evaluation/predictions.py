"""Files of predicted keypoints, checked, so that no fault of a file passes for a low accuracy.

COCO and CrowdPose: COCO's results format, a JSON list of {image_id, category_id 1, keypoints [x, y, score, ...],
score}, as `pose predict` and `pose evaluate` write it; other fields are left out, a "bbox" above all, by which
pycocotools would size the prediction. An image that has no prediction is one where nobody was found.

MPII, one prediction per person, in the annotation file's order: an h5 with "preds" (N, 16, 2), pixels counted from 1,
as the stacked hourglass's are published (HRNet's pred.mat holds the same array), or the JSON above with image_id the
place of the person in the annotation file, from 0, and pixels counted from 0 as everywhere in this project.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Callable, Collection, Hashable, Iterable

import numpy as np

from pose_estimation_ros.core.atomic_files import read_json
from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.skeleton import Skeleton, get_skeleton
from pose_estimation_ros.datasets.coco_categories import COCO_CATEGORIES, PERSON, Categories, of_persons
from pose_estimation_ros.datasets.coco_doubts import warn_of_predictions, warn_of_spots
from pose_estimation_ros.datasets.coco_faults import finite_numbers, refuse, refuse_missing_keys, repeated
from pose_estimation_ros.datasets.coco_ids import Id, find_id, plain_id
from pose_estimation_ros.evaluation import mpii

FIELDS = ("image_id", "category_id", "keypoints", "score")


def read_results(
    path: str | Path, image_ids: Collection[Id], skeleton: Skeleton, categories: Categories = COCO_CATEGORIES
) -> list[dict[str, Any]]:
    """Read COCO's results format.

    Args:
        path: the JSON file.
        image_ids: of the annotations; 785.0 and "785" are the image 785.
        skeleton: of the keypoints.
        categories: of the annotations; predictions are of their category of persons, or of COCO's 1.

    Returns:
        Entries with FIELDS alone: the annotations' own image id, PERSON, keypoints 3 K floats, score.

    Raises:
        DataError: names the first offender and the count: no list or an empty one, a field that is missing, an image
            that is not annotated or another category than persons, another number of keypoints, what is not a finite
            number, an "id" or a whole prediction that occurs twice.
    """
    results = read_json(path)
    if not isinstance(results, list) or not results:
        kind = "an empty list" if results == [] else type(results).__name__
        raise DataError(f"{path}: expected a list of predictions, got {kind}")
    refuse_missing_keys(path, "predictions", results, FIELDS)
    persons = {id(result) for result in of_persons(results, categories, str(path), "predictions")}
    others = [f"{describe(n, r)}, category {r['category_id']}" for n, r in enumerate(results) if id(r) not in persons]
    refuse(path, "predictions of a category other than the annotated persons'", others)
    for problem, is_wrong in faults(image_ids, skeleton):
        wrong = [describe(index, result) for index, result in enumerate(results) if is_wrong(result)]
        refuse(path, f"predictions {problem}", wrong)
    results = [{**r, "image_id": find_id(r["image_id"], image_ids), "category_id": PERSON} for r in results]
    refuse(path, "prediction ids that occur twice", repeated([r for r in results if plain_id(r.get("id")) is not None]))
    refuse(
        path, "predictions that occur twice, the same keypoints and score in the same image", twice(map(key, results))
    )
    warn_of_predictions(results, image_ids, path)
    return [{field: result[field] for field in FIELDS} for result in results]


def faults(image_ids: Collection[Id], skeleton: Skeleton) -> list[tuple[str, Callable[[Any], bool]]]:
    """What can be wrong about one prediction, in the order in which it can be asked."""
    numbers = 3 * skeleton.num_keypoints
    return [
        ("whose image_id is neither a whole number nor a text", lambda r: plain_id(r["image_id"]) is None),
        ("of unknown images", lambda r: find_id(r["image_id"], image_ids) not in image_ids),
        (f"without the {numbers} numbers of {skeleton.name}", lambda r: size(r) != numbers),
        ("with keypoints that are not finite numbers", lambda r: not finite_numbers(r["keypoints"], (numbers,))),
        ("with a score that is not a finite number", lambda r: not finite_numbers(r["score"], ())),
    ]


def describe(index: int, result: dict) -> str:
    """A prediction in a message."""
    return f"entry {index} with image_id {result.get('image_id')}, {size(result)} numbers, score {result.get('score')}"


def size(result: dict) -> int:
    keypoints = result.get("keypoints")
    return len(keypoints) if isinstance(keypoints, list) else 0


def key(result: dict) -> Hashable:
    return result["image_id"], result["score"], tuple(result["keypoints"])


def twice(keys: Iterable[Hashable]) -> list[str]:
    """The entries among these that have a like before them."""
    places: dict[Hashable, list[int]] = {}
    for index, own in enumerate(keys):
        places.setdefault(own, []).append(index)
    return [f"entries {own[0]} and {later}" for own in places.values() for later in own[1:]]


def read_mpii(path: str | Path, persons: int) -> np.ndarray:
    """(N, 16, 2) px counted from 0, for so many persons.

    Raises DataError, naming the first offender and the count: as read_results, another shape, joints that are not
    finite, persons with no prediction or more than one.
    """
    if Path(path).suffix == ".h5":
        (preds,) = mpii.read_h5(path, ("preds",))
        if preds.dtype.kind not in "iuf":
            raise DataError(f"{path}: expected numbers in preds, got {preds.dtype}")
        xy = preds - 1.0
        warn_of_spots(xy, path)
    else:
        xy = one_each(read_results(path, range(persons), get_skeleton(mpii.SKELETON)), path, persons)
    if xy.shape != (persons, mpii.JOINTS, 2):
        raise DataError(f"{path}: expected predictions of shape {(persons, mpii.JOINTS, 2)}, got {xy.shape}")
    endless = np.flatnonzero(~np.isfinite(xy).all((1, 2)))
    refuse(path, "persons with joints that are not finite", [f"person {i}" for i in endless])
    return xy


def one_each(results: list[dict[str, Any]], path: str | Path, persons: int) -> np.ndarray:
    """(N, 16, 2) px of results whose image_id is the person's place. Raises DataError."""
    counts = Counter(result["image_id"] for result in results)
    refuse(path, "persons with more than one prediction", [f"image_id {i}" for i, n in counts.items() if n > 1])
    refuse(path, "persons without a prediction", [f"image_id {i}" for i in range(persons) if i not in counts])
    ordered = sorted(results, key=lambda result: result["image_id"])
    return np.array([result["keypoints"] for result in ordered], float).reshape(persons, mpii.JOINTS, 3)[..., :2]
