"""Recall against false positives, on cases small enough to do by hand, and on a published detector's results."""

import json
import shutil

import cv2
import numpy as np
import pytest

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.geometry import xywh_to_xyxy
from pose_estimation_ros.evaluation.accuracy import threshold_of
from pose_estimation_ros.evaluation.metrics.box_ap import box_ap
from pose_estimation_ros.evaluation.metrics.detection import (
    Truth,
    at_own_threshold,
    at_threshold,
    curve,
    detect_folder,
    finite_boxes,
    judge,
    load_truth,
    match,
    operating_point,
    summary,
)
from pose_estimation_ros.inference.backends.find import find_model

PERSON = [0.0, 0, 10, 100]
SHIFTED = [0.0, 20, 10, 120]  # IoU with PERSON 80 / 120
FAR = [50.0, 0, 60, 100]
PARTLY = [0.0, 50, 10, 150]  # IoU with PERSON 50 / 150: neither found nor false


def truth_of(*boxes, counted=None):
    counted = np.array([True] * len(boxes) if counted is None else counted, bool)
    return Truth("a.jpg", np.array(boxes, np.float32).reshape(-1, 4), counted, ~counted)


@pytest.mark.parametrize(
    "boxes, scores, truth, found, false",
    [
        ([], [], truth_of(), [], []),
        ([], [], truth_of(PERSON), [], []),
        ([PERSON], [0.9], truth_of(), [False], [True]),
        ([PERSON], [0.9], truth_of(PERSON), [True], [False]),
        ([PERSON, FAR], [0.2, 0.9], truth_of(PERSON), [True, False], [False, True]),
        ([SHIFTED, PERSON], [0.9, 0.8], truth_of(PERSON), [True, False], [False, False]),  # the second is a duplicate
        ([SHIFTED, PERSON], [0.8, 0.9], truth_of(PERSON), [False, True], [False, False]),
        ([PARTLY], [0.9], truth_of(PERSON), [False], [False]),
        ([PERSON], [0.9], truth_of(PERSON, counted=[False]), [False], [False]),  # a crowd or a small person
        ([PERSON, PERSON], [0.9, 0.8], truth_of(PERSON, SHIFTED), [True, True], [False, False]),
    ],
)
def test_match(boxes, scores, truth, found, false):
    result = match(np.array(boxes, np.float32).reshape(-1, 4), np.array(scores), truth)
    assert [list(r) for r in result] == [found, false]


def test_curve_of_nothing():
    assert summary(curve(judge([], []))) == {
        "recall_at_0.2_fp": 0.0,
        "score_at_0.2_fp": 1.0,
        "recall_at_1_fp": 0.0,
        "score_at_1_fp": 1.0,
    }


def test_curve_and_points_on_it():
    one = (np.array([PERSON, FAR, FAR]), np.array([0.9, 0.8, 0.5]))
    two = (np.array([FAR, PERSON]), np.array([0.7, 0.5]))
    points = curve(judge([one, two], [truth_of(PERSON), truth_of(PERSON)]))
    np.testing.assert_allclose(points.score, [0.9, 0.8, 0.7, 0.5])
    np.testing.assert_allclose(points.recall, [0.5, 0.5, 0.5, 1.0])
    np.testing.assert_allclose(points.false_per_image, [0, 0.5, 1.0, 1.5])
    assert operating_point(points, 1.0) == (0.5, 0.7)
    assert operating_point(points, 2.0) == (1.0, 0.5)
    assert at_threshold(points, 0.75) == (0.5, 0.5)
    assert at_threshold(points, 0.95) == (0.0, 0.0)


def test_the_threshold_of_the_spec(color_model, save_spec, tmp_path):
    points = curve(judge([(np.array([PERSON, FAR]), np.array([0.9, 0.8]))], [truth_of(PERSON, FAR)]))
    foreign = shutil.copy(color_model, str(tmp_path / "foreign.onnx"))  # of another family: it has no spec
    assert at_own_threshold(points, threshold_of(find_model(foreign))) == {}
    detector = {"task": "person_detector", "skeleton": "", "decoder": "boxes"}
    save_spec(color_model, **detector)
    assert at_own_threshold(points, threshold_of(find_model(color_model))) == {}
    save_spec(color_model, accuracy={"score_threshold": 0.85}, **detector)
    assert at_own_threshold(points, threshold_of(find_model(color_model))) == {
        "recall_at_threshold": 0.5,
        "false_per_image_at_threshold": 0.0,
    }


def annotation(image_id, bbox, **more):
    return {"image_id": image_id, "bbox": bbox, **more}


def test_load_truth(tmp_path):
    path = tmp_path / "persons.json"
    items = [
        annotation(1, [0, 0, 30, 64], num_keypoints=5),
        annotation(1, [0, 0, 30, 63], num_keypoints=17),
        annotation(1, [0, 0, 30, 90], num_keypoints=4),
        annotation(1, [0, 0, 90, 90], num_keypoints=9, iscrowd=1),
        annotation(1, [10, 20, 30, 90]),
    ]
    images = [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}]
    path.write_text(json.dumps({"images": images, "annotations": items}))
    with_persons, empty = load_truth(path)
    assert list(with_persons.counted) == [True, False, False, False, True]
    assert list(with_persons.crowd) == [False, False, False, True, False]
    np.testing.assert_allclose(with_persons.box_xyxy[4], [10, 20, 40, 110])
    assert empty.file_name == "b.jpg" and empty.box_xyxy.shape == (0, 4) and empty.counted.shape == (0,)


@pytest.mark.parametrize("content", ["", "[]", '{"images": []}', '{"images": [], "annotations": [{"image_id": 1}]}'])
def test_load_truth_refuses(tmp_path, content):
    (tmp_path / "bad.json").write_text(content)
    with pytest.raises(DataError, match="bad.json"):
        load_truth(tmp_path / "bad.json")


def test_detect_folder(tmp_path):
    frame = np.full((20, 30, 3), 7, np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), frame)

    def detector(image):
        return np.float32([[0, 0, image.shape[1], image.shape[0]]]), np.ones(1, np.float32)

    truth = truth_of(PERSON)._replace(file_name="a.png")
    boxes, scores = detect_folder(detector, tmp_path, [truth])[0]
    assert boxes.tolist() == [[0, 0, 30, 20]] and scores.tolist() == [1]
    with pytest.raises(DataError, match="missing.png"):
        detect_folder(detector, tmp_path, [truth._replace(file_name="missing.png")])
    with pytest.raises(DataError, match="a.png: expected the annotated size 20x30, got 30x20"):
        detect_folder(detector, tmp_path, [truth._replace(size=(20, 30))])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_boxes_that_are_not_finite_are_not_there(value):
    odd = (np.array([PERSON, [value, 0, 10, 100], PERSON]), np.array([0.9, 0.8, value]))
    assert finite_boxes([])[0] == 0
    count, ((boxes, scores),) = finite_boxes([odd])
    assert count == 2 and boxes.tolist() == [PERSON] and scores.tolist() == [0.9]
    outcome = judge([odd], [truth_of(PERSON)])
    assert outcome.correct.tolist() == [True] and box_ap([odd], [truth_of(PERSON)])["box_AP"] == 100
    nothing = (odd[0][1:2], odd[1][1:2])
    assert box_ap([nothing], [truth_of(PERSON)]) == {"box_AP": 0, "box_AP50": 0}


def test_persons_alone_and_boxes_with_an_area(tmp_path, capsys):
    categories = [{"id": 1, "name": "person"}, {"id": 3, "name": "car"}]
    items = [
        annotation(1, [0, 0, 30, size], category_id=number) for size, number in ((64, 1), (80, 3), (0, 1), (-9, 1))
    ]
    images = [{"id": 1, "file_name": "a.jpg", "width": 640, "height": 480}]
    path = tmp_path / "persons.json"
    path.write_text(json.dumps({"images": images, "annotations": items, "categories": categories}))
    (truth,) = load_truth(path)
    assert truth.box_xyxy.tolist() == [[0, 0, 30, 64]] and truth.size == (640, 480)
    assert "2 persons whose box has no width or height are left out" in capsys.readouterr().err


@pytest.mark.parametrize("fields", [{"num_keypoints": "5"}, {"iscrowd": "no"}, {"num_keypoints": None}])
def test_fields_of_another_kind_are_refused(tmp_path, fields):
    content = {"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [annotation(1, [0, 0, 30, 64], **fields)]}
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=f"1 persons whose {next(iter(fields))} is"):
        load_truth(tmp_path / "a.json")


def test_published_detector(shared_data):
    """The stored detections of YOLOX-nano give the figures that the data's author measured with code of their own."""
    folder = f"{shared_data}/coco_val"
    truths = load_truth(f"{folder}/person_keypoints.json")
    with open(f"{folder}/person_keypoints.json") as file:
        ids = {image["file_name"]: image["id"] for image in json.load(file)["images"]}
    with open(f"{folder}/person_detections_yolox_nano.json") as file:
        found = json.load(file)
    own = [[d for d in found if d["image_id"] == ids[truth.file_name]] for truth in truths]
    detections = [(xywh_to_xyxy(np.array([d["bbox"] for d in ds])), np.array([d["score"] for d in ds])) for ds in own]
    figures = summary(curve(judge(detections, truths)))
    assert figures["recall_at_1_fp"] == pytest.approx(0.84, abs=0.015)
    assert figures["recall_at_0.2_fp"] == pytest.approx(0.72, abs=0.015)
