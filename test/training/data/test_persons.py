"""data/persons.py and data/coco.py: COCO's, CrowdPose's and the crop pack's persons."""

import json

import numpy as np
import pytest

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.training.data.coco import Person, detected_boxes
from pose_estimation_ros.training.data.persons import load_persons

COCO, CROWDPOSE = get_skeleton("coco17"), get_skeleton("crowdpose14")
SEEN = [5, 6, 2] * 17


def person(**changes):
    return {"id": 7, "image_id": 1, "num_keypoints": 17, "keypoints": SEEN, "bbox": [1, 2, 30, 40], **changes}


def save(folder, *annotations):
    path = folder / "persons.json"
    images = [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}]
    path.write_text(json.dumps({"images": images, "annotations": list(annotations)}))
    return path


def test_persons_without_crowds(dots):
    persons = load_persons(dots / "person_keypoints.json", COCO)
    assert [p.file_name for p in persons] == [f"{n}.png" for n in range(1, 7)]
    assert [p.annotation for p in persons] == [1, 2, 3, 4, 5, 6]
    assert persons[0].keypoints.shape == (17, 3) and persons[0].box_xyxy.tolist() == [8, 8, 88, 88]


@pytest.mark.parametrize(
    "changes",
    [
        {"iscrowd": 1},
        {"num_keypoints": 0, "keypoints": [0] * 51},
        {"num_keypoints": 0, "keypoints": [0] * 51, "bbox": [1, 2, 0, 0]},  # nobody crops it
        {"num_keypoints": 0, "keypoints": []},
        {"num_keypoints": 0, "keypoints": None},
    ],
)
def test_who_is_left_out(tmp_path, changes):
    path = save(tmp_path, person(id=1), person(**{"id": 2, **changes}))
    assert [p.annotation for p in load_persons(path, COCO)] == [1]
    with pytest.raises(DataError, match="persons.json: expected persons with keypoints, found none"):
        load_persons(save(tmp_path, person(**changes)), COCO)


def test_without_num_keypoints_the_labels_are_counted(tmp_path):
    labelled, unlabelled = person(id=1), person(id=2, keypoints=[0] * 51)
    del labelled["num_keypoints"], unlabelled["num_keypoints"]
    assert [p.annotation for p in load_persons(save(tmp_path, labelled, unlabelled), COCO)] == [1]


@pytest.mark.parametrize(
    "faults, message",
    [
        ([], "found none"),
        ([{"keypoints": [1, 2, 2]}], "1 persons without the 51 finite numbers of coco17.* annotation 0 with"),
        ([{"keypoints": [1] * 42}] * 2, "2 persons without the 51 finite numbers.* annotation 0 with"),
        ([{"image_id": 5}], "1 annotations without a known image_id, the first: annotation 0 with image_id 5"),
        ([{"keypoints": [float("nan"), *SEEN[1:]]}], "1 persons without the 51 finite numbers.*annotation 0"),
        ([{}, {"keypoints": [*SEEN[:-1], float("inf")]}], "1 persons without the 51 finite numbers.*annotation 1"),
        ([{"bbox": [1, 2, 0, 40]}, {"bbox": [1, 2, 30, -4]}], "2 persons whose box has no area.*annotation 0"),
        ([{"bbox": [1, 2, 3]}], "1 annotations without a bbox of 4 finite numbers.*annotation 0"),
        ([{"id": 4}, {"id": 4}, {"id": 5}, {"id": 5}], "2 annotation ids that occur twice, the first: 4"),
    ],
)
def test_faults(tmp_path, faults, message):
    path = save(tmp_path, *[person(**{"id": number, **fault}) for number, fault in enumerate(faults)])
    with pytest.raises(DataError, match="persons.json: .*" + message):
        load_persons(path, COCO)


@pytest.mark.parametrize("name", ["missing.json", "missing.h5"])
def test_missing_file(tmp_path, name):
    with pytest.raises(DataError, match=name):
        load_persons(tmp_path / name, get_skeleton("mpii16"))


A, B = [0.0, 0, 100, 100], [50.0, 0, 150, 100]  # overlap: IoU 1/3
NEAR_A, NEAR_B, BETWEEN = [0.0, 10, 100, 110], [60.0, 0, 160, 100], [20.0, 0, 120, 100]


@pytest.mark.parametrize(
    "persons, detections, scores, expected",
    [
        ([], [], [], []),
        ([], [NEAR_A], [0.9], []),
        ([A, B], [], [], [A, B]),
        ([A, B], [NEAR_B, NEAR_A], [0.3, 0.4], [NEAR_A, NEAR_B]),
        ([A, B], [BETWEEN], [0.9], [BETWEEN, B]),  # IoU 2/3 with A, 7/13 with B
        ([A, B], [BETWEEN, NEAR_A], [0.9, 0.8], [BETWEEN, B]),  # A is taken, and NEAR_A does not overlap B enough
        ([A, B], [BETWEEN, NEAR_A], [0.8, 0.9], [NEAR_A, BETWEEN]),
        ([A], [B], [0.9], [A]),
    ],
)
def test_detected_boxes(persons, detections, scores, expected):
    persons = [Person(n, "a.jpg", np.float32(box), np.ones((17, 3))) for n, box in enumerate(persons)]
    found = detected_boxes(persons, np.float32(detections).reshape(-1, 4), np.array(scores))
    assert [p.box_xyxy.tolist() for p in found] == expected
    assert [p.annotation for p in found] == list(range(len(persons)))


def test_detections_file(tmp_path):
    detections = tmp_path / "detections.json"
    path = save(tmp_path, person(id=1, image_id=2))
    box = {"image_id": 2, "category_id": 1, "bbox": [2, 2, 30, 40], "score": 0.5}
    detections.write_text(json.dumps([box, {**box, "image_id": 1, "score": 0.9}]))
    assert load_persons(path, COCO, detections)[0].box_xyxy.tolist() == [2, 2, 32, 42]
    detections.write_text(json.dumps([box, {**box, "image_id": 77}]))
    with pytest.raises(DataError, match="1 boxes of unknown images, the first: 77"):
        load_persons(path, COCO, detections)


def test_real_coco_and_detections(shared_data):
    """Most persons are found, and a box that has changed still overlaps the annotated one by half."""
    assert len(load_persons(f"{shared_data}/coco_train/person_keypoints.json", COCO)) == 287
    folder = f"{shared_data}/coco_val"
    plain, found = (
        np.array([p.box_xyxy for p in load_persons(f"{folder}/person_keypoints.json", COCO, detections)], float)
        for detections in ("", f"{folder}/person_detections_yolox_nano.json")
    )
    changed = (plain != found).any(1)
    inside = np.clip(np.minimum(plain, found)[:, 2:] - np.maximum(plain, found)[:, :2], 0, None).prod(1)
    areas = [(box[:, 2:] - box[:, :2]).prod(1) for box in (plain, found)]
    assert 0.5 < changed.mean() < 1 and (inside / (areas[0] + areas[1] - inside)).min() >= 0.499


@pytest.mark.parametrize("name, count", [("crowdpose_val", 7074), ("test_crowdpose", 4)])
def test_real_crowdpose(shared_data, name, count):
    path = f"{shared_data}/crowdpose/{name}.json"
    persons = load_persons(path, CROWDPOSE)
    assert len(persons) == count
    with open(path) as file:
        listed = {annotation["id"]: annotation for annotation in json.load(file)["annotations"]}
    for own in persons[:: max(count // 5, 1)]:
        x, y, width, height = listed[own.annotation]["bbox"]
        assert own.keypoints.ravel().tolist() == listed[own.annotation]["keypoints"]
        assert own.box_xyxy == pytest.approx([x, y, x + width, y + height], abs=1e-3)
    with pytest.raises(DataError, match="expected keypoint 0 'nose', got 'left_shoulder'"):
        load_persons(path, COCO)
