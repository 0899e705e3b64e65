"""Run the three processes of the demo with the tiny model; `make demo` uses the default models."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest

from pose_estimation_ros.imaging.video import open_source

pytest.importorskip("rclpy", reason="needs ROS")


@pytest.fixture
def play(domain, tmp_path, color_model):
    def play(images, *more):
        folder = tmp_path / "images"
        folder.mkdir()
        for index, image in enumerate(images):
            cv2.imwrite(str(folder / ("%02d.png" % index)), image)
        command = [sys.executable, "-m", "pose_estimation_ros.nodes.demo", "--video", str(folder), "--rate-hz", "15"]
        command += ["--out", str(tmp_path / "out"), "--model", color_model, "--detector", "full_frame"]
        done = subprocess.run(command + list(more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=200)
        return done.returncode, done.stdout.decode(), done.stderr.decode(), tmp_path / "out"

    return play


def test_people(play, blob):
    image = np.zeros((120, 90, 3), np.uint8)
    blob(image, (40, 60), (255, 255, 255))
    code, stdout, stderr, out = play([image] * 12)
    assert code == 0, stderr
    summary = json.loads((out / "summary.json").read_text())
    assert summary["images"] == 12 and 1 <= summary["images_with_poses"] <= 12
    assert summary["people"] == summary["images_with_poses"] and summary["track_ids"] == 1
    assert summary["capture_to_publish_ms"]["p99"] >= summary["capture_to_publish_ms"]["p50"] > 0
    assert len(json.loads((out / "keypoints.json").read_text())) == summary["people"]
    with open_source(str(out / "demo.mp4")) as video:  # cv2.VideoCapture would print its errors from then on
        assert video.length == 12
    for word in ("starting the pose node", "published at", "p50", "p99", "keypoints.json"):
        assert word in stdout


def test_nobody_is_code_1(play):
    code, _stdout, stderr, out = play([np.zeros((120, 90, 3), np.uint8)] * 4)
    assert code == 1 and "no person was published" in stderr
    assert json.loads((out / "keypoints.json").read_text()) == []


def test_a_pose_node_that_cannot_start_is_code_1(play):
    code, _stdout, stderr, _out = play([np.zeros((4, 4, 3), np.uint8)], "--model", "nowhere.onnx")
    assert code == 1 and "nowhere.onnx" in stderr and "the pose node did not start" in stderr


def test_a_video_that_is_none(domain, tmp_path):
    command = [sys.executable, "-m", "pose_estimation_ros.nodes.demo", "--video", "nowhere.mp4", "--out", str(tmp_path)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=100)
    assert done.returncode == 1 and b"nowhere.mp4" in done.stderr and b"Traceback" not in done.stderr
