"""Run the three processes of the demo with the tiny model; `make demo` uses the default models."""

import importlib.util
import json
import subprocess
import sys

import cv2
import numpy as np
import pytest

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.imaging.video import open_source

pytest.importorskip("rclpy", reason="needs ROS")

from pose_estimation_ros.nodes.demo import demo


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
    page = "watch at http://127.0.0.1:" if importlib.util.find_spec("aiohttp") else "no page in the browser: "
    for word in ("starting the pose node", page, "published at", "p50", "p99", "keypoints.json"):
        assert word in stdout


def test_nobody_is_code_1(play):
    code, stdout, stderr, out = play([np.zeros((120, 90, 3), np.uint8)] * 4, "--no-page")
    assert "http://" not in stdout
    assert code == 1 and "no person was published" in stderr
    assert json.loads((out / "keypoints.json").read_text()) == []


def test_a_pose_node_that_cannot_start_is_code_1(play):
    code, _stdout, stderr, _out = play([np.zeros((4, 4, 3), np.uint8)], "--model", "nowhere.onnx")
    assert code == 1 and "nowhere.onnx" in stderr and "the pose node did not start" in stderr


def test_a_video_that_is_none(domain, tmp_path):
    command = [sys.executable, "-m", "pose_estimation_ros.nodes.demo", "--video", "nowhere.mp4", "--out", str(tmp_path)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=100)
    assert done.returncode == 1 and b"nowhere.mp4" in done.stderr and b"Traceback" not in done.stderr


@pytest.fixture
def told(tmp_path, monkeypatch, capsys, wait_until, ended):
    """Return a function that lets the page be a program of this code, and returns what is printed of it."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(demo.processes, "NODES", "")
    monkeypatch.setattr(demo, "check_page", lambda: None)

    def told(code):
        (tmp_path / "web_view.py").write_text("import sys, time\n" + code)
        page, printed = demo.BesidePage(True, ended), []

        def printed_by(call):
            call()
            printed.append(capsys.readouterr().out)
            return "".join(printed)

        wait_until(lambda: printed_by(page.tell))
        return printed_by(page.tell)

    return told


@pytest.mark.parametrize(
    "code, line",
    [
        ("print('at http://127.0.0.1:9/', flush=True); time.sleep(600)", "watch at http://127.0.0.1:9/"),
        ("print('at http://127.0.0.1:9/', flush=True)", "watch at http://127.0.0.1:9/"),
        ("sys.exit('web_view: error: no luck')", "no page in the browser: no luck"),
        (
            "if not 'port:=0' in sys.argv: sys.exit('web_view: error: in use')\nprint('http://x/')",
            "watch at http://x/",
        ),
    ],
)
def test_the_page_or_its_failure_is_told_once(told, code, line):
    assert told(code) == "    %s\n" % line


def test_without_aiohttp_there_is_no_page(monkeypatch, capsys):
    monkeypatch.setattr(demo, "check_page", lambda: (_ for _ in ()).throw(ConfigError("install aiohttp")))
    children = []
    demo.BesidePage(True, children).tell()
    assert capsys.readouterr().out == "    no page in the browser: install aiohttp\n"
    demo.BesidePage(False, children).tell()
    assert capsys.readouterr().out == "" and children == []
