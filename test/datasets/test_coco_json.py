"""Check coco_json.py: what is read, and errors with the count of faults and the first of them."""

import json

import numpy as np
import pytest

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.datasets.coco_categories import COCO_CATEGORIES
from pose_estimation_ros.datasets.coco_faults import size_of
from pose_estimation_ros.datasets.coco_json import (
    checked_content,
    read_coco_json,
    read_detections,
    refuse_other_size,
)

IMAGES = [{"id": 4, "file_name": "b.jpg"}, {"id": 3, "file_name": "a.jpg"}]
BOX = [1, 2, 3, 4]


def save(folder, content):
    path = folder / "coco.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def of_image(**changes):
    return {"images": [*IMAGES, {"id": 9, "file_name": "c.jpg", **changes}], "annotations": []}


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
    assert [(image["file_name"], [a.get("id") for a in persons]) for image, persons in read] == expected


@pytest.mark.parametrize(
    "content, message",
    [
        ("{", "coco.json: expected a JSON file"),
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
        ({"images": [3, None], "annotations": []}, "2 images that are no objects, the first: 3"),
        ({"images": IMAGES, "annotations": [[1]]}, "1 annotations that are no objects"),
        (of_image(id=[1]), r"1 images whose id is neither a whole number nor a text, the first: \[1\]"),
        (of_image(id=None), "1 images whose id is neither"),
        (of_image(id=1.5), "1 images whose id is neither"),
        (of_image(id="x"), "image ids of one kind, got numbers and texts: 4 and 'x'"),
        (of_image(file_name=7), "1 images whose file_name is not a name within the folder of images, the first: 7"),
        (of_image(file_name="/etc/passwd"), "1 images whose file_name is not a name within"),
        (of_image(file_name="a/../../b.jpg"), "1 images whose file_name is not a name within"),
        (of_image(file_name="C:\\a.jpg"), "1 images whose file_name is not a name within"),
        (of_image(file_name=""), "1 images whose file_name is not a name within"),
        (of_image(width="640", height=480), "1 images whose width and height are not whole numbers.* with 640x480"),
        (of_image(width=0, height=480), "1 images whose width and height are not whole numbers above 0"),
        (of_image(width=float("inf"), height=480), "1 images whose width and height are not whole numbers above 0"),
        ({"images": IMAGES, "annotations": [item(3, [5])]}, "1 annotations whose id is neither.* annotation .5."),
        ({"images": IMAGES, "annotations": [item(3, None)]}, "1 annotations whose id is neither"),
        ({"images": IMAGES, "annotations": [item([3], 5)]}, "1 annotations without a known image_id"),
        ({"images": IMAGES, "annotations": [item({}, 5)]}, "1 annotations without a known image_id"),
        ("[" * 100_000, "coco.json: expected a JSON file"),
    ],
)
def test_annotation_faults(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        read_coco_json(save(tmp_path, content))


def test_missing_file(tmp_path):
    with pytest.raises(DataError, match="missing.json: expected a JSON file"):
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
        ("{", "expected a JSON file"),
        ([{}], "1 boxes without image_id, the first: entry 0"),
        ({"images": []}, "expected a list of image_id"),
        ([detection(bbox=[1, 2])], "1 boxes that are not 4 finite numbers, the first: entry 0 with .1, 2."),
        ([3], "1 boxes that are no objects, the first: entry 0"),
        ([detection(bbox=[1, 2, 3, 4, 5])], "1 boxes that are not 4 finite numbers"),
        ([detection(bbox=["1", "2", "3", "4"])], "1 boxes that are not 4 finite numbers"),
        ([detection(), detection(bbox=[1, 2, float("nan"), 4])], "1 boxes that are not 4 finite numbers.* entry 1"),
        ([detection(bbox=[1, 2, float("inf"), 4])], "1 boxes that are not 4 finite numbers"),
        ([detection(bbox=[1, 2, 0, 4]), detection(bbox=[1, 2, 3, -4])], "2 boxes without width or height"),
        ([detection(score=float("nan"))], "1 boxes with a score that is no number from 0 to 1.* score nan"),
        ([detection(score="0.9"), detection(score=90.0)], "2 boxes with a score that is no number from 0 to 1"),
        ([detection(score=-0.1)], "1 boxes with a score that is no number from 0 to 1"),
        ([detection(category_id=0), detection(category_id=2)], "expected boxes of the category of the annotated pers"),
        ([detection(image_id=[1])], "1 boxes of unknown images"),
        ([detection(), detection(image_id=77), detection(image_id=78)], "2 boxes of unknown images, the first: 77"),
    ],
)
def test_detection_faults(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        read_detections(save(tmp_path, content), [1])


def test_the_same_ids_in_other_forms(tmp_path):
    images = [{"id": 785.0, "file_name": "a.jpg"}, {"id": 2**60, "file_name": "b.jpg"}]
    annotations = [item("785", "9f1c-uuid"), item(785, 0), item(2**60, 2**60 + 1)]
    read = read_coco_json(save(tmp_path, {"images": images, "annotations": annotations}))
    assert [(i["id"], len(persons)) for i, persons in read] == [(785, 2), (2**60, 1)] and type(read[0][0]["id"]) is int
    boxes = read_detections(save(tmp_path, [detection(image_id="785"), detection(image_id=785.0)]), {785})
    assert len(boxes[785][0]) == 2


def test_persons_alone(tmp_path):
    categories = [{"id": 0, "name": "person"}, {"id": 1, "name": "car"}]
    annotations = [{**item(3, n), "category_id": n % 2} for n in range(5)]
    content = {"images": IMAGES, "annotations": annotations, "categories": categories}
    (_, nobody), (_, persons) = read_coco_json(save(tmp_path, content))
    assert not nobody and [a["id"] for a in persons] == [0, 2, 4] and {a["category_id"] for a in persons} == {1}


def test_checked_content_is_json_and_comes_out_the_same(content):
    checked, _ = checked_content(content, "a.json", get_skeleton("coco17"))
    again, categories = checked_content(json.loads(json.dumps(checked)), "a.json", get_skeleton("coco17"))
    assert again == checked and categories == COCO_CATEGORIES


@pytest.mark.parametrize(
    "boxes, message",
    [
        ([], "2 of 2 images have no box, so nobody is looked for in them"),
        ([detection()], "1 of 2 images have no box"),
        ([detection(), detection(category_id=3)], "1 of 2 boxes are of another category than persons and are left out"),
        ([detection(bbox=[5000, 5000, 9, 9])], "1 boxes lie outside of their image, the first: image 1"),
    ],
)
def test_boxes_that_find_nobody_cause_a_warning(tmp_path, capsys, boxes, message):
    images = {i: {"id": i, "width": 640, "height": 480} for i in (1, 2)}
    read_detections(save(tmp_path, boxes), images)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "annotated, fine",
    [
        ({}, True),
        ({"width": 40}, True),
        ({"width": None, "height": None}, True),
        ({"width": 40, "height": 30}, True),
        ({"width": 40.0, "height": 30}, True),
        ({"width": 30, "height": 40}, False),
        ({"width": 80, "height": 60}, False),
    ],
)
def test_size_of_a_decoded_image(annotated, fine):
    image = np.zeros((30, 40, 3), np.uint8)
    if fine:
        return refuse_other_size(image, size_of(annotated), "a.jpg")
    size = f"{annotated['width']}x{annotated['height']}"
    with pytest.raises(DataError, match=f"a.jpg: expected the annotated size {size}, got 40x30; is it a resized copy"):
        refuse_other_size(image, size_of(annotated), "a.jpg")
