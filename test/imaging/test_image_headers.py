"""Files made to be read otherwise by a careless check than by OpenCV, and odd but good ones."""

import binascii
import struct
import zlib

import cv2
import numpy as np
import pytest

from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.imaging import image_headers
from pose_estimation_ros.imaging.image_headers import MAX_SCANS, check_size, checked_image

RNG = np.random.RandomState(0)
PICTURE = cv2.resize(RNG.randint(0, 256, (4, 6, 3)).astype(np.uint8), (48, 32))


def encoded(suffix, image, *options):
    return cv2.imencode(suffix, image, list(options))[1].tobytes()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", binascii.crc32(kind + data) & 0xFFFFFFFF)


def png(*chunks):
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def header(width=1, height=1, bits=8, colour=0, rest=b"\0\0\0"):
    return chunk(b"IHDR", struct.pack(">IIBB", width, height, bits, colour) + rest)


def segment(marker, data):
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def frame(width, height, marker=0xC0):
    return segment(marker, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0")


PIXEL, END = chunk(b"IDAT", zlib.compress(b"\0\0")), chunk(b"IEND", b"")
TWO_SAMPLES = chunk(b"IDAT", zlib.compress(bytes(3)))
SCAN = segment(0xDA, b"\1\1\0\0\x3f\0") + b"\0" * 8
TABLE = segment(0xDB, b"\0" + b"\1" * 64)
JPEG = b"\xff\xd8" + TABLE + frame(8, 8) + SCAN + b"\xff\xd9"
WHOLE_JPEG = encoded(".jpg", PICTURE)


@pytest.mark.parametrize("data", [b"", b"\xff", b"\x89PNG", b"GIF89a", b"\0" * 100])
def test_other_files(data):
    assert checked_image(data) is None


@pytest.mark.parametrize(
    "data, expected",
    [
        (png(header(), PIXEL, END), (1, 1, 8, 1)),
        (png(header(colour=4), TWO_SAMPLES, chunk(b"IDAT", b""), END) + bytes(100), (1, 1, 8, 2)),
        (encoded(".png", PICTURE.astype(np.uint16)), (48, 32, 16, 3)),
        (JPEG, (8, 8, 8, 1)),
        (JPEG + bytes(100), (8, 8, 8, 1)),
        (b"\xff\xd8\xff\x01\xff\xd0\xff\xff\xff" + JPEG[2:], (8, 8, 8, 1)),  # fill bytes, markers without length
        (JPEG[:-2] + b"\xff\xd0\0\xff\0\xff\xff\0\xff\xd9", (8, 8, 8, 1)),  # restart markers and FF as data
        (b"\xff\xd8" + segment(0xE1, b"Exif\0\0" + WHOLE_JPEG) + JPEG[2:], (8, 8, 8, 1)),  # a preview of another size
        (WHOLE_JPEG, (48, 32, 8, 3)),
        (encoded(".jpg", PICTURE, cv2.IMWRITE_JPEG_PROGRESSIVE, 1), (48, 32, 8, 3)),
        (encoded(".jpg", PICTURE, cv2.IMWRITE_JPEG_RST_INTERVAL, 1), (48, 32, 8, 3)),
    ],
)
def test_good_files(data, expected):
    found = checked_image(data)
    assert found[:4] == expected
    assert cv2.imdecode(np.frombuffer(found.data, np.uint8), cv2.IMREAD_COLOR).shape == expected[1::-1] + (3,)


COLOURS = [
    (0, 1),
    (0, 2),
    (0, 4),
    (0, 8),
    (0, 16),
    (2, 8),
    (2, 16),
    (3, 1),
    (3, 2),
    (3, 4),
    (3, 8),
    (4, 8),
    (4, 16),
    (6, 8),
]


@pytest.mark.parametrize("interlaced", [0, 1])
@pytest.mark.parametrize("colour, bits", COLOURS + [(6, 8), (6, 16)])
@pytest.mark.parametrize("width, height", [(1, 1), (3, 5), (8, 8), (13, 9), (1, 6), (6, 1)])
def test_every_kind_of_png_is_as_opencv_reads_it(width, height, colour, bits, interlaced):
    """The image data are compressed anew; surplus behind them is dropped, and one byte too few is noticed."""
    rng = np.random.RandomState(width)
    rest = [chunk(b"PLTE", rng.bytes(768)[: 3 << bits])] if colour == 3 else []
    start = [header(width, height, bits, colour, b"\0\0" + bytes([interlaced]))] + rest
    for length in range(1, 1000):
        whole = png(*start, chunk(b"IDAT", zlib.compress(bytes(length))), END)
        try:
            found = checked_image(whole)
            break
        except FrameError as error:
            assert "cut off" in str(error)
    expected = cv2.imdecode(np.frombuffer(whole, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(cv2.imdecode(np.frombuffer(found.data, np.uint8), cv2.IMREAD_UNCHANGED), expected)
    short = png(*start, chunk(b"IDAT", zlib.compress(bytes(length - 1))), END)
    assert length == 1 or cv2.imdecode(np.frombuffer(short, np.uint8), cv2.IMREAD_UNCHANGED) is None
    assert checked_image(png(*start, chunk(b"IDAT", zlib.compress(bytes(length + 1000))), END)).data == found.data


@pytest.mark.parametrize("stored_bytes", [2**24, 0])
def test_what_lies_behind_the_pixels_is_never_decompressed(monkeypatch, stored_bytes):
    monkeypatch.setattr(image_headers, "STORED_BYTES", stored_bytes)
    bomb = png(header(20, 20), chunk(b"IDAT", zlib.compress(bytes(2**24))), END)
    kept = checked_image(bomb).data
    assert len(bomb) > 10000 and len(kept) < 600
    assert cv2.imdecode(np.frombuffer(kept, np.uint8), cv2.IMREAD_COLOR).shape == (20, 20, 3)


def test_large_images_are_not_compressed_anew(monkeypatch):
    monkeypatch.setattr(image_headers, "STORED_BYTES", 0)
    whole = encoded(".png", PICTURE)
    assert checked_image(whole).data == whole


def test_samples_of_many_bytes_count():
    deep = encoded(".png", np.zeros((10, 10, 4), np.uint16))
    checked_image(deep, max_pixels=203)
    with pytest.raises(FrameError, match="at most 800 bytes, got 810") as caught:
        checked_image(deep, max_pixels=200)
    assert caught.value.kind == "size"


def test_only_what_is_needed_reaches_the_decoder():
    """Animated PNGs crash OpenCV 4.11 and 4.12, compressed texts and profiles cost memory."""
    extra = [chunk(kind, b"\0" * 26) for kind in (b"acTL", b"fcTL", b"fdAT", b"iCCP", b"zTXt", b"eXIf")]
    whole = png(header(), *extra[:3], PIXEL, *extra[3:], END)
    stored = chunk(b"IDAT", zlib.compress(b"\0\0", 0))
    assert checked_image(whole).data == png(header(), stored, END)
    assert checked_image(whole, keep_orientation=True).data == png(header(), stored, extra[5], END)


@pytest.mark.parametrize(
    "data, kind, words",
    [
        (png(), "data", "cut off or damaged, of 8 bytes"),
        (png(header()), "data", "cut off"),
        (png(header(), END), "data", "one header and one image"),
        (png(header(), header(), PIXEL, END), "data", "one header"),
        (png(PIXEL, header(), END), "data", "with a header"),
        (png(chunk(b"IHDR", b"\0" * 14), PIXEL, END), "data", "with a header"),
        (png(header(bits=4, colour=2), PIXEL, END), "data", "with a header"),
        (png(header(colour=5), PIXEL, END), "data", "with a header"),
        (png(header(rest=b"\1\0\0"), PIXEL, END), "data", "with a header"),
        (png(header(), PIXEL[:-1] + b"\0", END), "data", "wrong checksum of b'IDAT'"),
        (png(header(), b"\xff\0\0\x0c" + PIXEL[4:], END), "data", "cut off"),  # claims 4 GB
        (png(header(), chunk(b"tEXt", b"IEND"), PIXEL), "data", "cut off"),  # the word is no end
        (png(header(), PIXEL, *[chunk(b"IDAT", b"")] * 2**16, END), "data", "parts, got more"),
        (png(header(2**31 - 1, 2**31 - 1), PIXEL, END), "size", "2147483647"),
        (png(header(32767, 1), PIXEL, END), "size", "at most 32766 a side"),
        (png(header(0, 1), PIXEL, END), "size", "got 0 x 1"),
        (b"\xff\xd8", "data", "cut off"),
        (b"\xff\xd8" + b"\xff" * 100000, "data", "cut off"),
        (b"\xff\xd8\xff\xd9", "data", "without one"),
        (b"\xff\xd8" + SCAN + b"\xff\xd9", "data", "without one"),
        (b"\xff\xd8" + frame(8, 8) + b"\xff\xd9", "data", "without one"),
        (b"\xff\xd8\0" + JPEG[2:], "data", "a JPEG marker at byte 2"),
        (b"\xff\xd8" + JPEG, "data", "a second start"),
        (JPEG[:-2], "data", "cut off"),
        (JPEG[:-1], "data", "cut off"),
        (JPEG[:30], "data", "cut off"),
        (b"\xff\xd8\xff\xe0\0\1" + JPEG[2:], "data", "cut off"),
        (b"\xff\xd8" + frame(8, 8) + frame(30000, 30000) + SCAN + b"\xff\xd9", "data", "one frame"),
        (JPEG[:-2] + frame(30000, 30000, 0xC2) + b"\xff\xd9", "data", "one frame"),
        # Whoever takes the marker FF 01 for one with a length jumps over the true frame header.
        (b"\xff\xd8\xff\x01" + frame(30000, 30000) + segment(0xFE, frame(1, 1)) + SCAN + b"\xff\xd9", "size", "30000"),
        (b"\xff\xd8" + segment(0xC0, b"\x08\0\x08\0\x08\x03\1\x11\0") + SCAN + b"\xff\xd9", "data", "3 channels"),
        (b"\xff\xd8" + frame(8, 8, 0xC2) + SCAN * (MAX_SCANS + 1) + b"\xff\xd9", "data", "scans, got more"),
        (b"\xff\xd8" + frame(5000, 5000, 0xC2) + SCAN * 22 + b"\xff\xd9", "data", "scans, got more"),
        (b"\xff\xd8" + segment(0xFE, b"") * 5000 + JPEG[2:], "data", "parts, got more"),
        (b"\xff\xd8" + b"\xff\x01" * 5000 + JPEG[2:], "data", "parts, got more"),
    ],
)
def test_bad_files(data, kind, words):
    with pytest.raises(FrameError, match=words) as caught:
        checked_image(data)
    assert caught.value.kind == kind


@pytest.mark.parametrize("data", [WHOLE_JPEG, encoded(".png", PICTURE)], ids=["jpeg", "png"])
def test_every_beginning_is_cut_off(data):
    for length in range(8, len(data)):
        with pytest.raises(FrameError):
            checked_image(data[:length])


def test_sizes():
    check_size(1, 1, 1)
    check_size(32766, 1000)
    for width, height in ((0, 1), (1, 0), (32767, 1), (1, 32767), (8192, 4097)):
        with pytest.raises(FrameError, match="got %d x %d" % (width, height)):
            check_size(width, height)
