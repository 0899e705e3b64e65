"""Check coco_fields.py: which fields are filled in, and which contradictions are errors."""

import pytest

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.datasets.coco_index import load_ground_truth

SEEN = [40, 50, 2] * 17
PERSON = {"id": 5, "image_id": 1, "category_id": 1, "bbox": [30, 40, 20, 30], "keypoints": SEEN}
WHOLE = {**PERSON, "iscrowd": 0, "num_keypoints": 17, "area": 400.0}
SQUARE = [[30, 40, 50, 40, 50, 60, 30, 60]]


def load(tmp_path, *annotations, size=(100, 90)):
    image = {"id": 1, "file_name": "1.jpg", "width": size[0], "height": size[1]}
    return load_ground_truth(tmp_path / "a.json", {"images": [image], "annotations": list(annotations)})


def test_nothing_is_missing(tmp_path, capsys):
    assert load(tmp_path, WHOLE).anns[1]["area"] == 400 and not capsys.readouterr().err


@pytest.mark.parametrize(
    "person, area, count",
    [
        (PERSON, 0.53 * 600, 17),
        ({**PERSON, "segmentation": SQUARE}, 400, 17),
        ({**PERSON, "segmentation": []}, 0.53 * 600, 17),
        ({**PERSON, "keypoints": [0, 0, 0] * 7 + [40, 50, 1] * 10}, 0.53 * 600, 10),
    ],
)
def test_missing_fields_are_filled_in_with_a_warning(tmp_path, capsys, person, area, count):
    (filled,) = load(tmp_path, person).anns.values()
    assert filled["area"] == pytest.approx(area) and filled["num_keypoints"] == count and filled["iscrowd"] == 0
    warning = capsys.readouterr().err
    assert "iscrowd of 1 is 0" in warning and "num_keypoints of 1 is the count" in warning and "0.53" in warning


@pytest.mark.parametrize("fields", [{"keypoints": []}, {"keypoints": None}, {"keypoints": [0] * 51, "area": -4}])
def test_people_without_keypoints_may_have_any_area(tmp_path, fields):
    truth = load(tmp_path, WHOLE, {**PERSON, "id": 6, **fields})
    assert truth.anns[2]["num_keypoints"] == 0 and truth.anns[2]["area"] == pytest.approx(0.53 * 600)


def test_crowdposes_count_leaves_head_and_neck_out(tmp_path):
    content = {"images": [{"id": 1, "file_name": "a", "crowdIndex": 0.5}]}
    from pose_estimation_ros.datasets import crowdpose

    keypoints = [40, 50, 2] * 14
    for number in (12, 14):
        annotation = {**PERSON, "keypoints": keypoints, "num_keypoints": number}
        truth = crowdpose.load_ground_truth(tmp_path / "c.json", {**content, "annotations": [annotation]})
        assert truth.anns[1]["num_keypoints"] == number
    with pytest.raises(DataError, match="contradicts their labels"):
        annotation = {**PERSON, "keypoints": keypoints, "num_keypoints": 13}
        crowdpose.load_ground_truth(tmp_path / "c.json", {**content, "annotations": [annotation]})


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"area": 0}, "1 persons whose area is no number above 0, the first: annotation 5 with area 0"),
        ({"area": -3.5}, "area is no number above 0"),
        ({"area": float("nan")}, "area is no number above 0"),
        ({"area": "400"}, "area is no number above 0"),
        ({"bbox": [30, 40, 0, 30]}, "1 persons whose box has no width or height"),
        ({"bbox": [50, 70, -20, -30]}, "1 persons whose box has no width or height"),
        ({"bbox": [5000, 40, 20, 30]}, "1 persons whose box or keypoints lie outside of their image"),
        ({"keypoints": [5000, 50, 2] * 17}, "1 persons whose box or keypoints lie outside of their image"),
        ({"keypoints": [40, 50, 3] * 17}, "1 persons with a visibility other than 0, 1 and 2"),
        ({"keypoints": [40, 50, 0.5] * 17}, "1 persons with a visibility other than 0, 1 and 2"),
        ({"num_keypoints": 17, "keypoints": [0] * 51}, "of whom 0 keypoints are labelled"),
        ({"num_keypoints": 16}, "1 persons whose num_keypoints contradicts their labels, the first: annotation 5"),
        ({"num_keypoints": float("nan")}, "contradicts their labels"),
        ({"num_keypoints": [17]}, "contradicts their labels"),
        ({"iscrowd": 2}, "1 persons whose iscrowd is neither 0 nor 1"),
        ({"iscrowd": [0]}, "1 persons whose iscrowd is neither 0 nor 1"),
        ({"segmentation": [[1, 2, 3, 4, 5]], "area": None}, "area is no number above 0"),
    ],
)
def test_contradictions(tmp_path, changes, message):
    with pytest.raises(DataError, match="a.json: .*" + message):
        load(tmp_path, {**WHOLE, **changes})


def test_a_segmentation_that_gives_no_area_is_named(tmp_path):
    with pytest.raises(DataError, match="a.json: annotation 5: expected a polygon of pairs"):
        load(tmp_path, {**PERSON, "segmentation": [[1, 2, 3, 4, 5, 6, 7]]})


def test_labels_beside_their_box_cause_a_warning(tmp_path, capsys):
    load(tmp_path, {**WHOLE, "bbox": [60, 5, 20, 20]})
    assert "1 persons have no labelled keypoint within their box, the first: annotation 5" in capsys.readouterr().err


def test_crowdpose_ends_with_head_and_neck():
    assert get_skeleton("crowdpose14").keypoints[12:] == ("head_top", "neck")
