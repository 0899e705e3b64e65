import json

import numpy as np
import pytest

from pose_estimation_ros.core.poses import LOST, empty_poses, make_poses
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.imaging.video import open_source
from pose_estimation_ros.nodes.demo.recorder import Recorder, rate_hz

COCO = get_skeleton("coco17")


def image(grey):
    return np.full((48, 64, 3), grey, np.uint8)


def somebody(track_id=3):
    xy = np.tile([[20.0, 20.0], [40.0, 30.0]], (9, 1))[:17]
    return make_poses(xy[None], np.ones((1, 17)), np.array([[10, 10, 50, 40]]), np.array([0.5]), np.array([track_id]))


def frames_of(path):
    with open_source(path) as video:
        return [frame.image for frame in video]


def test_nothing(tmp_path):
    recorder = Recorder(str(tmp_path / "out"), 10.0)
    summary = recorder.close()
    assert (summary["images"], summary["people"], summary["published_hz"]) == (0, 0, 0.0)
    assert json.load(open(recorder.paths["summary.json"])) == summary
    assert summary["capture_to_publish_ms"] == {"p50": None, "p99": None}


@pytest.mark.parametrize("poses_first", [False, True])
def test_images_and_poses_are_joined_by_stamp(tmp_path, poses_first):
    recorder = Recorder(str(tmp_path), 10.0)
    for second in range(4):
        answer = (second, empty_poses(17) if second == 0 else somebody(), COCO, 10.0 * second, 0.1 * second)
        if poses_first and second != 2:
            recorder.add_poses(*answer)
        recorder.add_image(second, image(100))
        if not poses_first and second != 2:
            recorder.add_poses(*answer)
    summary = recorder.close()
    assert (summary["images"], summary["arrays"], summary["images_with_poses"]) == (4, 3, 3)
    assert (summary["people"], summary["track_ids"]) == (2, 1)
    assert summary["published_hz"] == pytest.approx(2 / 0.3, abs=0.01)
    results = json.load(open(recorder.paths["keypoints.json"]))
    assert [(result["image_id"], result["track_id"]) for result in results] == [(1, 3), (3, 3)]
    drawn = [np.abs(frame.astype(int) - 100).max() > 50 for frame in frames_of(recorder.paths["demo.mp4"])]
    assert drawn == [False, True, False, True], "the image whose poses never came is there, without skeleton"


def test_people_out_of_sight_are_drawn_but_do_not_count(tmp_path):
    recorder = Recorder(str(tmp_path), 10.0)
    recorder.add_image(1, image(100))
    lost = somebody().replace(score=np.zeros((1, 17)), state=np.array([LOST], np.uint8))
    recorder.add_poses(1, lost, COCO, 10.0, 0.1)
    summary = recorder.close()
    assert (summary["people"], summary["track_ids"]) == (0, 0)
    assert json.load(open(recorder.paths["keypoints.json"])) == []
    assert np.abs(frames_of(recorder.paths["demo.mp4"])[0].astype(int) - 100).max() > 50


def test_the_end_writes_images_without_answer(tmp_path):
    recorder = Recorder(str(tmp_path), 10.0)
    recorder.add_image(1, image(10))
    recorder.add_image(2, image(20))
    recorder.close()
    assert len(frames_of(recorder.paths["demo.mp4"])) == 2


def test_a_full_disk_ends_the_video_only(tmp_path, monkeypatch):
    recorder = Recorder(str(tmp_path), 10.0)
    for second in range(3):
        if second == 2:
            monkeypatch.setattr("pose_estimation_ros.imaging.video.ROOM_MB", 10**12)
        recorder.add_image(second, image(50))
        recorder.add_poses(second, somebody(), COCO, 10.0, 0.1 * second)
    assert "disk full" in recorder.fault
    assert recorder.close()["people"] == 3 and recorder.written == 2
    assert len(frames_of(recorder.paths["demo.mp4"])) == 2
    assert len(json.load(open(recorder.paths["keypoints.json"]))) == 3


@pytest.mark.parametrize("times, expected", [([], 0.0), ([5.0], 0.0), ([1.0, 1.0], 0.0), ([0.0, 0.5, 1.0], 2.0)])
def test_rate(times, expected):
    assert rate_hz(times) == expected


@pytest.mark.parametrize(
    "latencies_ms, expected",
    [
        ([], (None, None)),
        ([float("nan")], (None, None)),
        ([7.0, float("nan")], (7.0, 7.0)),
        ([0.0, 100.0], (50.0, 99.0)),
    ],
)
def test_percentiles(tmp_path, latencies_ms, expected):
    recorder = Recorder(str(tmp_path), 10.0)
    for second, latency_ms in enumerate(latencies_ms):
        recorder.add_poses(second, somebody(), COCO, latency_ms, second)
    latency = recorder.summary()["capture_to_publish_ms"]
    assert (latency["p50"], latency["p99"]) == expected
