"""Groups of people, and accuracy by them, on people whose figures are known."""

import numpy as np
import pytest

from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.datasets.coco_index import load_ground_truth
from pose_estimation_ros.evaluation.metrics import detection
from pose_estimation_ros.evaluation.metrics.groups import attributes, boxes_by_group, labelled_groups, poses_by_group
from pose_estimation_ros.evaluation.metrics.matches import people_of

SKELETON = get_skeleton("coco17")


def test_everybody_is_in_one_group_of_each_attribute(shared_data):
    people = people_of(load_ground_truth(f"{shared_data}/coco_val"))
    for attribute in attributes(17):
        assert (sum(attribute.members(people).values()) == np.ones(len(people.area))).all(), attribute.name


@pytest.mark.parametrize(
    "keypoints, names",
    [
        (1, ["1"]),
        (2, ["1", "2"]),
        (5, ["1", "2 to 3", "4", "5"]),
        (17, ["1 to 5", "6 to 10", "11 to 14", "15 to 17"]),
        (133, ["1 to 39", "40 to 78", "79 to 110", "111 to 133"]),
    ],
)
def test_groups_by_the_number_of_labelled_keypoints(keypoints, names):
    groups = labelled_groups(keypoints)
    assert list(groups) == names
    assert [sum(low <= n < high for low, high in groups.values()) for n in range(1, keypoints + 1)] == [1] * keypoints


def test_nobody_found(folder):
    figures = poses_by_group(load_ground_truth(folder), [], SKELETON)
    assert figures["by_group"]["size"] == {
        "32 to 64": {"people": 1, "AR": 0.0},  # 60 px
        "96 to 192": {"people": 2, "AR": 0.0},  # 100 px
    }
    assert set(figures["kinds_of_errors"].values()) == {0.0}


def test_who_was_found_counts_in_each_of_his_groups(folder, content, as_results):
    """One of three people, perfectly: of one box with another, 17 keypoints labelled, none hidden."""
    figures = poses_by_group(load_ground_truth(folder), as_results(content["annotations"][:1]), SKELETON)
    assert figures == {
        "by_group": {
            "size": {"32 to 64": {"people": 1, "AR": 0.0}, "96 to 192": {"people": 2, "AR": 50.0}},
            "labelled": {"15 to 17": {"people": 3, "AR": 33.3}},
            "hidden": {"none": {"people": 3, "AR": 33.3}},
            "crowding": {"up to 10": {"people": 1, "AR": 0.0}, "from 30": {"people": 2, "AR": 50.0}},
        },
        "kinds_of_errors": {"good": 100.0, "jitter": 0.0, "inversion": 0.0, "swap": 0.0, "miss": 0.0},
    }


def test_hidden_keypoints(content):
    first = content["annotations"][0]
    first["keypoints"][2::3] = [1] * 5 + [2] * 12  # 29 %
    truth = load_ground_truth("a.json", content)
    by_group = poses_by_group(truth, [], SKELETON)["by_group"]
    assert by_group["hidden"] == {"none": {"people": 2, "AR": 0.0}, "25 to 50": {"people": 1, "AR": 0.0}}


@pytest.mark.parametrize(
    "boxes, score, recall",
    [
        ([], 0.5, [0.0]),
        ([([0, 0, 100, 100], 0.9)], 0.5, [50.0]),  # two people in one place, the third less than 64 px high
        ([([0, 0, 100, 100], 0.9), ([1, 1, 99, 99], 0.5)], 0.5, [100.0]),
        ([([0, 0, 100, 100], 0.9), ([1, 1, 99, 99], 0.5)], 0.6, [50.0]),
        ([([50, 50, 150, 150], 0.9)], 0.5, [0.0]),
    ],
)
def test_boxes(folder, boxes, score, recall):
    results = [{"file_name": "1.png", "box_xyxy": box, "score": s} for box, s in boxes]
    figures = boxes_by_group(load_ground_truth(folder), results, score)["by_group"]
    assert figures["size"] == {"96 to 192": {"people": 2, "recall": recall[0]}}


def test_recall_over_all_groups_is_the_detector_s(shared_data):
    """With YOLOX-nano's stored boxes, against the counts of the other way through detection.judge."""
    folder = f"{shared_data}/coco_val"
    truth = load_ground_truth(folder)
    truths = detection.load_truth(f"{folder}/person_keypoints.json")
    stored = detection_boxes(folder, truth)
    points = detection.curve(detection.judge([stored[t.file_name] for t in truths], truths))
    recall, score = detection.operating_point(points, 1.0)
    results = [{"file_name": name, "box_xyxy": box, "score": s} for name, own in stored.items() for box, s in zip(*own)]
    for groups in boxes_by_group(truth, results, score)["by_group"].values():
        people = [group["people"] for group in groups.values()]
        found = sum(group["people"] * group["recall"] / 100 for group in groups.values())
        assert sum(people) == 249 and found == pytest.approx(249 * recall, abs=0.5)


def detection_boxes(folder, truth):
    """File name -> box_xyxy, score."""
    from pose_estimation_ros.datasets.coco_json import read_detections

    boxes = read_detections(f"{folder}/person_detections_yolox_nano.json", truth.imgs)
    return {truth.imgs[image_id]["file_name"]: own for image_id, own in boxes.items()}
