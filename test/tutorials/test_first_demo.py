"""The blocks of docs/tutorials/first-demo.md, run one after the other with a clip of some frames."""

import subprocess
import sys

import pytest

pytest.importorskip("rclpy", reason="needs ROS")

TIMEOUT_S = 300


@pytest.fixture
def make_demo(color_model):
    """Return a function that runs what `make demo` runs after the installation, with a tiny model and a short clip."""

    def make_demo(_command):
        words = [sys.executable, "-m", "pose_estimation_ros.nodes.demo", "--out", "out", "--rate-hz", "2"]
        words += ["--video", "test/data/pedestrians.mp4", "--model", color_model, "--detector", "full_frame"]
        subprocess.run(words, check=True, timeout=TIMEOUT_S)

    return make_demo


def test_the_commands_work_in_order_and_print_what_the_page_shows(walk, desk, domain, make_demo):
    walk("first-demo.md", {"make demo": make_demo})
    files = ("out/demo.mp4", "out/keypoints.json", "out/people/people.jpg", "out/video/pedestrians.mp4")
    assert [file for file in files if not (desk / file).stat().st_size] == []
