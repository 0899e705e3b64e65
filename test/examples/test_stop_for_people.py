"""The controller in Python lets a robot drive and stops it, as a recording of people asks."""

import sys

import pytest

pytest.importorskip("rclpy", reason="needs ROS")
pytest.importorskip("rosbags", reason="needs rosbags")

from robot_that_stops import check_controller


def test_it_stops_for_people(repository, environment, tmp_path):
    command = [sys.executable, str(repository / "examples" / "stop_for_people.py")]
    check_controller(command, environment, tmp_path / "bag")
