"""Check coco_ids.py: which values are ids, and which ids are equal."""

import pytest

from pose_estimation_ros.datasets.coco_ids import find_id, plain_id


@pytest.mark.parametrize(
    "value, expected",
    [
        (None, None), ([], None), ([1], None), ({}, None), (True, None), (float("nan"), None), (float("inf"), None),
        (1.5, None), (2**63, None), (0, 0), (785, 785), (785.0, 785), (2**60, 2**60), ("785", "785"),
    ],
)  # fmt: skip
def test_plain_ids(value, expected):
    assert plain_id(value) == expected and type(plain_id(value)) is type(expected)


@pytest.mark.parametrize(
    "value, known, expected",
    [
        (1, [], None),
        (785.0, {785}, 785),
        ("785", {785}, 785),
        (785, {"785"}, "785"),
        (785.0, {"785"}, "785"),
        ("0785", {785}, None),
        ("²", {2}, None),
        ("9" * 5000, {785}, None),
        ([785], {785}, None),
        (None, {785}, None),
        (3, range(4), 3),
    ],
)
def test_the_same_id_in_another_form(value, known, expected):
    result = find_id(value, known)
    assert (result if result in known else None) == expected
