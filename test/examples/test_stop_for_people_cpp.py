"""The controller in C++ compiles, and lets a robot drive and stops it as the one in Python does.

There is no wheel of rclcpp. test/fakes/rclcpp/over_rcl.hpp does what the example needs of it, over ROS's C library, so
the example talks to real nodes. It is a library that Python loads, because the C library's own libraries are found that
way.
"""

import os
import shutil
import subprocess
import sys

import pytest

pytest.importorskip("rclpy", reason="needs ROS")
pytest.importorskip("rosbags", reason="needs rosbags")

from robot_that_stops import check_controller

HEADERS, LIBRARIES = os.path.join(sys.prefix, "include"), os.path.join(sys.prefix, "lib")
TYPES = ("geometry_msgs", "pose_estimation_ros")
RUN = "import ctypes, rclpy, sys; sys.exit(ctypes.CDLL(sys.argv[1]).main(0, None))"

pytestmark = [
    pytest.mark.skipif(not shutil.which("g++"), reason="needs g++"),
    pytest.mark.skipif(
        not all(os.path.isdir(os.path.join(HEADERS, name)) for name in TYPES + ("rcl",)),
        reason="needs the headers of ROS and of the messages in this environment",
    ),
]


@pytest.fixture
def library(repository, tmp_path):
    """The path of the compiled example."""
    path, fakes = str(tmp_path / "stop_for_people.so"), str(repository / "test" / "fakes")
    command = ["g++", "-std=c++17", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-I" + fakes]
    command += ["-include", os.path.join(fakes, "rclcpp", "over_rcl.hpp")]
    for name in sorted(os.listdir(HEADERS)):
        command += ["-isystem", os.path.join(HEADERS, name)]
    command += [str(repository / "examples" / "stop_for_people.cpp"), "-o", path]
    command += ["-L" + LIBRARIES, "-Wl,-rpath," + LIBRARIES, "-lrcl", "-lrcutils", "-lrosidl_typesupport_cpp"]
    command += ["-l%s__rosidl_typesupport_cpp" % name for name in TYPES]
    done = subprocess.run(command, stderr=subprocess.PIPE, universal_newlines=True)
    assert done.returncode == 0, done.stderr
    return path


def test_it_stops_for_people(library, environment, tmp_path):
    check_controller([sys.executable, "-c", RUN, library], environment, tmp_path / "bag")
