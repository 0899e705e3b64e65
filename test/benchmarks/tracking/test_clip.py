"""Check the labels of the demo's clip, and the figures of benchmarks/tracking/clip.py."""

import argparse
import json

import numpy as np
import pytest

from benchmarks.tracking.clip import (
    COLUMNS,
    FRAMES,
    LABELS,
    LEAST_VISIBLE,
    Labels,
    Seen,
    clip_images,
    figures,
    option,
    play,
    read_labels,
    scene_of,
    shown,
)
from pose_estimation_ros.core.geometry import iou
from pose_estimation_ros.core.poses import CONFIRMED, TENTATIVE, empty_poses, make_poses

SIZE_WH = (640, 480)


@pytest.fixture(scope="module")
def labels():
    return read_labels()


def frames_of(labels, track_id):
    return [number for number, people in enumerate(labels) if track_id in people.track_id]


def ids_in(labels):
    return sorted({int(i) for people in labels for i in people.track_id})


def test_a_file_without_rows_has_frames_without_people(tmp_path):
    path = tmp_path / "empty.json"
    path.write_text(json.dumps({"rows": []}))
    assert [len(people.track_id) for people in read_labels(path)] == [0] * FRAMES


def test_every_frame_has_people_once_each_inside_the_image(labels):
    assert len(labels) == FRAMES
    for people in labels:
        assert 5 <= len(people.track_id) == len(set(people.track_id.tolist()))
        low, high = people.box_xyxy[:, :2], people.box_xyxy[:, 2:]
        assert (low >= 0).all() and (high <= SIZE_WH).all() and (high - low >= 4).all()
        assert ((people.visible >= 0) & (people.visible <= 1)).all()


def test_ids_are_continuous_and_those_who_come_back_are_named(labels):
    ids = ids_in(labels)
    spans = {i: frames_of(labels, i) for i in ids}
    assert all(frames == list(range(frames[0], frames[-1] + 1)) for frames in spans.values())
    same = json.loads(LABELS.read_text())["same_person"]
    for later, first in same.items():
        assert spans[int(later)][0] > spans[first][-1] + 30


def test_boxes_move_like_people(labels):
    """Two metres a second are a sixth of a person's height in each frame; boxes grow and shrink with the stride."""
    for track_id in ids_in(labels):
        boxes = np.array(
            [
                [*people.box_xyxy[people.track_id == track_id][0], *people.visible[people.track_id == track_id]]
                for people in labels
                if track_id in people.track_id
            ]
        )
        inside = (boxes[:, :2] > 0).all(1) & (boxes[:, 2:4] < SIZE_WH).all(1) & (boxes[:, 4] >= LEAST_VISIBLE)
        both = inside[1:] & inside[:-1]
        height = (boxes[:, 3] - boxes[:, 1])[1:][both]
        step = np.linalg.norm(np.diff((boxes[:, :2] + boxes[:, 2:4]) / 2, axis=0)[both], axis=1)
        assert (step / height < 0.17).all(), (track_id, (step / height).max())
        assert (np.abs(np.diff(boxes[:, 3] - boxes[:, 1]))[both] / height < 0.12).all(), track_id


def test_nobody_who_is_well_visible_shares_the_box_of_another(labels):
    for people in labels:
        seen = people.box_xyxy[people.visible >= LEAST_VISIBLE]
        assert np.triu(iou(seen, seen), 1).max() < 0.6


def poses_at(box_xyxy, track_id, state=CONFIRMED):
    count = len(box_xyxy)
    poses = make_poses(
        np.zeros((count, 17, 2)), np.ones((count, 17)), box_xyxy, np.ones(count), np.array(track_id, int)
    )
    return poses.replace(state=np.full(count, state, np.uint8))


def table(seen, labels):
    return dict(zip(COLUMNS, figures(seen, labels), strict=True))


def test_nothing_seen_and_nobody_there_give_zeros(labels):
    assert set(table([], labels).values()) == {0}
    nobody = table([Seen(0, empty_poses(17), 0)], labels)
    assert nobody["people"] == 6 and nobody["found%"] == nobody["ids"] == nobody["IDF1"] == 0


def test_the_labels_themselves_are_perfect(labels):
    seen = [Seen(n, poses_at(people.box_xyxy, people.track_id), 0) for n, people in enumerate(labels)]
    row = table(seen, labels)
    assert [row[name] for name in ("people", "ids", "conf.", "mean", "most", "false", "switches")] == [
        10,
        10,
        10,
        1,
        1,
        0,
        0,
    ]
    np.testing.assert_allclose([row[name] for name in ("right%", "found%", "HOTA", "IDF1")], 100)


def two(first, second):
    """Return the people of a frame, A well visible and B hardly, and the ids they are found under."""
    box = np.array([[0.0, 0, 40, 100], [100, 0, 140, 100]])
    return Labels(np.array([1, 2]), box, np.array([1.0, 0.3])), box, np.array([first, second])


def test_who_is_hardly_visible_need_not_be_found_and_may_be():
    people, box, ids = two(5, 6)
    for count in (1, 2):
        scene, counts = scene_of(people, box[:count], ids[:count])
        assert scene.true_id.tolist() == [1] and scene.predicted_id.tolist() == [5] and counts.sum() == 1
    scene, counts = scene_of(people, np.array([[300.0, 0, 340, 100]]), np.array([7]))
    assert scene.predicted_id.tolist() == [7] and counts.all()


@pytest.mark.parametrize(
    "ids, state, right, mean, switches, tentative",
    [
        ([5, 5, 5, 5], CONFIRMED, 100, 1, 0, 0),
        ([5, 5, 5, 6], CONFIRMED, 75, 2, 1, 0),
        ([5, 6, 7, 8], TENTATIVE, 25, 4, 3, 100),
    ],
)
def test_ids_of_one_person(ids, state, right, mean, switches, tentative):
    people, box, _ = two(0, 0)
    row = table([Seen(n, poses_at(box[:1], [i], state), 1) for n, i in enumerate(ids)], [people] * len(ids))
    names = ("right%", "mean", "switches", "tent.%", "found%", "lost")
    assert [row[name] for name in names] == [right, mean, switches, tentative, 100, 1]
    assert row["ids"] == len(set(ids)) and row["conf."] == (len(set(ids)) if state == CONFIRMED else 0)


@pytest.mark.parametrize(
    "rate_hz, frames, second", [(30, 150, (1, 1 / 30)), (10, 150, (1, 0.1)), (3.3, 50, (3, 0.3)), (2, 30, (5, 0.5))]
)
def test_rates_leave_frames_out_or_make_people_quicker(rate_hz, frames, second):
    numbers, stamps_s = shown(rate_hz)
    assert len(numbers) == len(stamps_s) == frames and numbers[1] == second[0]
    assert stamps_s[1] == pytest.approx(second[1], rel=0.02)


def test_the_pipeline_gets_the_images_and_stamps_of_the_rate():
    calls = []

    class Pipeline:
        lost = empty_poses(17)

        def __call__(self, image, stamp_s):
            calls.append((image.shape, stamp_s))
            return empty_poses(17)

    seen = play(Pipeline(), 2)
    assert [frame.number for frame in seen] == list(range(0, FRAMES, 5))
    assert calls == [((480, 640, 3), 0.5 * n) for n in range(30)]
    assert sum(1 for _ in clip_images()) == FRAMES


def test_options_are_read_from_the_command_line():
    assert option("max_people=3") == ("max_people", 3)
    with pytest.raises(argparse.ArgumentTypeError, match="unknown option 'max_peeple'; did you mean 'max_people'"):
        option("max_peeple=3")
