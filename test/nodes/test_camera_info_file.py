"""Calibrations in files: whatever is wrong with one costs one line."""

import os

import pytest

pytest.importorskip("rclpy", reason="needs ROS")
yaml = pytest.importorskip("yaml", reason="reads YAML")

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.nodes.camera_info_file import calibration_path, read_camera_info

GOOD = {
    "image_width": 640,
    "image_height": 480,
    "camera_name": "c",
    "camera_matrix": {"rows": 3, "cols": 3, "data": [500, 0, 320, 0, 500, 240, 0, 0, 1]},
    "distortion_model": "plumb_bob",
    "distortion_coefficients": {"rows": 1, "cols": 5, "data": [0.1, -0.2, 0, 0, 0]},
    "rectification_matrix": {"rows": 3, "cols": 3, "data": [1, 0, 0, 0, 1, 0, 0, 0, 1]},
    "projection_matrix": {"rows": 3, "cols": 4, "data": [500, 0, 320, 0, 0, 500, 240, 0, 0, 0, 1, 0]},
}


def read(tmp_path, content):
    path = tmp_path / "c.yaml"
    path.write_bytes(content if isinstance(content, bytes) else yaml.safe_dump(content).encode())
    return read_camera_info("file://%s" % path)


def test_what_camera_calibration_writes(tmp_path):
    info = read(tmp_path, GOOD)
    assert (info.width, info.height, list(info.d)) == (640, 480, [0.1, -0.2, 0, 0, 0])
    assert list(info.p) == GOOD["projection_matrix"]["data"] and list(info.r) == [1, 0, 0, 0, 1, 0, 0, 0, 1]


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"image_width": None}, "expected image_width to be a whole number in 1..32766, got None"),
        ({"image_width": True}, "expected image_width"),
        ({"image_height": 10**9}, "expected image_height"),
        ({"camera_matrix": None}, "expected camera_matrix with data: a list of 9 numbers, got None"),
        ({"camera_matrix": {"data": [1, 2]}}, "expected camera_matrix"),
        ({"camera_matrix": {"data": [[500, 0, 320], [0, 500, 240], [0, 0, 1]]}}, "expected camera_matrix"),
        ({"camera_matrix": {"data": [0] * 9}}, "expected a calibrated camera"),
        ({"projection_matrix": {"data": ["a"] * 12}}, "expected projection_matrix"),
        ({"rectification_matrix": {"data": [float("nan")] * 9}}, "expected rectification_matrix"),
        ({"rectification_matrix": {"data": [10**400] * 9}}, "expected rectification_matrix"),
        ({"distortion_coefficients": {"data": [0.1] * 101}}, "expected distortion_coefficients"),
        ({"distortion_coefficients": {"data": [0.1, 0.2, 0.3]}}, "coefficients of plumb_bob"),
        ({"distortion_model": "wavy"}, "expected distortion_model"),
    ],
)
def test_malformed_calibrations(tmp_path, changes, words):
    with pytest.raises(DataError, match="^calibration .*c.yaml: .*" + words) as raised:
        read(tmp_path, dict(GOOD, **changes))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "expected the keys image_width, camera_matrix and others, got None"),
        (b"- 1", "expected the keys"),
        (b"a: [", "expected YAML, got: "),
        (b"\xff\xfe\x00", "expected a YAML file, got: "),
        (b"!!python/object/apply:os.system ['true']", "expected YAML, got: "),
        (b"[" * 100000, "expected YAML, got: "),
        (b"#" * (1 << 21), "expected at most"),
    ],
)
def test_files_that_are_no_calibration(tmp_path, content, words):
    with pytest.raises(DataError, match=words) as raised:
        read(tmp_path, content)
    assert "\n" not in str(raised.value)


def test_a_file_of_a_package(tmp_path, monkeypatch):
    index = tmp_path / "share" / "ament_index" / "resource_index" / "packages"
    index.mkdir(parents=True)
    (index / "my_robot").touch()
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    assert calibration_path("package://my_robot/config/c.yaml") == str(tmp_path / "share/my_robot/config/c.yaml")


@pytest.mark.parametrize("kind", ["missing", "folder", "named pipe", "device"])
def test_what_is_no_file_is_not_opened(tmp_path, kind):
    path = tmp_path / "c.yaml"
    if kind == "folder":
        path.mkdir()
    elif kind == "named pipe":
        os.mkfifo(str(path))  # to open one waits for a program that writes
    elif kind == "device":
        path = "/dev/zero"
    words = "No such file" if kind == "missing" else "a folder, device or named pipe"
    with pytest.raises(DataError, match="^calibration %s: expected a YAML file, got.* ?%s" % (path, words)):
        read_camera_info("file://%s" % path)
