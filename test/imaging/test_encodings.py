"""decode_image against encoders written out here by hand, for every encoding, with and without padding."""

import array

import numpy as np
import pytest

from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.imaging.encodings import LAYOUTS, decode_depth, decode_image, to_8_bits

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


def deep(values):
    """Rows of big-endian samples of 16 bits, whose high byte is the value and whose low byte says something else."""
    return (values.astype(int) * 256 + 255 - values).astype(">u2").reshape(len(values), -1).view(np.uint8)


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
    ("rgb16", deep(picture()[..., ::-1]), 1, picture(), 0),
    ("bgr16", deep(picture()), 1, picture(), 0),
    ("rgba16", deep(np.dstack([picture()[..., ::-1], MONO])), 1, picture(), 0),
    ("bgra16", deep(np.dstack([picture(), MONO])), 1, picture(), 0),
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
    ("bayer_rggb16", deep(bayer("rggb")), 1, plain(), 0),
    ("bayer_bggr16", deep(bayer("bggr")), 1, plain(), 0),
    ("bayer_gbrg16", deep(bayer("gbrg")), 1, plain(), 0),
    ("bayer_grbg16", deep(bayer("grbg")), 1, plain(), 0),
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


@pytest.mark.parametrize(
    "largest, bits, expected",
    [
        (0, 0, 0),
        (255, 0, 255),
        (256, 0, 64),
        (1023, 0, 255),
        (1024, 0, 64),
        (4095, 0, 255),
        (16383, 0, 255),
        (16384, 0, 64),
        (65535, 0, 255),
        (4095, 16, 15),
        (1023, 12, 63),
        (4095, 12, 255),
        (65535, 12, 255),
        (300, 8, 255),
        (300, 9, 150),
    ],
)
def test_samples_of_16_bits_are_scaled_by_what_the_sensor_gives(largest, bits, expected):
    image = np.array([[0, largest]], np.uint16)
    assert to_8_bits(image, bits).tolist() == [[0, expected]]
    assert to_8_bits(image, bits).dtype == np.uint8
    frame = decode_image("mono16", 1, 2, 4, 0, image.tobytes(), mono16_bits=bits)
    assert frame[0, 1].tolist() == [expected] * 3


def test_no_samples():
    assert to_8_bits(np.zeros((0, 3), np.uint16)).shape == (0, 3)


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
        ("size", "at most 32766 a side, got 40000 x 1", dict(encoding="mono8", height=1, width=40000)),
        ("size", "at most 32766 a side, got 6 x 32767", dict(height=32767)),
        ("size", "1..33554432 pixels", dict(height=6000, width=6000)),
        ("size", "4294967295", dict(encoding="unknown", height=2**32 - 1, width=2**32 - 1)),
        ("size", "1..23 pixels", dict(max_pixels=23)),
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
        ("encoding", "got 'x.{,100}$", dict(encoding="x" * 10**6)),
        ("encoding", "got '16UC1'", dict(encoding="16UC1")),
    ],
)
def test_bad_images(kind, words, changes):
    good = dict(encoding="bgr8", height=HEIGHT, width=WIDTH, step=18, is_bigendian=0, data=bytes(72))
    with pytest.raises(FrameError, match=words) as caught:
        decode_image(**dict(good, **changes))
    assert caught.value.kind == kind


@pytest.mark.parametrize("order, is_bigendian", [("<", 0), (">", 1)])
@pytest.mark.parametrize(
    "encoding, kind, code", [("32FC1", "32FC1", "f4"), ("16UC1", "16UC1", "u2"), ("mono16", "16UC1", "u2")]
)
@pytest.mark.parametrize("padding", [0, 3])
def test_depth(encoding, kind, code, order, is_bigendian, padding):
    values = np.array([[0, 1, 258], [2500, 65535, 7]]).astype(order + code)
    data = array.array("B", b"".join(row.tobytes() + bytes(padding) for row in values))
    depth, name = decode_depth(encoding, 2, 3, 3 * values.itemsize + padding, is_bigendian, data)
    assert (name, depth.dtype) == (kind, np.dtype(code))
    np.testing.assert_array_equal(depth, [[0, 1, 258], [2500, 65535, 7]])


@pytest.mark.parametrize(
    "kind, words, changes",
    [
        ("size", "got 0 x 0", dict(height=0, width=0, step=0, data=b"")),
        ("step", ">= 12 bytes for width 3, got 6", dict(step=6, data=bytes(12))),
        ("data", "24 bytes of data .step 12 x 2 rows., got 23", dict(data=bytes(23))),
        ("data", "got 24", dict(encoding="16UC1", step=6)),
        ("depth_encoding", "16UC1, 32FC1 or mono16, got 'bgr8'", dict(encoding="bgr8")),
        ("depth_encoding", "got '64FC1'", dict(encoding="64FC1")),
        ("depth_encoding", "got ''", dict(encoding="")),
        ("depth_encoding", "got 'x.{,100}$", dict(encoding="x" * 10**6)),
        ("size", "got 40000 x 1", dict(height=1, width=40000)),
        ("size", "1..5 pixels", dict(max_pixels=5)),
    ],
)
def test_bad_depth(kind, words, changes):
    good = dict(encoding="32FC1", height=2, width=3, step=12, is_bigendian=0, data=bytes(24))
    with pytest.raises(FrameError, match=words) as caught:
        decode_depth(**dict(good, **changes))
    assert caught.value.kind == kind
