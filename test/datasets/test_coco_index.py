"""Check coco_index.py: annotations for evaluation, and errors in them."""

import pytest

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.datasets import coco_index


def test_ground_truth_boxes_leave_out_crowds_and_the_unlabelled(folder):
    boxes = coco_index.ground_truth_boxes(coco_index.load_ground_truth(folder))
    assert {k: len(b) for k, (b, s) in boxes.items()} == {1: 2, 2: 1}
    assert boxes[2][0].tolist() == [[0, 0, 60, 60]]


@pytest.mark.parametrize("text", ["{", '{"images": [], "annotations": []}', "[]", '{"images": 3}'])
def test_files_that_are_none(tmp_path, text):
    (tmp_path / "person_keypoints.json").write_text(text)
    with pytest.raises(DataError, match="person_keypoints.json"):
        coco_index.load_ground_truth(tmp_path)


@pytest.mark.parametrize(
    "changes, message",
    [
        (
            {"keypoints": [1, 2, 2] * 16},
            "persons without the 51 finite numbers of coco17, the first: annotation 1 with",
        ),
        ({"keypoints": [float("nan")] * 51}, "5 persons without the 51 finite numbers"),
        ({"keypoints": None}, "4 persons whose num_keypoints contradicts their labels"),
        ({"area": None}, "3 persons whose area is no number above 0, the first: annotation 1 with area None"),
        ({"num_keypoints": "3"}, "5 persons whose num_keypoints contradicts their labels"),
        ({"iscrowd": None}, "5 persons whose iscrowd is neither 0 nor 1"),
        ({"num_keypoints": 0, "keypoints": [0] * 51}, "expected persons with keypoints, found none in 5 annotations"),
        ({"iscrowd": 1}, "expected persons with keypoints, found none"),
        ({"category_id": 2}, "5 annotations of a category that the file does not list, the first: annotation 1"),
        ({"id": 7}, "1 annotation ids that occur twice, the first: 7"),
        ({"image_id": 9}, "5 annotations without a known image_id"),
    ],
)
def test_annotation_faults(tmp_path, content, changes, message):
    content["annotations"] = [{**a, **changes} for a in content["annotations"]]
    with pytest.raises(DataError, match=message):
        coco_index.load_ground_truth(tmp_path / "a.json", content)
