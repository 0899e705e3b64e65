"""Check orientations.py: reading EXIF, and the warning about images whose size does not show their orientation."""

import cv2
import numpy as np
import pytest

from pose_estimation_ros.datasets.orientations import orientation_of, warn_of_orientations


def jpeg(orientation=None):
    """Return a JPEG of 40x30 px, with EXIF unless the orientation is None."""
    data = cv2.imencode(".jpg", np.zeros((30, 40, 3), np.uint8))[1].tobytes()
    if orientation is None:
        return data
    entry = b"\x01\x12\x00\x03\x00\x00\x00\x01" + bytes([0, orientation, 0, 0])
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01" + entry + b"\0\0\0\0"
    return data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:]


@pytest.mark.parametrize("value", [1, 2, 3, 4, 5, 6, 7, 8])
def test_the_orientation(tmp_path, value):
    (tmp_path / "a.jpg").write_bytes(jpeg(value))
    assert orientation_of(jpeg(value)) == orientation_of(tmp_path / "a.jpg") == value


@pytest.mark.parametrize("data", [b"", b"no image", jpeg(), jpeg(0), jpeg(9), jpeg(6)[:30]])
def test_an_image_without_a_valid_orientation_is_upright(data):
    assert orientation_of(data) == 1


@pytest.mark.parametrize(
    "orientation, size, is_warned_of",
    [
        (1, None, False),
        (3, (40, 30), True),
        (2, None, True),
        (6, (30, 40), False),
        (6, (40, 40), True),
        (6, None, True),
    ],
)
def test_orientations_that_the_size_does_not_show(tmp_path, capsys, orientation, size, is_warned_of):
    images = [("a.jpg", jpeg(), size), ("b.jpg", jpeg(orientation), size)]
    warn_of_orientations(tmp_path, images)
    error = capsys.readouterr().err
    assert bool(error) == is_warned_of
    assert not is_warned_of or ("1 of 2 images have" in error and f"b.jpg with orientation {orientation}" in error)
