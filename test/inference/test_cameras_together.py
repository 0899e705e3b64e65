"""Frames of several cameras in common runs of the network, by pipelines of the node's kind."""

import gc
import weakref
from types import SimpleNamespace

import numpy as np
import pytest

from pose_estimation_ros.core.errors import FrameError, ModelError
from pose_estimation_ros.core.poses import make_poses
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.inference import pipeline
from pose_estimation_ros.inference.backends.base import Backend
from pose_estimation_ros.inference.estimators.estimator import Estimator
from pose_estimation_ros.inference.options import PipelineOptions
from pose_estimation_ros.inference.pipeline import Pipeline, Request, estimate_together, side_by_side

PEOPLE = ([50, 100, 110, 260], [400, 100, 460, 260])
UNIT = np.random.RandomState(0).rand(17, 2)


class Network(Estimator):
    """Finds a person in each box, and counts its runs; ``fault`` is raised once."""

    skeleton = get_skeleton("coco17")

    def __init__(self):
        self.looks, self.fault = [], None

    def __call__(self, frame, boxes):
        return self.together([(frame, boxes)])[0]

    def together(self, looks):
        looks = list(looks)
        self.looks.append(len(looks))
        if self.fault:
            raise self.fault
        return [self._people(boxes) for _, boxes in looks]

    def _people(self, boxes):
        xy = boxes[:, None, :2] + (boxes[:, None, 2:] - boxes[:, None, :2]) * UNIT
        return make_poses(xy, np.full(xy.shape[:2], 0.9), boxes, np.full(len(boxes), 0.9))


def detect(frame):
    """See as many of PEOPLE as the frame's first value says; raise where it is 9."""
    if frame[0, 0, 0] == 9:
        raise FrameError("test", "no people can be seen here")
    boxes = np.array(PEOPLE[: frame[0, 0, 0]], np.float32).reshape(-1, 4)
    return boxes, np.ones(len(boxes), np.float32)


def frame(people):
    picture = np.zeros((480, 640, 3), np.uint8)
    picture[0, 0, 0] = people
    return picture


def cameras(count):
    first = Pipeline(Network(), detect, PipelineOptions(), [Backend()])
    return [first] + [first.sibling() for _ in range(count - 1)]


def test_people_are_those_of_each_camera_alone_in_fewer_runs():
    """The second camera's people halve at 0.2 s, so that it searches those who are missing in a run of its own."""
    scenes = [[1] * 6, [2, 2, 1, 1, 2, 2], [0] * 6]
    shared, alone = cameras(3), [cameras(1)[0] for _ in scenes]
    for step in range(6):
        requests = [Request(p, frame(scene[step]), 0.1 * step) for p, scene in zip(shared, scenes)]
        for outcome, camera, request in zip(estimate_together(requests), alone, requests):
            expected = camera(request.frame, request.stamp_s)
            for field in ("xy", "score", "track_id", "box_xyxy", "state"):
                np.testing.assert_array_equal(getattr(outcome, field), getattr(expected, field))
    looks = shared[0]._estimator.looks
    assert looks.count(3) == 6 and len(looks) < 9 < sum(len(p._estimator.looks) for p in alone)


def test_a_fault_in_one_camera_costs_its_frame_alone():
    shared = cameras(3)
    frames = [frame(1), frame(9), np.zeros((5, 5), np.uint8)]
    good, seen_nothing, no_image = estimate_together([Request(p, f, 0.0) for p, f in zip(shared, frames)])
    assert good.count == 1
    assert isinstance(seen_nothing, FrameError) and seen_nothing.kind == "test"
    assert isinstance(no_image, FrameError)
    again = estimate_together([Request(p, frame(2), 0.1) for p in shared])
    assert [poses.count for poses in again] == [1, 2, 2], "the first knows its people and asks no detector yet"


def test_cameras_share_the_time_of_a_run_by_their_people(monkeypatch):
    """A run takes 3 ms by this clock; two boxes of three are the second camera's."""
    clock = iter(np.arange(0, 10, 0.003))
    monkeypatch.setattr(pipeline, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    shared, learned = cameras(2), []
    steps = [camera._steps(frame(count), 0.0, None) for camera, count in zip(shared, (1, 2))]

    def learning(generator):
        look = next(generator)
        while True:
            seen = yield look
            learned.append(seen.took_ms)
            try:
                look = generator.send(seen)
            except StopIteration as end:
                return end.value

    side_by_side([learning(generator) for generator in steps], shared[0]._estimator)
    assert learned == pytest.approx([1.0, 2.0])


def test_no_frame_stays_in_memory_after_a_fault():
    shared, kept = cameras(2), []
    gc.collect()
    gc.disable()
    try:
        for step in range(3):
            picture = frame(9)
            kept.append(weakref.ref(picture))
            with pytest.raises(FrameError):
                shared[0](picture, 0.1 * step)
            estimate_together([Request(p, picture, 0.1 * step + 0.05) for p in shared])
            del picture
        assert [reference() is None for reference in kept] == [True] * 3
    finally:
        gc.enable()


def test_a_network_that_fails_ends_all():
    shared = cameras(2)
    shared[0]._estimator.fault = ModelError("out of order")
    with pytest.raises(ModelError, match="out of order"):
        estimate_together([Request(p, frame(1), 0.0) for p in shared])
