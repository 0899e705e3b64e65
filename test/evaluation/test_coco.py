"""coco.py and evaluate.py: AP by pycocotools against hand-made cases, and the command on a tiny folder."""

import json

import numpy as np
import pytest

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.poses import make_poses
from pose_estimation_ros.evaluation import coco
from pose_estimation_ros.inference.predict import coco_results


def annotation(number, image_id, keypoints, box, **more):
    fields = {"id": number, "image_id": image_id, "category_id": 1, "iscrowd": 0, "num_keypoints": 17}
    return {**fields, "keypoints": keypoints, "bbox": box, "area": box[2] * box[3], **more}


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    keypoints = [
        np.concatenate([rng.uniform(0, 100, (17, 2)), np.full((17, 1), 2)], 1).ravel().tolist() for _ in range(3)
    ]
    images = [{"id": i, "file_name": f"{i}.png", "width": 200, "height": 200} for i in (1, 2)]
    annotations = [
        annotation(1, 1, keypoints[0], [0, 0, 100, 100]),
        annotation(2, 1, keypoints[1], [0, 0, 100, 100]),
        annotation(3, 2, keypoints[2], [0, 0, 60, 60]),
        annotation(4, 2, [0] * 51, [0, 0, 9, 9], num_keypoints=0),
        annotation(5, 2, keypoints[0], [0, 0, 9, 9], iscrowd=1),
    ]
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}
    (tmp_path / "person_keypoints.json").write_text(json.dumps(content))
    return tmp_path


def results_of(truth, ids):
    anns = [truth.anns[i] for i in ids]
    return [{"image_id": a["image_id"], "category_id": 1, "keypoints": a["keypoints"], "score": 0.9} for a in anns]


def test_nothing_predicted(folder):
    assert coco.keypoint_ap(coco.load_ground_truth(folder), []) == dict.fromkeys(coco.METRICS, 0.0)


def test_truth_as_prediction_is_perfect(folder):
    truth = coco.load_ground_truth(folder)
    assert coco.keypoint_ap(truth, results_of(truth, [1, 2, 3])) == dict.fromkeys(coco.METRICS, 100.0)


def test_one_of_three_found(folder):
    truth = coco.load_ground_truth(folder)
    figures = coco.keypoint_ap(truth, results_of(truth, [1]))
    assert figures["AP"] == pytest.approx(100 * 34 / 101, abs=0.01)  # 101 recall points, those up to 1/3
    assert figures["AR"] == pytest.approx(33.33, abs=0.01)


def test_ground_truth_boxes_leave_out_crowds_and_the_unlabelled(folder):
    boxes = coco.ground_truth_boxes(coco.load_ground_truth(folder))
    assert {k: len(b) for k, (b, s) in boxes.items()} == {1: 2, 2: 1}
    assert boxes[2][0].tolist() == [[0, 0, 60, 60]]


@pytest.mark.parametrize("content", ["{", '{"images": [], "annotations": []}', "[]"])
def test_annotation_faults(tmp_path, content):
    (tmp_path / "person_keypoints.json").write_text(content)
    with pytest.raises(DataError, match="person_keypoints.json"):
        coco.load_ground_truth(tmp_path)


def test_results_format():
    poses = make_poses([[[1, 2], [3, 4]]], [[0.5, 0.25]], [[0, 0, 9, 9]], [0.75])
    assert coco_results(poses, 7) == [
        {"image_id": 7, "category_id": 1, "keypoints": [1, 2, 0.5, 3, 4, 0.25], "score": 0.75}
    ]


def test_missing_image(folder):
    truth = coco.load_ground_truth(folder)
    with pytest.raises(DataError, match="cannot read image .*1.png"):
        list(coco.predict(None, truth, folder, coco.ground_truth_boxes(truth)))
