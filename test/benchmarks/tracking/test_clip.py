"""Check the labels of the demo's clip, and the figures of benchmarks/tracking/clip.py."""

import json

import numpy as np
import pytest

from benchmarks.tracking.clip import FRAMES, LABELS, LEAST_VISIBLE, read_labels
from pose_estimation_ros.core.geometry import iou

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
