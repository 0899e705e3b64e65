"""Check values of data files, and report the number of faults and the first one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pose_estimation_ros.core.errors import DataError, shortened
from pose_estimation_ros.datasets.coco_ids import plain_id

MOST = 200  # letters of an offender in a message
EXAMPLES = 3  # offenders that an error keeps
LARGEST = 1e15  # largest number in a data file: beyond it the arithmetic of pixels overflows

Size = tuple[int, int]  # width, height, px
Entry = dict[str, Any]  # an object of a JSON file, such as an annotation


class FaultyEntries(DataError):
    """Report entries of a data file that have the same fault.

    Attributes:
        problem: the fault in words that follow "3", such as "images that are missing".
        count: number of entries with the fault that are known.
        examples: the first of them, at most EXAMPLES.
    """

    def __init__(self, message: str, problem: str, count: int, examples: list[str]) -> None:
        """Store the fault beside the message; all of them are in ``args``, so that other processes get them, too.

        Args:
            message: text of the error.
            problem: see FaultyEntries.
            count: see FaultyEntries.
            examples: see FaultyEntries.
        """
        super().__init__(message, problem, count, examples)
        self.problem, self.count, self.examples = problem, count, examples

    def __str__(self) -> str:
        """Return the message."""
        return str(self.args[0])


def size_of(image: Mapping[str, Any]) -> Size | None:
    """Return (width, height) px of an entry of "images", None where it has none."""
    width, height = image.get("width"), image.get("height")
    return None if width is None or height is None else (int(width), int(height))


def refuse(path: str | Path, problem: str, offenders: Sequence[Any]) -> None:
    """Raise FaultyEntries, a DataError, if there are offenders; its message has their number and the first.

    Args:
        path: path of the file.
        problem: fault of each offender, in words.
        offenders: names or entries with the problem, none if all is well.
    """
    if offenders:
        examples = [brief(offender) for offender in offenders[:EXAMPLES]]
        message = f"{path}: {len(offenders)} {problem}, the first: {examples[0]}"
        raise FaultyEntries(message, problem, len(offenders), examples)


def brief(value: Any) -> str:
    """Write a value in a message, cut where it is long."""
    return shortened(str(value), MOST)


def repeated(entries: list[Entry]) -> list[Any]:
    """Return the ids that occur more than once among entries."""
    return [key for key, count in Counter(plain_id(e["id"]) for e in entries if "id" in e).items() if count > 1]


def named(annotation: Entry, key: str) -> str:
    """Name an annotation in a message, with its id and the field that is wrong.

    Args:
        annotation: the annotation.
        key: the field.
    """
    return f"annotation {brief(annotation.get('id'))} with {key} {brief(annotation.get(key))}"


def finite_numbers(value: Any, shape: tuple[int, ...]) -> bool:
    """Tell whether a JSON value is a number, or a list of them, of this shape, without NaN or infinity.

    Args:
        value: the value. Numbers beyond LARGEST count as infinite. True and false alone are no numbers; among numbers
            they are 1 and 0.
        shape: shape of the array that the value must make; () for a number.
    """
    if not has_numbers(value, shape) or np.array(value).dtype.kind == "b":
        return False
    return bool((np.abs(np.array(value, float)) <= LARGEST).all())


def has_numbers(value: Any, shape: tuple[int, ...]) -> bool:
    """Tell whether a JSON value is a number, or a list of them, of this shape; also NaN, true and false.

    Args:
        value: the JSON value.
        shape: () for a number, (n,) for a list of n numbers, and so on.
    """
    try:
        array = np.array(value)
    except (ValueError, OverflowError):  # lists of unequal length
        return False
    return array.shape == shape and array.dtype.kind in "biuf"


def refuse_missing_keys(path: str | Path, what: str, entries: list[Any], keys: Sequence[str]) -> None:
    """Raise DataError where entries are no objects, or lack a key.

    Args:
        path: path of the file.
        what: word for the entries, in the plural, for the message.
        entries: entries of a list of the file.
        keys: names of the fields that each entry must have.
    """
    odd = [f"entry {n}" for n, entry in enumerate(entries) if not isinstance(entry, dict)]
    refuse(path, f"{what} that are no objects", odd)
    for key in keys:
        refuse(path, f"{what} without {key}", [f"entry {n}" for n, e in enumerate(entries) if key not in e])


def is_outside(box_xyxy: Sequence[float] | np.ndarray, size: Size | None) -> bool:
    """Tell whether a box lies outside an image of this size; it never does where the size is not known.

    Args:
        box_xyxy: (4,) px.
        size: width and height in px, None where they are not known.
    """
    x1, y1, x2, y2 = box_xyxy
    return size is not None and (x2 <= 0 or y2 <= 0 or x1 >= size[0] or y1 >= size[1])
