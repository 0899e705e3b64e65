"""A detector in a thread of its own: no image waits for it, nothing of it is lost, and streams take turns."""

import os
import sys
import threading

import numpy as np
import pytest

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.core.poses import make_poses
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.inference.backends.base import Backend
from pose_estimation_ros.inference.options import PipelineOptions
from pose_estimation_ros.inference.pipeline import Pipeline
from pose_estimation_ros.inference.stream.detection import LATEST_S, NICE, Beside, DetectorThread, Inline

FRAME = np.zeros((480, 640, 3), np.uint8)
LEFT, RIGHT = [50.0, 100, 110, 260], [400.0, 100, 460, 260]
UNIT = np.random.RandomState(0).rand(17, 2)
UNIT[0], UNIT[1] = 0, 1  # the keypoints reach the corners of the box
WAIT_S = 20  # far more than any answer takes; only a fault waits so long


class Detector:
    """Sees ``boxes``, once ``go`` is set, and keeps what it was asked."""

    def __init__(self, *boxes):
        self.boxes, self.frames, self.go, self.closed = list(boxes), [], threading.Event(), False
        self.asked, self.fault = threading.Semaphore(0), None
        self.go.set()

    def __call__(self, frame):
        self.frames.append(frame)
        boxes, fault = list(self.boxes), self.fault
        self.asked.release()
        assert self.go.wait(WAIT_S)
        if fault:
            raise fault
        return np.array(boxes, np.float32).reshape(-1, 4), np.ones(len(boxes), np.float32)

    def close(self):
        self.closed = True


class Estimator:
    """Finds a person in each box and remembers the boxes."""

    skeleton = get_skeleton("coco17")

    def __call__(self, frame, boxes):
        self.boxes = boxes
        size = boxes[:, None, 2:] - boxes[:, None, :2]
        xy = boxes[:, None, :2] + size * (0.5 + (UNIT - 0.5) / 1.3)  # boxes carried with a margin of 0.15 stay
        score = np.full(xy.shape[:2], 0.9)
        return make_poses(xy, score, boxes, score.mean(1))


@pytest.fixture
def started():
    """Start detectors in threads, and end the threads."""
    threads = []

    def start(detector):
        threads.append(DetectorThread(lambda: detector))
        return threads[-1]

    yield start
    for thread in threads:
        thread.detector.go.set()
        thread.close()


def pipeline_with(thread, **options):
    options = PipelineOptions(smoothing=False, background_detector=True, **options)
    return Pipeline(Estimator(), thread, options, [Backend()])


def settled(thread):
    """Wait until no question is open."""
    with thread._changed:
        assert thread._changed.wait_for(lambda: not thread._questions and thread._asking is None, WAIT_S)


def one_known_and_the_detector_halted(started):
    """Return a detector that answers once ``go`` is set, and a pipeline that knows the person at LEFT from time 0."""
    detector = Detector(LEFT)
    thread = started(detector)
    pipeline = pipeline_with(thread, detect_every_s=0.0)
    pipeline(FRAME, 0.0)
    settled(thread)
    detector.go.clear()
    return detector, pipeline


def test_inline_asks_when_it_is_due():
    detection = Inline(Detector(LEFT))
    assert detection(FRAME, 0.0, False, True) is None
    found = detection(FRAME, 0.5, True, False)
    assert found.box_xyxy.tolist() == [LEFT] and found.time_s == 0.5


def test_where_nobody_is_known_an_image_waits_for_the_detector(started):
    pipeline = pipeline_with(started(Detector(LEFT)))
    assert pipeline(FRAME, 0.0).count == 1


def test_people_go_on_while_the_detector_works_and_newcomers_come_later(started):
    detector = Detector(LEFT)
    thread = started(detector)
    pipeline = pipeline_with(thread, detect_every_s=0.0)
    pipeline(FRAME, 0.0)
    assert detector.asked.acquire(timeout=WAIT_S)
    detector.go.clear()
    detector.boxes.append(RIGHT)
    assert [pipeline(FRAME, 0.1 * i).count for i in (1, 2, 3)] == [1, 1, 1]
    assert detector.asked.acquire(timeout=WAIT_S) and len(detector.frames) == 2  # one question is open at a time
    detector.go.set()
    settled(thread)
    poses = pipeline(FRAME, 0.4)
    assert poses.count == 2 and poses.track_id.tolist() == [1, 2]


def test_an_image_waits_for_boxes_that_are_very_late(started):
    detector, pipeline = one_known_and_the_detector_halted(started)
    detector.boxes.append(RIGHT)
    times_s = np.arange(0.1, 0.55, 0.1)
    assert [pipeline(FRAME, time_s).count for time_s in times_s] == [1] * 5
    threading.Timer(0.2, detector.go.set).start()
    assert pipeline(FRAME, 0.2 + LATEST_S + 0.01).count == 2


def test_late_boxes_are_moved_with_their_people(started):
    detector = Detector(LEFT)
    thread = started(detector)
    pipeline = pipeline_with(thread, detect_every_s=0.0)
    for i in range(10):  # a person walks at 60 px/s, and every answer is waited for
        detector.boxes[0] = [LEFT[0] + 6.0 * i, LEFT[1], LEFT[2] + 6.0 * i, LEFT[3]]
        pipeline(FRAME, 0.1 * i)
        settled(thread)
    detector.go.clear()
    walked = [LEFT[0] + 60.0, LEFT[1], LEFT[2] + 60.0, LEFT[3]]
    detector.boxes[:] = [walked, RIGHT]
    for i in (10, 11, 12):  # the detector looks at one of these and answers after it
        pipeline(FRAME, 0.1 * i)
    asked_s = pipeline._detection._asked_s
    detector.go.set()
    settled(thread)
    pipeline(FRAME, 1.3)
    boxes = pipeline._estimator.boxes
    moved = np.array(walked) + np.array([1, 0, 1, 0]) * 60.0 * (1.3 - asked_s)
    assert asked_s < 1.25 and np.abs(boxes[0] - moved).max() < 6
    assert boxes[1].tolist() == RIGHT  # somebody new stays; the other would be 12 px behind


def test_a_fault_is_raised_in_a_later_image_and_the_detector_is_asked_again(started):
    detector = Detector(LEFT)
    thread = started(detector)
    pipeline = pipeline_with(thread, detect_every_s=0.0)
    pipeline(FRAME, 0.0)
    detector.fault = ModelError("broken")
    pipeline(FRAME, 0.1)
    settled(thread)
    with pytest.raises(ModelError, match="broken"):
        for i in range(3):
            pipeline(FRAME, 0.2 + 0.1 * i)
            settled(thread)
    detector.fault, asked = None, len(detector.frames)
    assert pipeline(FRAME, 0.6).count == 1
    settled(thread)
    assert len(detector.frames) == asked + 1


def test_what_was_asked_before_a_reset_is_forgotten(started):
    detector, pipeline = one_known_and_the_detector_halted(started)
    detector.boxes[:] = [LEFT, RIGHT]
    pipeline(FRAME, 0.1)  # takes an answer or asks
    pipeline(FRAME, 0.2)
    assert detector.asked.acquire(timeout=WAIT_S)
    pipeline.reset()
    detector.boxes[:] = [RIGHT]
    detector.go.set()
    assert pipeline(FRAME, 0.0).box_xyxy.tolist() == [RIGHT]


def test_the_question_keeps_the_picture_as_it_was(started):
    detector = Detector(LEFT)
    thread = started(detector)
    frame = FRAME.copy()
    thread.ask("camera", frame)
    frame[:] = 255
    assert thread.answer("camera", wait=True).tolist() == [LEFT]
    assert not detector.frames[0].any()


def test_streams_take_turns(started):
    detector = Detector(LEFT)
    thread = started(detector)
    detector.go.clear()
    first, second, third = (np.full((4, 4, 3), i, np.uint8) for i in (1, 2, 3))
    thread.ask("a", first)
    assert detector.asked.acquire(timeout=WAIT_S)
    for who, frame in (("b", first), ("c", second), ("b", third)):  # b asks again, and keeps its place
        thread.ask(who, frame)
    detector.go.set()
    assert all(thread.answer(who, wait=True) is not None for who in "abc")
    assert [int(frame[0, 0, 0]) for frame in detector.frames] == [1, 3, 2]


def test_a_sibling_asks_the_same_thread(started):
    detector = Detector(LEFT)
    first = pipeline_with(started(detector))
    second = first.sibling()
    assert first(FRAME, 0.0).count == second(FRAME, 0.0).count == 1 and len(detector.frames) == 2


def test_what_opening_raises_is_raised():
    def opened():
        raise ModelError("no such model")

    with pytest.raises(ModelError, match="no such model"):
        DetectorThread(opened)


def test_the_thread_closes_the_detector():
    detector = Detector(LEFT)
    pipeline = pipeline_with(DetectorThread(lambda: detector))
    pipeline(FRAME, 0.0)
    pipeline.close()
    pipeline.close()
    assert detector.closed and "detector" not in [thread.name for thread in threading.enumerate()]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="priorities of threads are those of Linux")
def test_the_thread_has_a_lower_priority_and_its_maker_keeps_his():
    before = os.getpriority(os.PRIO_PROCESS, 0)
    seen = []

    def opened():
        seen.append(os.getpriority(os.PRIO_PROCESS, 0))
        return Detector(LEFT)

    DetectorThread(opened).close()
    assert seen == [min(before + NICE, 19)] and os.getpriority(os.PRIO_PROCESS, 0) == before


def test_an_answer_never_comes_twice(started):
    beside = Beside(started(Detector(LEFT)))
    assert beside(FRAME, 1.0, True, True).time_s == 1.0
    assert beside(FRAME, 1.1, False, True) is None
