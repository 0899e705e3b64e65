"""Check segmentations.py: every kind of outline as RLE, and errors."""

import numpy as np
import pytest
from pycocotools import mask as rle

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.datasets.segmentations import regions, text_counts

SIZE = (30, 40)  # height, width
SQUARE = [10, 5, 20, 5, 20, 15, 10, 15]
MASK = np.zeros(SIZE, np.uint8)
MASK[5:15, 10:20] = 1
COUNTS = [305, *[10, 20] * 9, 10, 30 * 40 - 305 - 30 * 9 - 10]
TEXT = rle.encode(np.asfortranarray(MASK))["counts"].decode()


def whole(counts, size=SIZE):
    return {"size": list(size), "counts": counts}


@pytest.mark.parametrize(
    "outline",
    [
        None, [], [[]], {}, [[1, 2]], SQUARE, [SQUARE], [SQUARE, [1, 2]],
        whole(COUNTS), whole(TEXT), whole(TEXT.encode()), [whole(TEXT)],
    ],
)  # fmt: skip
def test_the_region(outline):
    """Without an outline the region is the box, which is the same square here."""
    region = rle.decode(rle.merge(regions({"segmentation": outline, "bbox": [10, 5, 10, 10]}, SIZE)))
    assert region.shape == SIZE and (region == MASK).all()


@pytest.mark.parametrize("seed", range(5))
def test_counts_of_compressed_text(seed):
    mask = np.random.default_rng(seed).random((97, 113)) < 0.1 * (seed + 1)
    counts = text_counts(rle.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode())
    assert (np.repeat(np.arange(len(counts)) % 2, counts) == mask.T.ravel()).all()


@pytest.mark.parametrize(
    "outline, message",
    [
        ([SQUARE[:-1]], "pairs of finite numbers, got 7 numbers"),
        ([[1, 1, float("nan"), 1, 9, 9]], "pairs of finite numbers"),
        ([["1"] * 6], "got other values"),
        ([[[1, 1], [9, 1], [9, 9]]], "got other values"),
        ([SQUARE, [[1, 1], [9, 1, 2]]], "got other values"),
        ("outline", "expected a segmentation of polygons or an RLE, got str"),
        (7, "got int"),
        (whole(COUNTS, SIZE[::-1]), r"height and width \[30, 40\], got \[40, 30\]"),
        ({"counts": COUNTS}, "got None"),
        (whole(COUNTS[:-1]), "add up to the image's 1200 px"),
        (whole([*COUNTS, 5]), "got 1205"),
        (whole([-5, 1205]), "whole numbers from 0"),
        (whole(["1200"]), "whole numbers from 0"),
        (whole(None), "whole numbers from 0"),
        (whole(TEXT[:-1]), "compressed text|add up"),
        (whole(TEXT + "o"), "ends within a count|add up"),
        (whole("\x00\xff"), "other characters"),
        (whole(rle.encode(np.ones((90, 90), np.uint8, order="F"))["counts"].decode()), "add up"),
    ],
)
def test_faults(outline, message):
    with pytest.raises(DataError, match=message):
        regions({"segmentation": outline, "bbox": [0, 0, 9, 9]}, SIZE)


def test_what_is_far_away_costs_no_memory():
    polygon = {"segmentation": [[-1e9, -1e9, 1e9, -1e9, 1e9, 1e9, -1e9, 1e9]], "bbox": [0, 0, 1, 1]}
    box = {"bbox": [-1e9, -1e9, 2e9, 2e9]}
    for item in (polygon, box):
        assert rle.decode(rle.merge(regions(item, SIZE))).all()
