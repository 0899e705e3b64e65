"""decode_image against encoders written out here by hand, for every encoding, with and without padding."""

import array

import cv2
import numpy as np
import pytest

from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.inference.encodings import LAYOUTS, decode_compressed, decode_image

BLUE, GREEN, RED = 40, 120, 200
HEIGHT, WIDTH = 4, 6


def picture():
    """(4, 6, 3) BGR: every pixel another colour."""
    return np.arange(HEIGHT * WIDTH * 3, dtype=np.uint8).reshape(HEIGHT, WIDTH, 3) * 3


def plain():
    """(4, 6, 3) BGR of one colour: survives what shares colour between pixels."""
    return np.full((HEIGHT, WIDTH, 3), (BLUE, GREEN, RED), np.uint8)


def grey(value):
    return np.repeat(value[..., None], 3, 2)


def ycbcr():
    """BT.601, studio range, of the plain colour."""
    r, g, b = RED / 255.0, GREEN / 255.0, BLUE / 255.0
    y = 16 + 65.481 * r + 128.553 * g + 24.966 * b
    return [
        int(round(v)) for v in (y, 128 - 37.797 * r - 74.203 * g + 112 * b, 128 + 112 * r - 93.786 * g - 18.214 * b)
    ]


def yuv422(order):
    values = dict(zip("yuv", ycbcr()))
    return np.tile(np.array([values[c] for c in order], np.uint8), (HEIGHT, WIDTH // 2))


def nv(order):
    y, u, v = ycbcr()
    chroma = np.tile(np.array([u, v] if order == "uv" else [v, u], np.uint8), (HEIGHT // 2, WIDTH // 2))
    return np.concatenate([np.full((HEIGHT, WIDTH), y, np.uint8), chroma])


def bayer(pattern):
    values = dict(r=RED, g=GREEN, b=BLUE)
    cell = np.array([values[c] for c in pattern], np.uint8).reshape(2, 2)
    return np.tile(cell, (HEIGHT // 2, WIDTH // 2))


MONO = picture()[..., 0]
MONO16 = (MONO.astype(int) * 256 + 255 - MONO).astype(np.uint16)  # the low byte says something else
CASES = [
    # encoding, bytes by rows, is_bigendian, expected frame, tolerance
    ("bgr8", picture().reshape(HEIGHT, -1), 0, picture(), 0),
    ("8UC3", picture().reshape(HEIGHT, -1), 0, picture(), 0),
    ("rgb8", picture()[..., ::-1].reshape(HEIGHT, -1), 0, picture(), 0),
    ("bgra8", np.dstack([picture(), MONO]).reshape(HEIGHT, -1), 0, picture(), 0),
    ("8UC4", np.dstack([picture(), MONO]).reshape(HEIGHT, -1), 0, picture(), 0),
    ("rgba8", np.dstack([picture()[..., ::-1], MONO]).reshape(HEIGHT, -1), 0, picture(), 0),
    ("mono8", MONO, 0, grey(MONO), 0),
    ("8UC1", MONO, 0, grey(MONO), 0),
    ("mono16", MONO16.astype("<u2").view(np.uint8), 0, grey(MONO), 0),
    ("mono16", MONO16.astype(">u2").view(np.uint8), 1, grey(MONO), 0),
    ("yuv422", yuv422("uyvy"), 0, plain(), 3),
    ("uyvy", yuv422("uyvy"), 0, plain(), 3),
    ("yuv422_yuy2", yuv422("yuyv"), 0, plain(), 3),
    ("yuyv", yuv422("yuyv"), 0, plain(), 3),
    ("nv12", nv("uv"), 0, plain(), 3),
    ("nv21", nv("vu"), 0, plain(), 3),
    ("bayer_rggb8", bayer("rggb"), 0, plain(), 0),
    ("bayer_bggr8", bayer("bggr"), 0, plain(), 0),
    ("bayer_gbrg8", bayer("gbrg"), 0, plain(), 0),
    ("bayer_grbg8", bayer("grbg"), 0, plain(), 0),
]


def padded(rows, padding):
    """The rows with that many bytes of rubbish after each: step, data as rclpy has it."""
    rubbish = np.full((len(rows), padding), 77, np.uint8)
    return rows.shape[1] + padding, array.array("B", np.hstack([rows, rubbish]).tobytes())


@pytest.mark.parametrize("padding", [0, 5, 64])
@pytest.mark.parametrize("encoding, rows, is_bigendian, expected, tolerance", CASES)
def test_every_encoding(encoding, rows, is_bigendian, expected, tolerance, padding):
    step, data = padded(rows, padding)
    frame = decode_image(encoding, HEIGHT, WIDTH, step, is_bigendian, data)
    assert frame.shape == (HEIGHT, WIDTH, 3) and frame.dtype == np.uint8
    assert np.abs(frame.astype(int) - expected).max() <= tolerance


def test_every_encoding_has_a_case():
    assert {case[0] for case in CASES} == set(LAYOUTS)


def test_bgr8_is_a_view():
    data = array.array("B", picture().tobytes())
    frame = decode_image("bgr8", HEIGHT, WIDTH, 3 * WIDTH, 0, data)
    data[0] = 99
    assert frame[0, 0, 0] == 99


@pytest.mark.parametrize(
    "kind, words, changes",
    [
        ("size", "0 x 0", dict(height=0, width=0, step=0, data=b"")),
        ("size", "6 x 0", dict(height=0)),
        ("size", "0 x 4", dict(width=0)),
        ("size", "multiples of 2 and 1", dict(encoding="yuv422", width=5)),
        ("size", "multiples of 2 and 2", dict(encoding="nv12", height=3)),
        ("step", ">= 18 bytes for width 6, got 17", dict(step=17)),
        ("step", "got 0", dict(step=0)),
        ("data", "72 bytes of data .step 18 x 4 rows., got 71", dict(data=bytes(71))),
        ("data", "got 0", dict(data=b"")),
        ("data", "got 73", dict(data=bytes(73))),
        ("data", "76 bytes", dict(step=19)),
        ("data", "x 6 rows", dict(encoding="nv12", step=6, data=bytes(24))),
        ("encoding", "bayer_rggb8.*got 'jpeg'", dict(encoding="jpeg")),
        ("encoding", "got ''", dict(encoding="")),
        ("encoding", "got '16UC1'", dict(encoding="16UC1")),
    ],
)
def test_bad_images(kind, words, changes):
    good = dict(encoding="bgr8", height=HEIGHT, width=WIDTH, step=18, is_bigendian=0, data=bytes(72))
    with pytest.raises(FrameError, match=words) as caught:
        decode_image(**dict(good, **changes))
    assert caught.value.kind == kind


@pytest.mark.parametrize("suffix, tolerance", [(".png", 0), (".jpg", 12)])
def test_compressed_images(suffix, tolerance):
    encoded = cv2.imencode(suffix, np.repeat(np.repeat(picture() // 2, 8, 0), 8, 1))[1]
    frame = decode_compressed("bgr8; %s compressed bgr8" % suffix[1:], array.array("B", encoded.tobytes()))
    assert frame.shape == (8 * HEIGHT, 8 * WIDTH, 3)
    assert np.abs(frame[4::8, 4::8].astype(int) - picture() // 2).max() <= tolerance


@pytest.mark.parametrize(
    "form, data, kind, words",
    [
        ("jpeg", b"", "data", "got 0 bytes that are none, format 'jpeg'"),
        ("h264", b"\x00\x00\x00\x01garbage", "data", "11 bytes that are none, format 'h264'"),
        ("16UC1; compressedDepth png", b"whatever", "format", "a colour image"),
    ],
)
def test_bad_compressed_images(form, data, kind, words):
    with pytest.raises(FrameError, match=words) as caught:
        decode_compressed(form, data)
    assert caught.value.kind == kind
