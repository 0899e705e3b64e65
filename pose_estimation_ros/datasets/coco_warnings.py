"""Warn about persons and predictions that are accepted although they are probably mistakes."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pose_estimation_ros.datasets.coco_faults import Entry, is_outside, named, size_of
from pose_estimation_ros.datasets.coco_ids import Id
from pose_estimation_ros.datasets.notes import warn

MARGIN = 2  # px: a keypoint may lie so far outside of its person's box; a person in an image is larger
FAR = 0.1  # share of an image's longer side: a distance from the image that rounding does not explain
FEWEST, MOST = 0.01, 1.5  # area of a person in shares of its box's; those of COCO lie between 0.1 and 1


def warn_of_persons(persons: Sequence[Entry], images: Mapping[Id, Entry], path: str | Path) -> None:
    """Warn about suspicious labels in one line per kind: their count and the first.

    Args:
        persons: annotations of those with keypoints, checked by coco_fields.with_keypoints.
        images: the entries of "images" by id.
        path: path of the annotation file.
    """
    far = [a for a in persons if lies_far(a, images[a["image_id"]])]
    warn_of(path, far, "have a box or a labelled keypoint that reaches far out of their image")
    reported = {id(a) for a in far}
    lost = [a for a in persons if id(a) not in reported and not any(is_in_box(a))]
    warn_of(path, lost, "have no labelled keypoint within their box")
    seen: set[Hashable] = set()
    warn_of(
        path, [a for a in persons if is_repeated(seen, a)], "occur twice, with the same keypoints in the same image"
    )


def warn_of_areas(persons: Sequence[Entry], path: str | Path) -> None:
    """Warn about persons, with a box, whose area does not fit it: OKS is scaled by the area.

    Args:
        persons: the annotations.
        path: path of the file.
    """
    odd = [a for a in persons if "area" in a and not FEWEST <= a["area"] / (a["bbox"][2] * a["bbox"][3]) <= MOST]
    warn_of(path, odd, "have an area that does not fit their box", "area")


def warn_of_predictions(results: Sequence[Entry], images: Collection[Id], path: str | Path) -> None:
    """Warn about predictions that cannot be pixels of their image, such as keypoints in shares of its size.

    Args:
        results: in COCO's results format, with the ids of the images.
        images: ids; or the entries of "images" by id, whose sizes tell what lies outside.
        path: path of the file of predictions.
    """
    boxes = [(r["image_id"], surrounding(r["keypoints"])) for r in results]
    spots = [image_id for image_id, (x1, y1, x2, y2) in boxes if max(x2 - x1, y2 - y1) <= MARGIN]
    sizes = {i: size_of(image) for i, image in images.items()} if isinstance(images, Mapping) else {}
    outside = [image_id for image_id, box in boxes if is_outside(box, sizes.get(image_id))]
    for problem, ids in ((f"have all keypoints within {MARGIN} px", spots), ("lie outside of their image", outside)):
        if ids:
            warn(f"{path}: {len(ids)} of {len(results)} predictions {problem}, the first: of image {ids[0]}")


def warn_of_spots(xy: np.ndarray, path: str | Path) -> None:
    """Warn about persons of predictions (N, K, 2) px all of whose joints lie in one place.

    Args:
        xy: the keypoints.
        path: path of the file.
    """
    if xy.ndim != 3 or not xy.size:
        return
    spots = np.flatnonzero(np.ptp(xy, axis=1).max(-1) <= MARGIN)
    if len(spots):
        warn(f"{path}: {len(spots)} of {len(xy)} persons have all joints within {MARGIN} px, the first: {spots[0]}")


def surrounding(keypoints: list[float]) -> tuple[float, float, float, float]:
    """Return x1, y1, x2, y2 px of the smallest box around keypoints x, y, score, ...; at least 1 px wide and high."""
    x, y = keypoints[::3], keypoints[1::3]
    return min(x) - 0.5, min(y) - 0.5, max(x) + 0.5, max(y) + 0.5


def warn_of(path: str | Path, persons: Sequence[Entry], problem: str, key: str = "bbox") -> None:
    """Warn about annotations, if there are any, in one line.

    Args:
        path: path of the annotation file.
        persons: the annotations.
        problem: fault, in words that follow "3 persons".
        key: the field of the first one that the message shows.
    """
    if persons:
        warn(f"{path}: {len(persons)} persons {problem}, the first: {named(persons[0], key)}")


def lies_far(person: Entry, image: Entry) -> bool:
    """Tell whether a corner of the box or a labelled keypoint lies far outside of an image of known size.

    Args:
        person: annotation of the person.
        image: entry of its image.
    """
    size = size_of(image)
    if size is None:
        return False
    x, y, width, height = person["bbox"]
    reach = FAR * max(size)
    points = [(x, y), (x + width, y + height), *labelled(person)]
    return not all(-reach <= px <= size[0] + reach and -reach <= py <= size[1] + reach for px, py in points)


def is_in_box(person: Entry) -> list[bool]:
    """Tell whether each labelled keypoint lies within the box, MARGIN around it included."""
    x, y, width, height = person["bbox"]
    return [
        x - MARGIN <= px <= x + width + MARGIN and y - MARGIN <= py <= y + height + MARGIN
        for px, py in labelled(person)
    ]


def labelled(person: Entry) -> list[tuple[float, float]]:
    """Return x, y px of the labelled keypoints."""
    values: list[Any] = person["keypoints"]
    return [(x, y) for x, y, seen in zip(values[::3], values[1::3], values[2::3]) if seen > 0]


def is_repeated(seen: set[Hashable], person: Entry) -> bool:
    """Tell whether a person with these keypoints is among those seen in the image, and remember it.

    Args:
        seen: keys of the persons before, to which this one is added.
        person: annotation of the person.
    """
    key = person["image_id"], tuple(person["keypoints"])
    known = key in seen
    seen.add(key)
    return known
