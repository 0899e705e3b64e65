"""Check how benchmarks/accuracy/box_thresholds.py applies thresholds to people whose scores are known."""

import numpy as np
import pytest

from benchmarks.accuracy.box_thresholds import OPTIONS, Seen, look, people
from pose_estimation_ros.core.poses import empty_poses, make_poses
from pose_estimation_ros.core.skeleton import get_skeleton

SKELETON = get_skeleton("coco17")
FRAME = np.zeros((60, 300, 3), np.uint8)
BOXES = np.float32([[0, 0, 40, 60], [100, 0, 140, 60], [200, 0, 240, 60]])
BOX_SCORE, PERSON_SCORE = np.float32([0.9, 0.5, 0.2]), np.float32([0.2, 0.8, 0.9])


def three_people():
    xy = np.random.default_rng(1).uniform(0, 40, (1, 17, 2)) + BOXES[:, None, :2]
    return make_poses(xy, np.full((3, 17), 0.9), BOXES, PERSON_SCORE, skeleton=SKELETON)


@pytest.mark.parametrize(
    "box_threshold, person_threshold, found",
    [
        (0.95, 0.0, []),
        (0.1, 0.95, []),
        (0.1, 0.1, [0, 100, 200]),
        (0.4, 0.1, [0, 100]),
        (0.1, 0.5, [100, 200]),
        (0.4, 0.5, [100]),
    ],
)
def test_thresholds(box_threshold, person_threshold, found):
    seen = Seen(FRAME, BOXES, BOX_SCORE, three_people())
    poses = people(seen, SKELETON, box_threshold, OPTIONS._replace(person_threshold=person_threshold))
    assert poses.box_xyxy[:, 0].tolist() == found


def test_nobody():
    seen = Seen(FRAME, BOXES[:0], BOX_SCORE[:0], empty_poses(17, SKELETON))
    assert people(seen, SKELETON, 0.1, OPTIONS).count == 0


def test_a_pose_for_each_box_that_a_pipeline_could_use():
    many = np.repeat(BOXES[:1], 30, 0), np.linspace(1, 0.1, 30)
    (seen,) = look([FRAME], lambda frame: many, lambda frame, boxes: boxes)
    assert len(seen.poses) == len(seen.score) == OPTIONS.max_people
