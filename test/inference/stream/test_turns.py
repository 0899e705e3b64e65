"""Whom the pose network looks at beside a detector: everybody known, one box more, and no more than the budget."""

import numpy as np
import pytest

from pose_estimation_ros.core.poses import CONFIRMED, make_poses
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.inference.backends.base import Backend
from pose_estimation_ros.inference.options import PipelineOptions
from pose_estimation_ros.inference.pipeline import Pipeline
from pose_estimation_ros.inference.stream.detection import Beside, Found
from pose_estimation_ros.inference.stream.turns import SEARCHED, Turns, believed

SKELETON = get_skeleton("coco17")
UNIT = np.random.RandomState(0).rand(17, 2)
UNIT[0], UNIT[1] = 0, 1
NOBODY = np.zeros((0, 4), np.float32)
FRAME = np.zeros((480, 640, 3), np.uint8)


def box(x, y=100.0):
    return np.array([x, y, x + 60, y + 160], np.float32)


def people_at(*left, score=0.9):
    boxes = np.array([box(x) for x in left], np.float32).reshape(-1, 4)
    xy = boxes[:, None, :2] + (boxes[:, None, 2:] - boxes[:, None, :2]) * (0.5 + (UNIT - 0.5) / 1.3)
    scores = np.full((len(left), 17), score)
    return make_poses(xy, scores, boxes, scores.mean(1), track_id=np.arange(1, len(left) + 1), skeleton=SKELETON)


def look_at(turns, people, found=None, lost=NOBODY, most=20, budget_ms=0.0):
    return turns.next(people, found, lost, most, budget_ms)


def test_everybody_is_looked_at_in_every_image():
    look = look_at(Turns(), people_at(0, 100, 200))
    assert look.box_xyxy.tolist() == people_at(0, 100, 200).box_xyxy.tolist()
    assert not look.is_doubted.any() and look.others.count == 0 and look.least_score.tolist() == [0] * 3


def test_nobody():
    look = look_at(Turns(), people_at(), np.array([box(0)]))
    assert look.box_xyxy.tolist() == [box(0).tolist()]
    assert believed(look, people_at(0), SKELETON.sigmas).count == 1


def test_boxes_of_newcomers_are_looked_at_one_by_one_the_best_first_then_those_of_lost_people():
    turns, people = Turns(), people_at(0)
    found = np.array([box(300), box(2), box(400)])
    looks = [look_at(turns, people, found, np.array([box(500)]))] + [look_at(turns, people) for _ in range(3)]
    assert [len(look.box_xyxy) for look in looks] == [2, 2, 2, 1]
    assert [look.box_xyxy[1, 0] for look in looks[:3]] == [300, 400, 500]
    assert [look.least_score[1] for look in looks[:3]] == [0, 0, SEARCHED]
    assert looks[0].box_xyxy[0, 0] == 2  # the detector's box of who is known


def test_new_boxes_of_a_detector_replace_those_that_wait():
    turns, people = Turns(), people_at(0)
    look_at(turns, people, np.array([box(0), box(300), box(400)]))
    assert look_at(turns, people, np.array([box(0), box(200)])).box_xyxy[1, 0] == 200
    assert len(look_at(turns, people).box_xyxy) == 1


def test_at_the_largest_number_of_people_no_further_box_is_looked_at():
    assert len(look_at(Turns(), people_at(0, 100), np.array([box(300)]), most=2).box_xyxy) == 2


@pytest.mark.parametrize(
    "x, score, kept",
    [(0, 0.9, True), (0, SEARCHED - 0.1, False), (60, 0.9, False)],
)
def test_whom_the_detector_did_not_see_must_be_sure_and_in_the_expected_place(x, score, kept):
    look = look_at(Turns(), people_at(0, 200), np.array([box(200)]))
    assert look.is_doubted.tolist() == [True, False]
    found = believed(look, people_at(x, 200, score=score), SKELETON.sigmas)
    assert found.box_xyxy[:, 0].tolist() == ([x] if kept else []) + [200]


def test_a_budget_gives_turns_and_lets_the_others_wait():
    turns, people = Turns(), people_at(0, 100, 200, 300, 400)
    turns.took(20.0, 4)
    look = look_at(turns, people, budget_ms=12.0)
    assert look.box_xyxy[:, 0].tolist() == [0, 100] and look.others.box_xyxy[:, 0].tolist() == [200, 300, 400]
    assert look_at(turns, people, budget_ms=0.1).box_xyxy[:, 0].tolist() == [0]  # somebody, at any rate
    assert len(look_at(turns, people).box_xyxy) == 5


def test_the_time_of_a_person_follows_the_last_images():
    turns, people = Turns(), people_at(*range(0, 600, 60))
    for ms in (10.0, *[40.0] * 30):
        turns.took(ms, 4)
    turns.took(0.0, 0)  # an image without anybody tells nothing
    assert len(look_at(turns, people, budget_ms=31.0).box_xyxy) == 3


class Estimator:
    """Finds the people who stand where a box says, and counts the boxes."""

    skeleton = SKELETON

    def __init__(self, *left):
        self.people, self.counts = people_at(*left), []

    def __call__(self, frame, boxes):
        self.counts.append(len(boxes))
        nearest = [int(np.abs(self.people.box_xyxy[:, 0] - one[0]).argmin()) for one in boxes]
        found = self.people.select(np.array(nearest, int))
        return make_poses(found.xy, found.score, boxes, found.person_score)


class Known(Beside):
    """Answers in the same image with the boxes of all people."""

    def __init__(self, estimator):
        self.estimator = estimator

    def __call__(self, frame, time_s, due, wait):
        return Found(self.estimator.people.box_xyxy, time_s) if due else None

    def forget(self):
        pass


@pytest.fixture
def crowd(monkeypatch):
    """Build a pipeline that sees ten people walk to the right at 30 px/s, and may look at four per image."""
    monkeypatch.setattr(Turns, "took", lambda self, ms, people: None)
    estimator = Estimator(*range(0, 600, 60))
    options = PipelineOptions(background_detector=True, budget_ms=4.5)
    pipeline = Pipeline(estimator, lambda frame: None, options, [Backend()])
    pipeline._detection, pipeline._turns._ms_per_person = Known(estimator), 1.0
    return pipeline, estimator


def step(pipeline, estimator, i):
    x = np.float32([[1.0, 0.0]])
    people = estimator.people
    estimator.people = people.replace(xy=people.xy + x[:, None], box_xyxy=people.box_xyxy + np.tile(x, 2))
    return pipeline(FRAME, i / 30.0)


def test_a_crowd_keeps_its_ids_within_a_budget(crowd):
    pipeline, estimator = crowd
    poses = [step(pipeline, estimator, i) for i in range(90)]
    assert estimator.counts[0] == 10 and max(estimator.counts[1:]) == 4
    for now in poses[30:]:
        assert sorted(now.track_id.tolist()) == list(range(1, 11)) and (now.state == CONFIRMED).all()
    last = poses[-1].select(np.argsort(poses[-1].track_id))
    assert np.abs(last.xy - estimator.people.xy).max() < 3 and pipeline.lost.count == 0


def test_everybody_has_a_turn(crowd, monkeypatch):
    pipeline, estimator = crowd
    looked_at = []
    whole = Estimator.__call__

    def watching(self, frame, boxes):
        looked_at.append({int(np.abs(self.people.box_xyxy[:, 0] - one[0]).argmin()) for one in boxes})
        return whole(self, frame, boxes)

    monkeypatch.setattr(Estimator, "__call__", watching)
    for i in range(40):
        step(pipeline, estimator, i)
    for start in range(1, 37):
        assert set.union(*looked_at[start : start + 3]) == set(range(10))


def test_the_budget_may_change_at_any_time(crowd):
    pipeline, estimator = crowd
    counts = []
    for i, budget_ms in enumerate([0.0, 0.0, 4.5, 4.5, 0.0, 2.5, 2.5, 0.0]):
        pipeline.change(budget_ms=budget_ms)
        counts.append(step(pipeline, estimator, i).count)
    assert counts == [10] * 8 and estimator.counts == [10, 10, 4, 4, 10, 2, 2, 10]
