import os

import pytest

from pose_estimation_ros.imaging.cameras import CameraDevice, describe_cameras, list_cameras

ONE = CameraDevice(0, "HD Webcam", "/dev/video0", True)


def test_a_machine_without_cameras(tmp_path):
    assert list_cameras(str(tmp_path / "none"), str(tmp_path)) == []
    assert list_cameras(str(tmp_path), str(tmp_path)) == []


def test_cameras_are_listed_by_index_without_devices_that_give_no_pictures(tmp_path):
    system, devices = tmp_path / "system", tmp_path / "dev"
    devices.mkdir()
    for folder, name, index in (("video10", "Far\n", "0\n"), ("video2", "Near", "0"), ("video3", "Near", "1")):
        (system / folder).mkdir(parents=True)
        (system / folder / "name").write_text(name)
        (system / folder / "index").write_text(index)
        (devices / folder).write_text("")
    for folder in ("v4l-subdev0", "video4", "video5"):
        (system / folder).mkdir()
    (devices / "video4").write_text("")  # says nothing of itself; video5 has no device, as in a container
    found = list_cameras(str(system), str(devices))
    expected = [(2, "Near", "video2"), (4, "video4", "video4"), (10, "Far", "video10")]
    assert [(camera.number, camera.name, os.path.basename(camera.path)) for camera in found] == expected


@pytest.mark.parametrize(
    "cameras, expected",
    [
        ([], "this machine has no camera"),
        ([ONE], "cameras of this machine: 0 (HD Webcam)"),
        ([ONE, ONE._replace(number=2, name="B")], "cameras of this machine: 0 (HD Webcam), 2 (B)"),
        (
            [ONE._replace(readable=False)],
            "cameras of this machine: 0 (HD Webcam); this user may not open /dev/video0: sudo usermod -aG video $USER,"
            " then log in again",
        ),
    ],
)
def test_description(cameras, expected):
    assert describe_cameras(cameras) == expected
