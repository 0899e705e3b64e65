"""The blocks of docs/tutorials/first-demo.md, run one after the other with a clip of some frames."""

import subprocess
import sys

import pytest

pytest.importorskip("rclpy", reason="needs ROS")


def make_demo(_command):
    """Run what `make demo` runs once everything is installed, with the reader's short clip and no page."""
    command = [sys.executable, "-m", "pose_estimation_ros.nodes.demo", "--out", "out"]
    subprocess.run([*command, "--video", "test/data/pedestrians.mp4"], check=True, timeout=300)


def test_the_commands_work_in_order_and_print_what_the_page_shows(walk, desk, domain):
    walk("first-demo.md", {"make demo": make_demo})
    files = ("out/demo.mp4", "out/keypoints.json", "out/people/people.jpg", "out/film/pedestrians.mp4")
    assert [file for file in files if not (desk / file).stat().st_size] == []
