"""COCO's files: what is read, and what is refused with the first offender and the count."""

import json

import numpy as np
import pytest

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.evaluation.coco_json import read_coco_json, read_detections

IMAGES = [{"id": 4, "file_name": "b.jpg"}, {"id": 3, "file_name": "a.jpg"}]
BOX = [1, 2, 3, 4]


def save(folder, content):
    path = folder / "coco.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def item(image_id, number, bbox=BOX):
    return {"id": number, "image_id": image_id, "bbox": bbox}


@pytest.mark.parametrize(
    "images, annotations, expected",
    [
        ([], [], []),
        (IMAGES, [], [("b.jpg", []), ("a.jpg", [])]),
        (IMAGES, [item(3, 9), item(4, 7), item(3, 8)], [("b.jpg", [7]), ("a.jpg", [9, 8])]),
        (IMAGES, [{"image_id": 3, "bbox": BOX}] * 2, [("b.jpg", []), ("a.jpg", [None, None])]),
    ],
)
def test_images_with_their_annotations(tmp_path, images, annotations, expected):
    read = read_coco_json(save(tmp_path, {"images": images, "annotations": annotations}))
    assert [(image["file_name"], [a.get("id") for a in own]) for image, own in read] == expected


@pytest.mark.parametrize(
    "content, message",
    [
        ("{", "cannot read .*coco.json"),
        ("[]", "'images' and 'annotations'"),
        ({"images": []}, "'images' and 'annotations'"),
        ({"images": [{"id": 1}], "annotations": []}, "1 images without id and file_name, the first: {'id': 1}"),
        ({"images": IMAGES * 2, "annotations": []}, "2 image ids that occur twice, the first: 4"),
        (
            {"images": IMAGES, "annotations": [item(3, 5), item(4, 5)]},
            "1 annotation ids that occur twice.* 5",
        ),
        (
            {"images": IMAGES, "annotations": [item(3, 5), item(8, 6)]},
            "1 annotations without a known image_id.* 6",
        ),
        ({"images": IMAGES, "annotations": [item(3, 5, [1, 2])]}, "1 annotations without a bbox.*annotation 5"),
        ({"images": IMAGES, "annotations": [item(3, 5, None), item(3, 6, "abcd")]}, "2 annotations without a bbox"),
        ({"images": IMAGES, "annotations": [item(3, 5, [1, 2, 3, float("nan")])]}, "1 annotations without a bbox"),
    ],
)
def test_annotation_faults(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        read_coco_json(save(tmp_path, content))


def test_missing_file(tmp_path):
    with pytest.raises(DataError, match="cannot read .*missing.json"):
        read_coco_json(tmp_path / "missing.json")


def detection(**changes):
    return {"image_id": 1, "category_id": 1, "bbox": BOX, "score": 0.5, **changes}


def test_detections(tmp_path):
    assert read_detections(save(tmp_path, []), []) == {}
    content = [detection(), detection(category_id=2), detection(score=0.1), detection(bbox=[0, 0, 1, 1], score=0.75)]
    boxes = read_detections(save(tmp_path, content), [1, 2], min_score=0.2)
    assert boxes[1][0].tolist() == [[1, 2, 4, 6], [0, 0, 1, 1]] and boxes[1][1].tolist() == [0.5, 0.75]
    assert boxes[2][0].shape == (0, 4) and boxes[2][1].shape == (0,) and boxes[1][0].dtype == np.float32


@pytest.mark.parametrize(
    "content, message",
    [
        ("{", "cannot read"),
        ([{}], "expected a list of image_id, category_id, bbox, score"),
        ({"images": []}, "expected a list of image_id"),
        ([detection(bbox=[1, 2])], "expected a list of image_id"),
        ([detection(), detection(image_id=77), detection(image_id=78)], "2 boxes of unknown images, the first: 77"),
    ],
)
def test_detection_faults(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        read_detections(save(tmp_path, content), [1])
