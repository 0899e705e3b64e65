"""Check the comparison of trackers: what they are given and how they are judged."""

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.tracking import known_trackers
from benchmarks.tracking.clip import FRAMES, read_labels
from benchmarks.tracking.known_trackers import Known, Own, Sighting, clip_sightings, measure, scene_sightings, summed
from benchmarks.tracking.scenes import Scene, all_scenes
from benchmarks.tracking.walkers import Walker
from pose_estimation_ros.core.poses import UNTRACKED, empty_poses, make_poses

ACROSS = Scene("one", (Walker([(0, -1.0, 3.5), (2, 1.0, 3.5)]),))


def at(*boxes):
    """Return people in boxes, with all keypoints in the middle."""
    box = np.array(boxes, np.float32).reshape(-1, 4)
    middle = (box[:, None, :2] + box[:, None, 2:]) / 2
    return make_poses(np.repeat(middle, 17, 1), np.ones((len(box), 17)), box, np.ones(len(box)))


def sightings(*found):
    """Return the sightings of persons 0, 1, ... who are to be found in each frame, in the order of the poses."""
    return [sighting(n / 10, count) for n, count in enumerate(found)]


def sighting(stamp_s, count):
    people = at(*[[60 * i, 0, 60 * i + 40, 90] for i in range(count)])
    return Sighting(stamp_s, people, np.ones(count, bool), np.arange(count), np.eye(count), None)


def numbers_of(*ids):
    """Return a tracker that says these ids, frame by frame."""
    answers = iter(ids)
    return lambda _poses, _stamp_s, _look: np.array(next(answers), int)


@pytest.mark.parametrize(
    "found, ids, expected",
    [
        ([], [], (0, 0, 0)),
        ([0], [[]], (0, 0, 0)),
        ([2, 2], [[5, 6], [5, 6]], (100, 100, 0)),
        ([1, 1], [[5], [6]], (None, 50, 1)),
        ([1, 1], [[UNTRACKED], [6]], (None, 100 * 2 / 3, 0)),  # one of two found: 2 / (2 + 1)
    ],
)
def test_figures_of_answers_by_hand(found, ids, expected):
    result = measure(sightings(*found), numbers_of(*ids))
    for figure, wanted in zip(result, expected):
        assert wanted is None or figure == pytest.approx(wanted)


def test_who_does_not_count_is_no_false_person():
    one = sighting(0.0, 2)._replace(counts=np.array([True, False]), true_id=np.array([0]), similarity=np.eye(2)[:1])
    assert measure([one], numbers_of([5, 6]))[1] == 100


def test_poses_of_scenes_are_similar_to_their_person_alone():
    run = scene_sightings(all_scenes()[0], 5, 0)
    assert {tuple(np.unique(sighting.similarity)) for sighting in run} <= {(0.0, 1.0), (1.0,), ()}
    assert all(sighting.similarity.shape == (len(sighting.true_id), sighting.poses.count) for sighting in run)
    assert all(sighting.similarity.sum(0).max(initial=0) <= 1 for sighting in run)


def test_the_own_tracker_follows_somebody_and_may_hide_the_tentative():
    run = scene_sightings(ACROSS, 10, 0)
    assert measure(run, Own(10))[1] > 90
    first = Own(10, confirmed_only=True)(run[0].poses, 0.0, None)
    assert (first == UNTRACKED).all()


def test_exact_people_of_the_clip_are_all_that_is_to_be_found():
    labels = read_labels()
    people = [(at(*frame.box_xyxy), None) for frame in labels]
    run = clip_sightings(people, 5)
    assert len(run) == FRAMES // 2 and run[1].stamp_s == pytest.approx(0.2)
    answers = [frame.track_id for frame in labels[::2]]
    np.testing.assert_allclose(measure(run, numbers_of(*answers)), [100, 100, 0])


@pytest.fixture
def backwards(monkeypatch):
    """Put a package in place of `trackers` whose tracker keeps the order of nobody, and drops the last person."""

    class Detections:
        def __init__(self, boxes, _mask, scores, data):
            self.boxes, self.scores, self.data = boxes, scores, data

        def __len__(self):
            return len(self.boxes)

    class Tracker:
        def __init__(self, frame_rate, first=1):
            self.frame_rate, self.first = frame_rate, first

        def update(self, detections, timestamp):
            rows = detections.data["row"][::-1][1:]
            result = Detections(detections.boxes[rows], None, detections.scores[rows], {"row": rows})
            result.tracker_id = self.first + rows
            return result

    monkeypatch.setattr(known_trackers, "trackers", SimpleNamespace(Tracker=Tracker))
    monkeypatch.setattr(known_trackers, "supervision", SimpleNamespace(Detections=Detections), raising=False)


def test_ids_of_known_trackers_come_back_in_the_order_of_the_people(backwards):
    tracker = Known(10, "Tracker", {"first": 7})
    assert tracker(empty_poses(17), 0.0, None).tolist() == []
    assert tracker(at([0, 0, 9, 9], [20, 0, 29, 9], [40, 0, 49, 9]), 0.1, None).tolist() == [7, 8, UNTRACKED]


def test_without_the_package_the_own_tracker_stands_alone(monkeypatch):
    monkeypatch.setattr(known_trackers, "trackers", None)
    assert list(known_trackers.tracker_makers()) == ["this package", "confirmed alone", "without looks"]


def test_rates_are_means_and_switches_are_sums():
    table = np.array([[[80.0, 60, 1], [60, 40, 2]]])
    np.testing.assert_allclose(summed(table), [[70, 50, 3]])
