"""Image files as people have them: of every kind, upright, and refused in one line where damaged."""

import os
import struct
import sys
import tracemalloc
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.imaging import images
from pose_estimation_ros.imaging.images import decode_image_file, read_image

RNG = np.random.RandomState(0)
PICTURE = cv2.resize(RNG.randint(0, 256, (4, 6, 3)).astype(np.uint8), (48, 32))
GREY = PICTURE[..., 0]
TURNED = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"  # EXIF: a quarter turn clockwise


def encoded(suffix, image, *options):
    return cv2.imencode(suffix, image, list(options))[1].tobytes()


JPEG, PNG = encoded(".jpg", PICTURE, cv2.IMWRITE_JPEG_QUALITY, 98), encoded(".png", PICTURE)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_claiming(width, height):
    return PNG[:8] + chunk(b"IHDR", struct.pack(">II", width, height) + PNG[24:29]) + PNG[33:]


def grey(values):
    return cv2.merge([values] * 3)


@pytest.mark.parametrize(
    "data, expected, tolerance",
    [
        (JPEG, PICTURE, 25),
        (JPEG + bytes(100), PICTURE, 25),
        (PNG, PICTURE, 0),
        (encoded(".bmp", PICTURE), PICTURE, 0),
        (encoded(".tiff", PICTURE), PICTURE, 0),
        (encoded(".webp", PICTURE, cv2.IMWRITE_WEBP_QUALITY, 101), PICTURE, 0),
        (encoded(".png", GREY), grey(GREY), 0),
        (encoded(".png", np.dstack([PICTURE, GREY])), PICTURE, 0),
        (encoded(".png", GREY.astype(np.uint16) << 4), grey(GREY), 0),
        (encoded(".png", PICTURE.astype(np.uint16) << 2), PICTURE, 0),
        (encoded(".tiff", PICTURE.astype(np.uint16) << 6), PICTURE, 0),
        (encoded(".png", PICTURE.astype(np.uint16) * 257), PICTURE, 0),
        (encoded(".tiff", PICTURE.astype(np.float32) / 255), PICTURE, 6),  # OpenCV 4 packs these
        (encoded(".tiff", PICTURE.astype(np.float32)), PICTURE, 6),
        (encoded(".hdr", PICTURE.astype(np.float32) / 255), PICTURE, 8),
        (JPEG[:2] + b"\xff\xe1\0\x22Exif\0\0" + TURNED + JPEG[2:], cv2.rotate(PICTURE, cv2.ROTATE_90_CLOCKWISE), 25),
    ],
)
def test_files_of_every_kind(tmp_path, data, expected, tolerance):
    path = tmp_path / "whatever.txt"
    path.write_bytes(data)
    for image in (read_image(path), read_image(str(path)), decode_image_file(data, "it")):
        assert image.shape == expected.shape and image.dtype == np.uint8
        assert np.abs(image.astype(int) - expected).max() <= tolerance


@pytest.mark.skipif(int(cv2.__version__.split(".")[0]) < 5, reason="OpenCV 4 does not turn PNGs")
def test_a_png_is_turned_too():
    data = PNG[:33] + chunk(b"eXIf", TURNED) + PNG[33:]
    np.testing.assert_array_equal(decode_image_file(data, "it"), cv2.rotate(PICTURE, cv2.ROTATE_90_CLOCKWISE))


@pytest.mark.parametrize("name", ["ümlaut 超级.png", "1².png", os.fsdecode(b"b\xff.png")])
def test_names_of_every_kind(tmp_path, name):
    path = os.path.join(str(tmp_path), name)
    try:
        with open(path, "wb") as file:
            file.write(PNG)
    except (OSError, UnicodeError):
        pytest.skip("this file system has no such name")
    for own in (path, os.fsencode(path), Path(path)):
        np.testing.assert_array_equal(read_image(own), PICTURE)


@pytest.mark.parametrize(
    "data, words",
    [
        (b"", "it: expected an image, got 0 bytes"),
        (b"nothing", "it: expected an image, got 7 bytes that are not one"),
        (JPEG[: len(JPEG) // 2], "it: expected a whole image, got one cut off"),
        (JPEG[:-2], "it: expected a whole image, got one cut off"),
        (PNG[:-20], "it: expected a whole image, got one cut off"),
        (PNG[:60] + bytes(8) + PNG[68:], "it: expected a PNG without damage"),
        (png_claiming(40000, 30000), "it: expected 1..268435456 pixels, at most 32766 a side, got 40000 x 30000"),
        (png_claiming(20000, 20000), "it: .*got 20000 x 20000"),
        (encoded(".bmp", np.zeros((1, 40000), np.uint8)), "it: .*got 40000 x 1"),
        (encoded(".bmp", PICTURE)[:100], "it: expected an image"),
    ],
)
def test_damaged_and_huge_files(data, words):
    with pytest.raises(DataError, match=words) as error:
        decode_image_file(data, "it")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("longer_by", [-1, 0, 1, images.PIECE_BYTES])
def test_a_file_is_read_whole_in_memory_of_its_own_size(tmp_path, longer_by):
    """On a machine with little memory the bound of all files is more than there is."""
    path = tmp_path / "a.jpg"
    path.write_bytes(JPEG + bytes(images.PIECE_BYTES + longer_by - len(JPEG)))
    tracemalloc.start()
    try:
        np.testing.assert_array_equal(read_image(path), decode_image_file(JPEG, "a"))
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * images.PIECE_BYTES


def test_files_too_long_to_read(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "MAX_FILE_BYTES", 100)
    (tmp_path / "x.png").write_bytes(PNG)
    with pytest.raises(DataError, match="at most 100 bytes, got more"):
        read_image(tmp_path / "x.png")


@pytest.mark.parametrize("name", ["none.jpg", ".", "a\0b", os.fsdecode(b"\xff.jpg")])
def test_files_that_cannot_be_read(tmp_path, name):
    with pytest.raises(DataError, match="image file .* cannot be read: ") as error:
        read_image(os.path.join(str(tmp_path), name))
    str(error.value).encode(sys.getdefaultencoding())
