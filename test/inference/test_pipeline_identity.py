"""Test that people stay themselves through the whole pipeline, where boxes are wrong and people hide each other."""

import numpy as np
import pytest

from pose_estimation_ros.core.oks import box_area, shared_joints
from pose_estimation_ros.core.poses import CONFIRMED, make_poses
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.inference.backends.base import Backend
from pose_estimation_ros.inference.options import PipelineOptions
from pose_estimation_ros.inference.pipeline import Pipeline

SKELETON = get_skeleton("coco17")
SHAPE = np.random.RandomState(0).rand(17, 2)
SHAPE[[5, 6, 11, 12]] = [[0.8, 0.2], [0.2, 0.2], [0.75, 0.5], [0.25, 0.5]]
SHAPE[[0, 16]] = [[0.5, 0.0], [0.5, 1.0]]
COLORS = [(40, 40, 200), (200, 60, 40), (40, 180, 60), (20, 20, 20), (240, 240, 240)]


class World:
    """Holds the boxes of people, nearest first, and draws them; serves as detector and as estimator.

    As a detector it sees one box for two who overlap by half. As an estimator it finds in a box the visible person who
    is nearest to its middle, and takes half of the joints, less surely, from whoever else stands inside the box.
    """

    skeleton = SKELETON

    def __init__(self, seed=0):
        self.dice, self.boxes, self.colors = np.random.RandomState(seed), np.zeros((0, 4)), COLORS

    def show(self, *places):
        self.boxes = np.array([[x, y, x + 60, y + 160] for x, y in places], float).reshape(-1, 4)
        frame = np.full((480, 640, 3), 110, np.uint8)
        for (left, top, right, bottom), color in reversed(list(zip(self.boxes.clip(0).astype(int), self.colors))):
            frame[top:bottom, left:right] = color
        return frame

    def visible(self):
        hidden = [any(abs(at[0] - near[0]) < 25 for near in self.boxes[:i]) for i, at in enumerate(self.boxes)]
        return self.boxes[~np.array(hidden, bool)]

    def detect(self, frame):
        boxes = self.visible() + 2 * self.dice.randn(len(self.visible()), 4)
        return boxes.astype(np.float32), np.ones(len(boxes), np.float32)

    def __call__(self, frame, boxes):
        seen, xy, stolen = self.visible(), [], np.zeros((len(boxes), 17), bool)
        for number, box in enumerate(boxes):
            far = np.abs((seen[:, 0] + seen[:, 2] - box[0] - box[2]) / 2)
            order = far.argsort()
            joints = seen[order[0], :2] + SHAPE * [60, 160] if len(seen) else np.full((17, 2), -1000.0)
            if len(seen) > 1 and far[order[1]] < 45:
                stolen[number, 1::2] = True
                joints[1::2] = (seen[order[1], :2] + SHAPE * [60, 160])[1::2]
            xy.append(joints + 1.5 * self.dice.randn(17, 2))
        xy = np.array(xy).reshape(-1, 17, 2)
        score = self.dice.uniform(0.5, 0.9, xy.shape[:2]) * np.where(stolen, 0.6, 1) * (xy.max((1, 2)) > 0)[:, None]
        return make_poses(xy, score, boxes, score.mean(1), skeleton=SKELETON)


def pipeline_of(world, **options):
    return Pipeline(world, world.detect, PipelineOptions(smoothing=False, **options), [Backend()])


def most_shared(poses):
    share = shared_joints(poses.xy, poses.score, box_area(poses.box_xyxy), SKELETON.sigmas)
    return float((share * ~np.eye(len(share), dtype=bool)).max(initial=0))


def test_an_empty_world():
    world = World()
    assert len(pipeline_of(world)(world.show(), 0.0)) == 0


@pytest.mark.parametrize("rate_hz, detect_every_s", [(2, 0.5), (5, 0.5), (10, 0.0), (10, 0.5), (30, 0.5)])
def test_two_who_cross_keep_their_ids(rate_hz, detect_every_s):
    """At 60 px/s each, so that the one behind is hidden for almost half a second."""
    world, seen = World(), []
    pipeline = pipeline_of(world, detect_every_s=detect_every_s)
    for i in range(int(6 * rate_hz)):
        places = [(100 + 60 * i / rate_hz, 100), (460 - 60 * i / rate_hz, 95)]
        poses = pipeline(world.show(*places), i / rate_hz)
        assert most_shared(poses) <= 0.5
        order = np.abs(poses.box_xyxy[:, :1] - np.array(places)[:, 0]).argmin(1)
        seen.append(dict(zip(order.tolist(), zip(poses.track_id.tolist(), poses.state.tolist()))))
    first = {person: track_id for person, (track_id, _) in seen[1].items()}
    assert sorted(first) == [0, 1] and seen[-1] == {person: (first[person], CONFIRMED) for person in first}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("rate_hz", [2, 10])
def test_no_two_people_share_a_skeleton(seed, rate_hz):
    """Five people wander at random places, close together."""
    world, dice = World(seed), np.random.RandomState(seed)
    places, pipeline = dice.uniform([0, 100], [500, 140], (5, 2)), pipeline_of(world)
    for i in range(40):
        places = (places + 60 / rate_hz * dice.randn(5, 2) * [1, 0.1]).clip([0, 80], [560, 160])
        poses = pipeline(world.show(*places), i / rate_hz)
        assert most_shared(poses) <= 0.5
        assert len(set(poses.track_id.tolist())) == len(poses)


@pytest.mark.parametrize("clothes, expected", [(COLORS, {1, 2}), (COLORS[::2], {1, 3})])
def test_who_was_away_for_two_seconds_is_known_by_the_clothes(clothes, expected):
    world = World()
    pipeline = pipeline_of(world)
    for i in range(10):
        before = pipeline(world.show((100, 100), (400, 100)), i / 10)
    for i in range(10, 30):
        pipeline(world.show((100, 100)), i / 10)
    world.colors = clothes
    after = [pipeline(world.show((100, 100), (420, 100)), i / 10) for i in range(30, 36)][-1]
    assert set(before.track_id.tolist()) == {1, 2} and set(after.track_id.tolist()) == expected


class Overlooked(World):
    """People whom the detector sees in the first ``frames`` frames alone."""

    def __init__(self, frames):
        super().__init__()
        self.frames = frames

    def detect(self, frame):
        self.frames -= 1
        boxes, score = super().detect(frame)
        return (boxes, score) if self.frames >= 0 else (boxes[:0], score[:0])


def test_who_is_not_detected_is_found_where_expected():
    """Somebody walks to the right at 30 px/s for three seconds, and is gone then."""
    world = Overlooked(3)
    pipeline = pipeline_of(world)
    for number in range(6):
        assert pipeline(world.show((100 + 15 * number, 100)), number / 2).track_id.tolist() == [1]
    assert (pipeline(world.show(), 3.0).count, pipeline.lost.count) == (0, 1)


@pytest.mark.parametrize(
    "frames, last_x, options, expected",
    [
        (3, 100, {}, 1),
        (1, 100, {}, 0),  # never confirmed
        (3, 100, {"tracking": False}, 0),
        (3, 160, {}, 0),  # somebody else, a width away
        (3, 100, {"person_threshold": 0.9}, 0),
        (4, 100, {"max_people": 1}, 1),
    ],
)
def test_only_who_is_expected_and_alike_is_found_without_the_detector(frames, last_x, options, expected):
    world = Overlooked(frames)
    pipeline = pipeline_of(world, **options)
    for number in range(frames):
        pipeline(world.show((100, 100)), number / 2)
    assert pipeline(world.show((last_x, 100)), frames / 2).count == expected
