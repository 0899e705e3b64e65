"""test_sets.py: what the servers of COCO and MPII get, and what is refused."""

import json
import zipfile

import numpy as np
import pytest

from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.datasets import test_sets
from pose_estimation_ros.datasets.predictions import read_mpii

ZIP = "person_keypoints_val2017_x_results.zip"


def one(image_id=1, score=0.5, **changes):
    return {"image_id": image_id, "category_id": 1, "keypoints": [1.0] * 51, "score": score, **changes}


@pytest.mark.parametrize(
    "content, expected",
    [
        (None, False),
        ([], False),
        ({}, False),
        ({"images": []}, False),
        ({"images": [{"id": 1}]}, True),
        ({"images": [{"id": 1}], "annotations": []}, True),
        ({"images": [{"id": 1}], "annotations": [{}]}, False),
        ([{"image": "a.jpg", "center": [1, 2], "scale": 1}], True),
        ([{"image": "a.jpg"}, {"image": "a.jpg", "joints": []}], False),
        ([3], False),
        ("text", False),
    ],
)
def test_what_is_a_test_set(content, expected):
    assert test_sets.is_test_set(content) is expected


@pytest.mark.parametrize(
    "name, words",
    [
        ("r", "ends in .zip or .json, got r"),
        ("r.h5", "ends in .zip or .json, got r.h5"),
        ("r.zip", "like person_keypoints_test-dev2017_NAME_results.zip, got r.zip"),
        ("person_keypoints_test-dev2017_results.zip", "got person_keypoints_test-dev2017_results.zip"),
        (ZIP, ""),
        ("person_keypoints_test-dev2017_my_net_results.zip", ""),
        ("r.json", ""),
    ],
)
def test_names(name, words):
    if not words:
        return test_sets.check_name(name, test_sets.COCO_ENDINGS)
    with pytest.raises(ConfigError, match=words):
        test_sets.check_name(name, test_sets.COCO_ENDINGS)


@pytest.mark.parametrize(
    "results, images, words",
    [
        ([], {1}, "expected people to submit, found nobody in 1 images"),
        ([one(), one(2)], {1}, "1 predictions of unknown images, the first: entry 1 with image_id 2"),
        ([one(keypoints=[1.0] * 48)], {1}, "without the 51 numbers of coco17"),
        ([one(keypoints=[float("nan")] * 51)], {1}, "keypoints that are not finite"),
        ([one(score=float("inf"))], {1}, "a score that is not a finite number"),
        ([one("a")], {"a"}, "1 image ids that are no whole numbers, the first: a"),
    ],
)
@pytest.mark.parametrize("name", ["r.json", ZIP])
def test_what_is_refused_leaves_no_file(tmp_path, results, images, words, name):
    with pytest.raises(DataError, match=words):
        test_sets.write_coco(tmp_path / name, results, images)
    assert list(tmp_path.iterdir()) == []


def test_the_best_of_an_image():
    """Of those with the same score the first stay, and the order is kept."""
    scores = [0.5] * 15 + [0.1] + [0.5] * 10 + [0.9]
    crowd = [one(1, score, number=n) for n, score in enumerate(scores)]
    kept = test_sets.best_of_images([*crowd, one(2, 0.0)])
    assert [result.get("number") for result in kept] == [*range(15), *range(16, 20), 26, None]
    assert test_sets.best_of_images([]) == []


def test_files_of_coco(tmp_path):
    results = [one(1, track_id=3), one(2)]
    for name in ("r.json", ZIP):
        assert test_sets.write_coco(tmp_path / name, results, {1, 2}) == 2
    with zipfile.ZipFile(tmp_path / ZIP) as archive:
        (member,) = archive.namelist()
        content = archive.read(member)
    assert member == ZIP.replace(".zip", ".json") and content == (tmp_path / "r.json").read_bytes()
    assert json.loads(content) == [one(1), one(2)]
    before = (tmp_path / ZIP).read_bytes()
    test_sets.write_coco(tmp_path / ZIP, results, {1, 2})
    assert (tmp_path / ZIP).read_bytes() == before


def test_files_of_mpii(tmp_path):
    h5py = pytest.importorskip("h5py")
    xy = np.random.default_rng(0).uniform(0, 500, (3, 16, 2)).round(2)
    assert test_sets.write_mpii(tmp_path / "r.h5", xy) == 3
    with h5py.File(tmp_path / "r.h5") as file:
        assert list(file) == ["preds"] and file["preds"].dtype == np.float64
        assert file["preds"][:] == pytest.approx(xy + 1)
    assert read_mpii(tmp_path / "r.h5", 3) == pytest.approx(xy)
    xy[1, 2, 0] = np.nan
    with pytest.raises(DataError, match="1 persons with joints that are not finite, the first: person 1"):
        test_sets.write_mpii(tmp_path / "odd.h5", xy)
    assert not (tmp_path / "odd.h5").exists()


def test_nobody_to_predict():
    with pytest.raises(DataError, match=r"mpii\.json: expected persons to predict, found none"):
        test_sets.read_mpii_persons("mpii.json", [])
