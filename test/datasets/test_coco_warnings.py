"""Check coco_warnings.py: each file causes one warning, and evaluation and training go on."""

import json

import pytest

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.datasets.coco_index import load_ground_truth
from pose_estimation_ros.datasets.predictions import read_results
from pose_estimation_ros.evaluation.metrics.detection import load_truth
from pose_estimation_ros.training.data.boxes import load_scenes as load_boxes
from pose_estimation_ros.training.data.persons import load_persons
from pose_estimation_ros.training.data.scenes import load_scenes

COCO17 = get_skeleton("coco17")
SEEN = [40, 50, 2] * 17
PERSON = {"id": 5, "image_id": 1, "category_id": 1, "bbox": [30, 40, 20, 30], "keypoints": SEEN, "iscrowd": 0}
WHOLE = {**PERSON, "num_keypoints": 17, "area": 400.0}
OTHER = {**WHOLE, "id": 6, "keypoints": [41, 50, 2] * 17}
ELSEWHERE = {**WHOLE, "id": 6, "keypoints": [5040, 5050, 2] * 17}
READERS = [lambda path: load_persons(path, COCO17), lambda path: load_scenes(path, COCO17)]


def write(tmp_path, *annotations):
    content = {"images": [{"id": 1, "file_name": "1.jpg", "width": 100, "height": 90}], "annotations": annotations}
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("read", [*READERS, load_ground_truth, load_boxes, load_truth])
def test_good_persons_cause_no_warning(tmp_path, capsys, read):
    read(write(tmp_path, WHOLE, {**WHOLE, "id": 6, "keypoints": [41, 50, 2] * 17}))
    assert not capsys.readouterr().err


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    "persons, warning",
    [
        ([ELSEWHERE], "1 persons have a box or a labelled keypoint that reaches far out"),
        ([{**OTHER, "bbox": [5030, 5040, 20, 30]}], "1 persons have a box or a labelled keypoint that"),
        (
            [{**WHOLE, "id": 6, "keypoints": SEEN[:48] + [500, 50, 2]}],
            "1 persons have a box or a labelled keypoint",
        ),
        ([{**OTHER, "bbox": [30, 40, 1e12, 1e12]}], "1 persons have a box or a labelled keypoint that"),
        ([{**OTHER, "bbox": [70, 10, 20, 20]}], "1 persons have no labelled keypoint within their box"),
        ([{**WHOLE, "id": 6}, {**WHOLE, "id": 7}], "2 persons occur twice"),
    ],
)
def test_training_goes_on_and_warns_of_the_first(tmp_path, capsys, read, persons, warning):
    read(write(tmp_path, WHOLE, *persons))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and warning in lines[0]
    assert "a.json" in lines[0] and "the first: annotation 6 with bbox" in lines[0]


@pytest.mark.parametrize(
    "persons, warning",
    [
        ([{**WHOLE, "id": 6}], "1 persons occur twice"),
        ([{**WHOLE, "id": 6, "keypoints": SEEN[:48] + [500, 50, 2]}], "a labelled keypoint that reaches far out"),
        ([{**WHOLE, "id": 6, "area": 1e12}], "have an area that does not fit their box, the first: annotation 6"),
        ([{**WHOLE, "id": 6, "area": 1e-3}], "have an area that does not fit their box, the first: annotation 6"),
    ],
)
def test_evaluation_goes_on_and_warns(tmp_path, capsys, persons, warning):
    load_ground_truth(write(tmp_path, WHOLE, *persons))
    assert warning in capsys.readouterr().err


@pytest.mark.parametrize("read", [load_boxes, load_truth])
def test_boxes_outside_of_their_image_cause_a_warning(tmp_path, capsys, read):
    read(write(tmp_path, WHOLE, {**WHOLE, "id": 6, "bbox": [5030, 5040, 20, 80]}))
    assert "1 persons lie outside of their image, the first: annotation 6" in capsys.readouterr().err


@pytest.mark.parametrize("field, value", [("keypoints", [True] * 51), ("score", True), ("score", False)])
def test_true_and_false_are_not_numbers_of_a_prediction(tmp_path, field, value):
    result = {"image_id": 1, "category_id": 1, "keypoints": [1.0] * 51, "score": 1.0, field: value}
    path = tmp_path / "p.json"
    path.write_text(json.dumps([result]))
    with pytest.raises(DataError, match="not a? ?finite number"):
        read_results(path, {1}, COCO17)


@pytest.mark.parametrize(
    "change, warning",
    [
        (lambda x: x, ""),
        (lambda x: x / 1000, "2 of 2 predictions have all keypoints within 2 px"),
        (lambda x: x * 0, "2 of 2 predictions have all keypoints within 2 px"),
        (lambda x: x + 5000, "2 of 2 predictions lie outside of their image"),
    ],
)
def test_predictions_in_other_units_cause_a_warning(tmp_path, capsys, change, warning):
    keypoints = [value for k in range(17) for value in (change(10.0 + 2 * k), change(20.0 + 2 * k), 1.0)]
    results = [{"image_id": 1, "category_id": 1, "keypoints": keypoints, "score": score} for score in (0.5, 1.0)]
    path = tmp_path / "p.json"
    path.write_text(json.dumps(results))
    assert len(read_results(path, {1: {"width": 100, "height": 90}}, COCO17)) == 2
    err = capsys.readouterr().err
    assert warning in err and bool(err) == bool(warning)


def test_true_is_not_an_area(tmp_path):
    with pytest.raises(DataError, match="area is no number above 0"):
        load_ground_truth(write(tmp_path, {**WHOLE, "area": True}))
