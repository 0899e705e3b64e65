"""Complete the fields of annotated persons: missing ones are filled in with a warning, contradictions are refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pycocotools import mask as rle

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.datasets.coco_faults import Entry, finite_numbers, is_outside, named, refuse, size_of
from pose_estimation_ros.datasets.coco_ids import Id
from pose_estimation_ros.datasets.coco_warnings import labelled, warn_of_areas, warn_of_persons
from pose_estimation_ros.datasets.notes import warn
from pose_estimation_ros.datasets.segmentations import regions, unfit_outline

MASK_OF_BOX = 0.53  # share of a box's area, about what COCO's person masks fill; CrowdPose's tool has this number
NOT_COUNTED = ("head_top", "neck")  # keypoints that CrowdPose's num_keypoints does not count
REPAIR = "remove the field to have it counted"


def with_keypoints(persons: list[Entry], path: str | Path, skeleton: Skeleton) -> list[Entry]:
    """Give every person the fields "iscrowd", "keypoints" and "num_keypoints".

    A missing iscrowd is 0. Missing keypoints are unlabelled ones. A missing num_keypoints is the count of keypoints
    with a visibility above 0, in CrowdPose without head and neck.

    Args:
        persons: annotations; they stay as they are.
        path: path of the file, for messages.
        skeleton: skeleton of the keypoints.

    Returns:
        The annotations, copies where something was missing.

    Raises:
        DataError: names the first offender and the count: a field that is not of its kind, a visibility other than 0,
            1 and 2, or a num_keypoints that contradicts the labels.
    """
    numbers = 3 * skeleton.num_keypoints
    unlabelled = [0] * numbers
    filled: list[Entry] = [{"iscrowd": 0, **a} for a in persons]
    filled = [a if a.get("keypoints") not in (None, []) else {**a, "keypoints": unlabelled} for a in filled]
    wrong = [named(a, "iscrowd") for a in filled if a["iscrowd"] not in (0, 1)]
    refuse(path, "persons whose iscrowd is neither 0 nor 1", wrong)
    wrong = [named(a, "keypoints") for a in filled if not finite_numbers(a["keypoints"], (numbers,))]
    refuse(path, f"persons without the {numbers} finite numbers of {skeleton.name}", wrong)
    wrong = [named(a, "keypoints") for a in filled if not set(a["keypoints"][2::3]) <= {0, 1, 2}]
    refuse(path, "persons with a visibility other than 0, 1 and 2", wrong)
    counts = [labelled_counts(a["keypoints"], skeleton) for a in filled]
    wrong = [
        f"{named(a, 'num_keypoints')}, of whom {accepted[0]} keypoints are labelled ({REPAIR})"
        for a, accepted in zip(filled, counts)
        if "num_keypoints" in a and not (finite_numbers(a["num_keypoints"], ()) and a["num_keypoints"] in accepted)
    ]
    refuse(path, "persons whose num_keypoints contradicts their labels", wrong)
    filled = [{"num_keypoints": accepted[0], **a} for a, accepted in zip(filled, counts)]
    warn_of_missing(path, persons, {"iscrowd": "0", "num_keypoints": "the count of labelled keypoints"})
    return filled


def labelled_counts(keypoints: list[float], skeleton: Skeleton) -> tuple[int, ...]:
    """Count the labelled keypoints, by the rule of the skeleton's data set first; further counts are accepted.

    Args:
        keypoints: x, y, visibility of each keypoint.
        skeleton: skeleton of the keypoints.
    """
    is_labelled = [visibility > 0 for visibility in keypoints[2::3]]
    if skeleton.name != "crowdpose14":
        return (sum(is_labelled),)
    body = [counts for counts, name in zip(is_labelled, skeleton.keypoints) if name not in NOT_COUNTED]
    return sum(body), sum(is_labelled)


def with_areas(persons: list[Entry], images: Mapping[Id, Entry], path: str | Path) -> list[Entry]:
    """Give every person an "area", by which OKS is scaled, and check the areas of those whom the evaluation counts.

    A missing area is that of the segmentation, or 0.53 of the box's. People who are not counted (crowds, people without
    keypoints) get that area, too, where theirs is not above 0.

    Args:
        persons: as with_keypoints returns them; they stay as they are.
        images: the entries of "images" by id.
        path: path of the file, for messages.

    Raises:
        DataError: names the first offender and the count: persons with keypoints who have an area or a box that is not
            above 0, or who lie outside of their image.
    """
    asked = [a for a in persons if is_counted(a)]
    wrong = [named(a, "bbox") for a in asked if not (a["bbox"][2] > 0 and a["bbox"][3] > 0)]
    refuse(path, "persons whose box has no width or height", wrong)
    wrong = [named(a, "area") for a in asked if "area" in a and not is_positive(a["area"])]
    refuse(path, "persons whose area is no number above 0", wrong)
    wrong = [named(a, "bbox") for a in asked if lies_outside(a, images[a["image_id"]])]
    refuse(path, "persons whose box or keypoints lie outside of their image", wrong)
    warn_of_missing(path, persons, {"area": "that of the segmentation, or 0.53 of the box's"})
    warn_of_persons(asked, images, path)
    warn_of_areas(asked, path)
    has_area = [is_positive(a.get("area")) for a in persons]
    return [a if fine else {**a, "area": area_of(a, images[a["image_id"]], path)} for a, fine in zip(persons, has_area)]


def is_counted(annotation: Entry) -> bool:
    """Tell whether COCO's evaluation counts this person: it has keypoints and is no crowd."""
    return bool(annotation["num_keypoints"] > 0 and not annotation["iscrowd"])


def is_positive(value: Any) -> bool:
    """Tell whether a JSON value is a finite number above 0."""
    return finite_numbers(value, ()) and value > 0


def lies_outside(person: Entry, image: Entry) -> bool:
    """Tell whether the box, or all labelled keypoints, lie outside an image of known size.

    Args:
        person: annotation of the person.
        image: entry of its image.
    """
    x, y, width, height = person["bbox"]
    size = size_of(image)
    is_point_outside = [is_outside((px - 0.5, py - 0.5, px + 1, py + 1), size) for px, py in labelled(person)]
    return is_outside((x, y, x + width, y + height), size) or all(is_point_outside)


def area_of(person: Entry, image: Entry, path: str | Path) -> float:
    """Return px^2 of the segmentation, or of the box where that or the image's size is missing; never below 0.

    Args:
        person: annotation of the person.
        image: entry of its image.
        path: path of the file, for the message.
    """
    size = size_of(image)
    if person.get("segmentation") and size:
        try:
            return float(rle.area(rle.merge(regions(person, size[::-1]))))
        except DataError as error:
            raise unfit_outline(f"annotation {person.get('id')}: {error}", path) from error
    return max(float(MASK_OF_BOX * person["bbox"][2] * person["bbox"][3]), 0.0)


def warn_of_missing(path: str | Path, persons: list[Entry], rules: dict[str, str]) -> None:
    """Warn in one line which fields were filled in, of how many persons, by which rule.

    Args:
        path: path of the annotation file.
        persons: the annotations as they stand in the file.
        rules: value of a missing field, in words, by the name of the field.
    """
    missing = {field: sum(field not in a for a in persons) for field in rules}
    parts = [f"{field} of {count} is {rules[field]}" for field, count in missing.items() if count]
    if parts:
        warn(f"{path}: fields that {len(persons)} persons lack are filled in: {'; '.join(parts)}")
