"""Boxes of a made-up detector, CrowdPose's crowdIndex, and MPII's entries of drawn people."""

import numpy as np
import pytest

from pose_estimation_ros.datasets.toy.layouts import crowd_index, detections, mpii_entry

IMAGES = [{"id": n, "width": 320, "height": 240} for n in range(100)]


def person(box, joints, image_id=0):
    return {"image_id": image_id, "bbox": box, "keypoints": [value for joint in joints for value in joint]}


@pytest.mark.parametrize(
    "people, expected",
    [
        ([], 0),
        ([person([0, 0, 10, 10], [(5, 5, 2), (6, 6, 1)])], 0),
        (
            [person([0, 0, 10, 10], [(5, 5, 2), (6, 6, 1)]), person([50, 0, 10, 10], [(55, 5, 2), (6, 6, 2)])],
            (0.5 + 0) / 2,
        ),
        ([person([0, 0, 10, 10], [(5, 5, 2), (6, 6, 1)]), person([0, 0, 10, 10], [(5, 5, 0), (6, 6, 2)])], 1),
    ],
)
def test_crowd_index(people, expected):
    assert crowd_index(people) == pytest.approx(expected)


def test_nobody_is_found_where_nobody_is_looked_for():
    assert detections([], [], np.random.default_rng(0)) == []


def test_boxes_are_near_the_people_and_some_are_wrong():
    people = [person([100, 50, 40, 100], [], n) for n in range(100)]
    boxes = detections(IMAGES, people, np.random.default_rng(0))
    near = [b for b in boxes if np.abs(np.array(b["bbox"]) - people[0]["bbox"]).max() < 25 and b["score"] >= 0.5]
    assert 85 <= len(near) < 100 and 10 < len(boxes) - len(near) < 60
    assert all(0 <= b["score"] <= 1 and min(b["bbox"][2:]) >= 4 for b in boxes)
    assert boxes == detections(IMAGES, people, np.random.default_rng(0))


def test_an_unlabelled_joint_of_mpii():
    entry = mpii_entry("a.jpg", person([0, 0, 20, 100], [(9, 9, 1), (0, 0, 0)]))
    assert entry["joints"] == [[10, 10], [-1, -1]] and entry["joints_vis"] == [1, 0] and entry["scale"] == 0.5
