"""Check predictions.py: what is read, and errors with the count of faults and the first of them."""

import json

import numpy as np
import pytest
from mpii_entries import JOINTS

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.datasets.coco_categories import Categories
from pose_estimation_ros.datasets.predictions import read_mpii, read_results

COCO = get_skeleton("coco17")


def one(image_id=1, value=1.0, **changes):
    return {"image_id": image_id, "category_id": 1, "keypoints": [value] * 51, "score": 0.5, **changes}


def save(folder, content, name="results.json"):
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_results(tmp_path):
    more = {"bbox": [0, 0, 1, 1], "track_id": 3, "center": [1, 2]}
    content = [one(), one(value=2.0, **more), one(2), one(1, id=1), one(2, value=3, id=2)]
    content[3]["score"] = 0.25
    results = read_results(save(tmp_path, content), {1, 2, 3}, COCO)
    assert results == [one(), one(value=2.0), one(2), one(score=0.25), one(2, value=3)]


@pytest.mark.parametrize(
    "content, message",
    [
        ([], "expected a list of predictions, got an empty list"),
        ({"annotations": []}, "expected a list of predictions, got dict"),
        ([one(), 3, None], "2 predictions that are no objects, the first: entry 1"),
        ([{"image_id": 1}], "1 predictions without category_id, the first: entry 0$"),
        ([one(), one(9), one(8), one(9)], "3 predictions of unknown images, the first: entry 1 with image_id 9"),
        ([one("01")], "1 predictions of unknown images, the first: entry 0 with image_id 01"),
        ([one([1]), one(None)], "2 predictions whose image_id is neither a whole number nor a text.* image_id .1."),
        (
            [one(), one(category_id=3)],
            "1 predictions of a category other than the annotated persons', the first: entry 1.*category 3",
        ),
        ([one(), one(keypoints=[1.0] * 42)], "1 predictions without the 51 numbers of coco17.* entry 1 .* 42 numbers"),
        ([one(keypoints=[])], "1 predictions without the 51 numbers of coco17.* 0 numbers"),
        ([one(keypoints=None)], "1 predictions without the 51 numbers"),
        ([one(keypoints=[[1, 2, 3]] * 17)], "1 predictions without the 51 numbers of coco17.* 17 numbers"),
        (
            [one(), one(2, float("nan")), one(2, float("inf"))],
            "2 predictions with keypoints that are not finite.* entry 1",
        ),
        ([one(keypoints=["1"] * 51)], "1 predictions with keypoints that are not finite numbers"),
        ([one(keypoints=[None] * 51)], "1 predictions with keypoints that are not finite numbers"),
        ([one(keypoints=[[1]] * 51)], "1 predictions with keypoints that are not finite numbers"),
        ([one(score=float("nan"))], "1 predictions with a score that is not a finite number.* score nan"),
        ([one(score=None), one(score=[1])], "2 predictions with a score that is not a finite number"),
        ([one(id=5), one(2, id=5), one(3, id=6)], "1 prediction ids that occur twice, the first: 5"),
        ([one(), one(2), one(), one()], "2 predictions that occur twice.* the first: entries 0 and 2"),
    ],
)
def test_result_faults(tmp_path, content, message):
    with pytest.raises(DataError, match="results.json: .*" + message):
        read_results(save(tmp_path, content), {1, 2, 3}, COCO)


def test_the_same_image_in_other_forms_and_the_files_own_category(tmp_path):
    content = [one(1.0), one("2"), one(3)]
    assert read_results(save(tmp_path, content), {1, 2, 3}, COCO) == [one(1), one(2), one(3)]
    content = [{**one(n), "category_id": 0} for n in (1, 2)]
    assert read_results(save(tmp_path, content), {1, 2}, COCO, Categories(0, frozenset({1}))) == [one(1), one(2)]
    with pytest.raises(DataError, match="expected predictions of the category of the annotated persons, 1, got 2 of"):
        read_results(save(tmp_path, content), {1, 2}, COCO)


def test_a_missing_key_is_told_alone(tmp_path):
    content = [{k: v for k, v in one().items() if k != "image_id"}] * 3
    with pytest.raises(DataError) as caught:
        read_results(save(tmp_path, content), {1}, COCO)
    assert str(caught.value).endswith("results.json: 3 predictions without image_id, the first: entry 0")


@pytest.mark.parametrize("text", [None, "", "[{"])
def test_files_that_cannot_be_read(tmp_path, text):
    path = tmp_path / "none.json" if text is None else save(tmp_path, text, "none.json")
    with pytest.raises(DataError, match="none.json: expected a JSON file"):
        read_results(path, {1}, COCO)


def of_person(place, **changes):
    keypoints = [float(place), 2.0, 0.5] * 16
    return {"image_id": place, "category_id": 1, "keypoints": keypoints, "score": 0.5, **changes}


def test_mpii_json_in_any_order(tmp_path):
    xy = read_mpii(save(tmp_path, [of_person(1), of_person(0)]), 2)
    assert xy.shape == (2, 16, 2) and xy[:, 3].tolist() == [[0, 2], [1, 2]]


@pytest.mark.parametrize(
    "content, message",
    [
        ([], "got an empty list"),
        (
            [of_person(0), of_person(2), of_person(3)],
            "2 predictions of unknown images, the first: entry 1 with image_id 2",
        ),
        ([of_person(0)], "1 persons without a prediction, the first: image_id 1"),
        (
            [of_person(0), of_person(0, score=0.75), of_person(1)],
            "1 persons with more than one prediction.* image_id 0",
        ),
        ([of_person(0, keypoints=[1] * 51), of_person(1)], "1 predictions without the 48 numbers of mpii16"),
    ],
)
def test_mpii_json_faults(tmp_path, content, message):
    with pytest.raises(DataError, match="results.json: .*" + message):
        read_mpii(save(tmp_path, content), 2)


def save_h5(folder, **columns):
    h5py = pytest.importorskip("h5py")
    with h5py.File(folder / "preds.h5", "w") as file:
        for name, column in columns.items():
            file[name] = column
    return folder / "preds.h5"


def test_mpii_h5_counts_pixels_from_1(tmp_path):
    assert read_mpii(save_h5(tmp_path, preds=np.full((2, 16, 2), 5)), 2).tolist() == np.full((2, 16, 2), 4.0).tolist()


BROKEN = np.ones((2, 16, 2))
BROKEN[1, 3, 0] = np.nan


@pytest.mark.parametrize(
    "columns, message",
    [
        ({}, "expected an h5 file with preds"),
        ({"preds": np.zeros((0, 16, 2))}, r"expected predictions of shape \(2, 16, 2\), got \(0, 16, 2\)"),
        ({"preds": np.ones((3, 16, 2))}, r"expected predictions of shape \(2, 16, 2\), got \(3, 16, 2\)"),
        ({"preds": np.ones((2, 16, 3))}, r"got \(2, 16, 3\)"),
        ({"preds": np.ones(2)}, r"got \(2,\)"),
        ({"preds/xy": np.ones(2)}, "expected an h5 file with preds"),
        ({"preds": 3.0}, "expected an h5 file with preds"),
        ({"preds": np.full((2, 16, 2), b"1")}, "expected numbers in preds"),
        ({"preds": BROKEN}, "1 persons with joints that are not finite, the first: person 1"),
    ],
)
def test_mpii_h5_faults(tmp_path, columns, message):
    with pytest.raises(DataError, match="preds.h5: .*" + message):
        read_mpii(save_h5(tmp_path, **columns), 2)


def test_predictions_in_shares_of_the_image_bring_a_warning(tmp_path, capsys):
    h5py = pytest.importorskip("h5py")
    for scale, told in ((1.0, ""), (1e-3, "2 of 2 persons have all joints within 2 px")):
        with h5py.File(tmp_path / f"{scale}.h5", "w") as file:
            file["preds"] = np.array([JOINTS] * 2) * scale
        read_mpii(tmp_path / f"{scale}.h5", 2)
        err = capsys.readouterr().err
        assert told in err and bool(err) == bool(told)
