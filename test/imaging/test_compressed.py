"""CompressedImage of every kind that image_transport sends, whole, damaged and hostile."""

import array
import binascii
import glob
import os
import struct
import zlib

import cv2
import numpy as np
import pytest

from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.imaging.compressed import (
    JPEG_FORMAT,
    decode_compressed,
    decode_compressed_depth,
    encode_jpeg,
)
from pose_estimation_ros.imaging.image_headers import MAX_PIXELS

HEIGHT, WIDTH = 32, 48
RNG = np.random.RandomState(0)
PICTURE = cv2.resize(RNG.randint(0, 256, (4, 6, 3)).astype(np.uint8), (WIDTH, HEIGHT))
GREY = PICTURE[..., 0]
DEEP = RNG.randint(0, 65536, (HEIGHT, WIDTH)).astype(np.uint16)


def encoded(suffix, image, *options):
    return cv2.imencode(suffix, image, list(options))[1].tobytes()


JPEG, PNG = encoded(".jpg", PICTURE, cv2.IMWRITE_JPEG_QUALITY, 98), encoded(".png", PICTURE)
TURNED = b"\xff\xe1\x00\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"  # held sideways


@pytest.mark.parametrize(
    "form, data, expected, tolerance",
    [
        ("png", PNG, PICTURE, 0),
        ("bgr8; png compressed bgr8", PNG, PICTURE, 0),
        ("mono8; png compressed ", encoded(".png", GREY), cv2.merge([GREY] * 3), 0),
        ("bgra8; png compressed bgr8", encoded(".png", np.dstack([PICTURE, GREY])), PICTURE, 0),
        ("bgr16; png compressed bgr16", encoded(".png", PICTURE.astype(np.uint16) * 256 + 200), PICTURE, 1),
        ("mono16; png compressed ", encoded(".png", DEEP), cv2.merge([(DEEP >> 8).astype(np.uint8)] * 3), 0),
        ("mono16; png compressed ", encoded(".png", DEEP >> 4), cv2.merge([(DEEP >> 8).astype(np.uint8)] * 3), 0),
        ("rgb16; png compressed bgr16", encoded(".png", PICTURE.astype(np.uint16) * 4), PICTURE, 0),
        ("jpeg", JPEG, PICTURE, 25),
        ("", JPEG, PICTURE, 25),
        ("bgr8; jpeg compressed bgr8", JPEG, PICTURE, 25),
        ("rgb8; jpeg compressed bgr8", JPEG, PICTURE, 25),
        ("rgb8; jpeg compressed rgb8", JPEG, PICTURE, 25),
        ("mono8; jpeg compressed mono8", encoded(".jpg", GREY), cv2.merge([GREY] * 3), 25),
        ("jpeg", encoded(".jpg", PICTURE, cv2.IMWRITE_JPEG_PROGRESSIVE, 1), PICTURE, 25),
        ("jpeg", encoded(".jpg", PICTURE, cv2.IMWRITE_JPEG_RST_INTERVAL, 1), PICTURE, 25),
        ("jpeg", JPEG + bytes(4096), PICTURE, 25),  # buffers that a driver did not shorten
        ("png", PNG + bytes(4096), PICTURE, 0),
        ("jpeg", JPEG[:2] + b"\xff\xff" + JPEG[2:], PICTURE, 25),
        ("jpeg", JPEG[:2] + TURNED + JPEG[2:], PICTURE, 25),  # not turned: CameraInfo is not either
    ],
)
def test_frames(form, data, expected, tolerance):
    for buffer in (data, array.array("B", data), np.frombuffer(data, np.uint8)):
        frame = decode_compressed(form, buffer)
        assert frame.shape == (HEIGHT, WIDTH, 3) and frame.dtype == np.uint8
        assert np.abs(frame.astype(int) - expected).max() <= tolerance


def test_the_tag_would_turn_it():
    assert cv2.imdecode(np.frombuffer(JPEG[:2] + TURNED + JPEG[2:], np.uint8), 1).shape == (WIDTH, HEIGHT, 3)


def test_photographs(shared_data):
    """Real files of many writers: none is refused, all are as OpenCV reads them."""
    paths = sorted(glob.glob(os.path.join(shared_data, "coco_val", "**", "*.jpg"), recursive=True))[:10]
    assert paths
    for path in paths:
        with open(path, "rb") as file:
            frame = decode_compressed("jpeg", file.read())
        np.testing.assert_array_equal(frame, cv2.imread(path, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION))


def png_claiming(width, height):
    """A small PNG whose header says something else, with a good checksum."""
    head = b"IHDR" + struct.pack(">II", width, height) + PNG[24:29]
    return PNG[:12] + head + struct.pack(">I", binascii.crc32(head) & 0xFFFFFFFF) + PNG[33:]


def jpeg_claiming(width, height):
    at = JPEG.index(b"\xff\xc0")
    return JPEG[: at + 5] + struct.pack(">HH", height, width) + JPEG[at + 9 :]


@pytest.mark.parametrize(
    "form, data, kind, words",
    [
        ("jpeg", b"", "data", "got 0 bytes that are neither, format 'jpeg'"),
        ("h264", b"\x00\x00\x00\x01garbage", "data", "11 bytes that are neither, format 'h264'"),
        ("jpeg", bytes(RNG.randint(0, 256, 5000).astype(np.uint8)), "data", "5000 bytes that are neither"),
        ("jpeg", b"\xff\xd8" + bytes(100), "data", "a JPEG marker at byte 2"),
        ("jpeg", b"\xff" * 100000, "data", "that are neither"),
        ("png", PNG[:12] + b"garbage", "data", "cut off or damaged, of 19 bytes"),
        ("bgr8; tiff compressed ", encoded(".tiff", PICTURE), "data", "are neither, format 'bgr8; tiff compressed '"),
        ("jpeg", JPEG[:-2], "data", "cut off or damaged, of %d bytes" % (len(JPEG) - 2)),
        ("jpeg", JPEG[: len(JPEG) * 2 // 3], "data", "cut off"),
        ("png", PNG[:-10], "data", "cut off"),
        ("png", PNG[: len(PNG) // 2], "data", "cut off"),
        ("png", PNG[:60] + bytes(len(PNG) - 80) + PNG[-20:], "data", "checksum of b'IDAT'"),
        ("png", png_claiming(30000, 30000), "size", "got 30000 x 30000"),
        ("png", png_claiming(2**31 - 1, 2**31 - 1), "size", "2147483647"),
        ("png", png_claiming(0, 10), "size", "got 0 x 10"),
        ("jpeg", jpeg_claiming(30000, 30000), "size", "got 30000 x 30000"),
        ("jpeg", jpeg_claiming(65535, 65535), "size", "got 65535 x 65535"),
        ("jpeg", jpeg_claiming(10, 0), "size", "got 10 x 0"),
        ("16UC1; compressedDepth png", b"whatever", "format", "a colour image"),
        ("compressedDepth" + "x" * 10**6, b"", "format", "the format '.{,100}$"),
        ("x" * 10**6, b"", "data", "format '.{,100}$"),
        ("16UC1; png compressed ", encoded(".png", DEEP), "format", "a colour image"),
    ],
)
def test_bad_frames(form, data, kind, words):
    with pytest.raises(FrameError, match=words) as caught:
        decode_compressed(form, data)
    assert caught.value.kind == kind


@pytest.mark.parametrize("pattern, code", [
    ("rggb", cv2.COLOR_BayerBG2BGR), ("bggr", cv2.COLOR_BayerRG2BGR),
    ("gbrg", cv2.COLOR_BayerGR2BGR), ("grbg", cv2.COLOR_BayerGB2BGR),
])  # fmt: skip
def test_mosaics(pattern, code):
    """As the raw encodings: what a grey file of that name holds is a sensor's mosaic."""
    expected = cv2.cvtColor(GREY, code)
    for form in ("bayer_%s8; png compressed bayer_%s8" % (pattern, pattern), "bayer_%s8; png compressed " % pattern):
        np.testing.assert_array_equal(decode_compressed(form, encoded(".png", GREY)), expected)
    grey_jpeg = encoded(".jpg", GREY)
    mosaic = cv2.imdecode(np.frombuffer(grey_jpeg, np.uint8), cv2.IMREAD_UNCHANGED)
    frame = decode_compressed("bayer_%s8; jpeg compressed " % pattern, grey_jpeg)
    np.testing.assert_array_equal(frame, cv2.cvtColor(mosaic, code))
    deep = decode_compressed("bayer_%s16; png compressed " % pattern, encoded(".png", GREY.astype(np.uint16) << 8))
    np.testing.assert_array_equal(deep, expected)


def test_a_mosaic_whose_publisher_computed_the_colours():
    frame = decode_compressed("bayer_rggb8; png compressed bgr8", PNG)
    np.testing.assert_array_equal(frame, PICTURE)


def test_bits_and_pixels_are_the_callers():
    assert decode_compressed("mono16; png compressed ", encoded(".png", DEEP), mono16_bits=8).mean() > 250
    with pytest.raises(FrameError, match="1..1535 pixels"):
        decode_compressed("png", PNG, max_pixels=HEIGHT * WIDTH - 1)
    with pytest.raises(FrameError, match="1..1535 pixels"):
        decode_compressed_depth("16UC1; png compressed ", encoded(".png", DEEP), max_pixels=HEIGHT * WIDTH - 1)


@pytest.mark.parametrize("data", [JPEG, PNG], ids=["jpeg", "png"])
def test_damage_anywhere_costs_one_frame_at_most(data):
    """Bytes changed and cut at random: a frame or a FrameError, nothing else and nothing large."""
    rng = np.random.RandomState(1)
    for _ in range(200):
        damaged = bytearray(data[: rng.randint(len(data) // 2, len(data) + 1)])
        for at in rng.randint(0, len(damaged), rng.randint(1, 6)):
            damaged[at] = rng.randint(256)
        try:
            frame = decode_compressed("jpeg", damaged)
        except FrameError as error:
            assert error.kind in ("data", "size")
        else:
            assert frame.shape[2] == 3 and frame.size <= 3 * MAX_PIXELS


# compressed_depth_image_transport with its defaults, depth_quantization 100 and depth_max 10 m.
QUANT_A, QUANT_B = 100 * 101.0, 1 - 100 * 101.0 / 10
HEADER = struct.pack("<iff", 0, QUANT_A, QUANT_B)


def as_codec_cpp(depth_m):
    """Its encoder, pixel by pixel."""
    values = np.zeros(depth_m.shape, np.uint16)
    for at, z in np.ndenumerate(depth_m):
        if z < 10:
            values[at] = int(QUANT_A / z + QUANT_B)
    return HEADER + encoded(".png", values)


@pytest.mark.parametrize("ending", ["", "; compressedDepth", "; compressedDepth png"])
def test_depth_in_millimetres(ending):
    for form in ("16UC1", "mono16"):
        depth, encoding = decode_compressed_depth(form + ending, array.array("B", bytes(12) + encoded(".png", DEEP)))
        assert encoding == "16UC1" and depth.dtype == np.uint16
        np.testing.assert_array_equal(depth, DEEP)


def test_depth_through_the_plugin_for_colour():
    depth, encoding = decode_compressed_depth("16UC1; png compressed ", encoded(".png", DEEP))
    assert encoding == "16UC1"
    np.testing.assert_array_equal(depth, DEEP)


@pytest.mark.parametrize("ending", ["; compressedDepth", "; compressedDepth png"])
def test_depth_in_metres(ending):
    sent = RNG.uniform(0.3, 9.9, (HEIGHT, WIDTH)).astype(np.float32)
    sent[0, 0], sent[1, 1], sent[2, 2], sent[3, 3] = np.nan, np.inf, 12.0, 2.0
    depth, encoding = decode_compressed_depth("32FC1" + ending, as_codec_cpp(sent))
    assert encoding == "32FC1" and depth.dtype == np.float32 and depth.shape == sent.shape
    assert np.isnan(depth[[0, 1, 2], [0, 1, 2]]).all() and np.isnan(depth).sum() == 3
    assert depth[3, 3] == pytest.approx(2.0, abs=1e-6)  # 10100 / 2 - 1009 is a whole number
    # One step of the quantisation is z^2 / a; the codec rounds towards 0, so that depth comes out larger.
    off, step = depth - sent, sent**2 / QUANT_A
    known = np.isfinite(depth)
    assert (off[known] > -1e-5).all() and (off[known] <= 1.01 * step[known] + 1e-5).all()


@pytest.mark.parametrize(
    "form, data, kind, words",
    [
        ("16UC1; compressedDepth png", b"", "data", "0 bytes"),
        ("16UC1; compressedDepth png", HEADER, "data", "0 bytes"),
        ("32FC1; compressedDepth png", HEADER[:7], "data", "0 bytes"),
        (
            "32FC1; compressedDepth png",
            HEADER + encoded(".png", GREY),
            "data",
            "16 bits and one channel, got 8 bits and 1 channels",
        ),
        ("16UC1; compressedDepth png", HEADER + encoded(".png", PICTURE.astype(np.uint16)), "data", "3 channels"),
        ("16UC1; compressedDepth png", HEADER + encoded(".png", DEEP)[:-10], "data", "cut off"),
        ("16UC1; compressedDepth png", HEADER + png_claiming(30000, 30000), "size", "30000"),
        ("32FC1; compressedDepth png", bytes(12) + encoded(".png", DEEP), "data", "a > 0, b <= 1 .* got 0, 0"),
        ("32FC1; compressedDepth png", struct.pack("<iff", 0, 1, np.nan) + encoded(".png", DEEP), "data", "got 1, nan"),
        ("16UC1; compressedDepth png", HEADER + JPEG, "data", "16 bits and one channel"),
        ("16UC1; compressedDepth png", HEADER + PNG[:25] + PNG[24:], "data", "PNG"),
        ("x" * 10**6, PNG, "format", "got 'x.{,100}$"),
        ("16UC1;" + "x" * 10**6, encoded(".png", GREY), "data", "format '16UC1;.{,100}$"),
        ("16UC1; compressedDepth rvl", HEADER + zlib.compress(b"1"), "format", "compressedDepth.format"),
        ("bgr8; jpeg compressed bgr8", JPEG, "format", "16UC1 or 32FC1"),
        ("", PNG, "format", "got ''"),
    ],
)
def test_bad_depth(form, data, kind, words):
    with pytest.raises(FrameError, match=words) as caught:
        decode_compressed_depth(form, data)
    assert caught.value.kind == kind


def test_a_frame_survives_encoding_as_jpeg_and_what_is_no_image_is_refused():
    np.testing.assert_allclose(decode_compressed(JPEG_FORMAT, encode_jpeg(PICTURE, 98)), PICTURE, atol=25)
    assert len(encode_jpeg(PICTURE, 1)) < len(encode_jpeg(PICTURE, 100))
    for shape in ((0, 0, 3), (4, 0, 3), (1, 70000, 3)):
        with pytest.raises(FrameError, match="expected an image that can be a JPEG, got one of %d x %d" % shape[1::-1]):
            encode_jpeg(np.zeros(shape, np.uint8), 80)
