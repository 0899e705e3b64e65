"""Check the segmentations of COCO's JSON files, and convert them to pycocotools' run-length encodings (RLE)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as rle

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.datasets.coco_faults import FaultyEntries, finite_numbers, has_numbers


def regions(item: dict[str, Any], size_hw: tuple[int, int]) -> list[Any]:
    """Convert the outline of an annotation, or its box where it has none, to compressed RLEs.

    Args:
        item: an annotation with a "bbox"; its "segmentation" is an RLE, a polygon, or a list of these.
        size_hw: height and width of the image, px.

    Returns:
        One or more compressed RLEs, whose union is the region.

    Raises:
        DataError: a segmentation that is none of these, or one that does not fit the image.
    """
    outline = item.get("segmentation") or []
    if not isinstance(outline, (list, dict)):
        raise DataError(f"expected a segmentation of polygons or an RLE, got {type(outline).__name__}")
    single = isinstance(outline, dict) or not any(isinstance(part, (list, dict)) for part in outline)
    parts = [outline] if single else outline
    encoded = [part_rle(part, size_hw) for part in parts if part]
    return [part for part in encoded if part] or box_rle(item["bbox"], size_hw)


def unfit_outline(text: str, path: str | Path) -> FaultyEntries:
    """Make the error of an annotation whose segmentation cannot be used.

    Args:
        text: the annotation and its fault.
        path: path of the annotation file.
    """
    return FaultyEntries(f"{path}: {text}", "annotations whose segmentation does not fit their image", 1, [text])


def part_rle(part: Any, size_hw: tuple[int, int]) -> Any:
    """Convert an RLE or a polygon to a compressed RLE, None where it is too short. Raises DataError as regions.

    Args:
        part: the RLE or polygon.
        size_hw: height and width of the image in px.
    """
    if isinstance(part, dict):
        return checked_rle(part, size_hw)
    if isinstance(part, list):
        return polygon_rle(part, size_hw)
    raise DataError(f"expected a polygon or an RLE, got {type(part).__name__}")


def checked_rle(outline: dict[str, Any], size_hw: tuple[int, int]) -> Any:
    """Compress an RLE of either kind. Raises DataError where it is not of an image of this size.

    Args:
        outline: the RLE.
        size_hw: height and width of the image in px.
    """
    if outline.get("size") != list(size_hw):
        raise DataError(f"expected an RLE of the image's height and width {list(size_hw)}, got {outline.get('size')}")
    counts = outline.get("counts")
    if isinstance(counts, bytes):
        counts = counts.decode("latin-1")
    runs = text_counts(counts) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or not all(type(n) is int and n >= 0 for n in runs):
        raise DataError("expected the counts of an RLE to be whole numbers from 0, or their compressed text")
    pixels = size_hw[0] * size_hw[1]
    if sum(runs) != pixels:
        raise DataError(f"expected the counts of an RLE to add up to the image's {pixels} px, got {sum(runs)}")
    return rle.frPyObjects({"size": list(size_hw), "counts": runs}, *size_hw)


def text_counts(text: str) -> list[int]:
    """Read the counts out of COCO's compressed text: 5 bits a character, differences from the count but one before.

    pycocotools trusts the text and writes beyond the image where its counts are too large, so they are read here first.
    """
    counts: list[int] = []
    digits = [ord(letter) - 48 for letter in text]
    if not all(0 <= digit < 64 for digit in digits):
        raise DataError("expected the compressed text of an RLE, got other characters")
    number = shift = 0
    for digit in digits:
        number |= (digit & 31) << shift
        shift += 5
        if not digit & 32:
            number -= (1 << shift) if digit & 16 else 0
            counts.append(number + (counts[-2] if len(counts) > 2 else 0))
            number = shift = 0
    if shift:
        raise DataError("expected the compressed text of an RLE, got one that ends within a count")
    return counts


def polygon_rle(polygon: list[Any], size_hw: tuple[int, int]) -> Any:
    """Convert x, y, x, y, ... to a compressed RLE; None where there are fewer than three points.

    Args:
        polygon: coordinates in px.
        size_hw: height and width of the image in px.
    """
    if not has_numbers(polygon, (len(polygon),)):
        raise DataError("expected a polygon as a list of numbers x, y, x, y, ..., got other values")
    if len(polygon) % 2 or not finite_numbers(polygon, (len(polygon),)):
        raise DataError(f"expected a polygon of pairs of finite numbers, got {len(polygon)} numbers")
    numbers = np.array(polygon, float)
    return rle.frPyObjects([clipped(numbers, size_hw).tolist()], *size_hw)[0] if len(numbers) >= 6 else None


def box_rle(box: Any, size_hw: tuple[int, int]) -> list[Any]:
    """Convert a box x, y, width, height px to a list of one compressed RLE.

    Args:
        box: the box.
        size_hw: height and width of the image in px.
    """
    x, y, width, height = (float(n) for n in box)
    low, high = clipped(np.array([x, y]), size_hw), clipped(np.array([x + width, y + height]), size_hw)
    encoded: Any = rle.frPyObjects(np.array([[*low, *np.maximum(high - low, 0)]]), *size_hw)
    return list(encoded)


def clipped(numbers: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    """Clip coordinates to at most one image's size outside the image, beyond which they only cost memory.

    Args:
        numbers: coordinates in px.
        size_hw: height and width of the image in px.
    """
    sides = np.resize(np.array(size_hw[::-1], float), len(numbers))
    return np.clip(numbers, -sides, 2 * sides)
