"""Fields of sensor_msgs/CompressedImage -> BGR frames and depth images, as image_transport's plugins write them.

Sources: compressed_image_transport and compressed_depth_image_transport (codec.cpp), ITU-T T.81 (JPEG) B.1 and B.2,
PNG (ISO/IEC 15948) 5.2 and 11.2.2. The header of a file is read here first: OpenCV would allocate whatever size it
claims, and OpenCV 4 passes a JPEG that is cut off, grey below, for a whole one.
"""

import re
import struct
from typing import Any, Tuple

import cv2
import numpy as np

from pose_estimation_ros.core.depth import DTYPES
from pose_estimation_ros.core.errors import FrameError

MAX_PIXELS = 2**26  # 8192 x 8192: 200 MB as BGR
PNG_START, JPEG_START, JPEG_END = b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"\xff\xd9"
START_OF_FRAME = sorted(set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC})  # JPEG markers; those three are tables
START_OF_SCAN = 0xDA
JPEG_SEGMENT = re.compile(b"\xff([\x01-\xfe])(..)", re.DOTALL)  # marker, length
DEPTH_HEADER = struct.Struct("<iff")  # kind of compression, quantisation a and b
# As image_transport decodes: a tag in the file that says how the camera was held turns nothing.
COLOUR = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION


def decode_compressed(form, data):
    # type: (str, Any) -> np.ndarray
    """A JPEG or PNG of 8 or 16 bits, colour or grey -> (H, W, 3) uint8 BGR; of 16 bits the high ones are taken.

    form: the message's "format". What it says of the order of colours is not looked at: "rgb8; jpeg compressed bgr8"
    and "... rgb8" both come with plain files. data: a buffer of bytes (array.array, bytes, numpy).
    Raises FrameError of kind "format" (depth images), "size" (of more than MAX_PIXELS) or "data" (no such file, or cut
    off).
    """
    if "compressedDepth" in form or _encoding(form) in DTYPES:
        raise FrameError("format", "expected a colour image, got the format %r" % form)
    return _decoded(form, bytes(data), COLOUR)


def decode_compressed_depth(form, data):
    # type: (str, Any) -> Tuple[np.ndarray, str]
    """compressedDepth, or a PNG of 16 bits -> ((H, W) float32 m or uint16 mm, "32FC1" or "16UC1"), for core.depth.

    Depth in metres comes as a / (value - b), with a and b before the PNG; 0 is NaN, nothing measured.
    Raises FrameError of kind "format" (no depth, or RVL compressed), "size" or "data" as decode_compressed.
    """
    encoding, data = _encoding(form), bytes(data)
    encoding = "16UC1" if encoding == "mono16" else encoding  # as some drivers call it
    if encoding not in DTYPES or "rvl" in form:
        expected = "expected a depth image of %s as PNG (its publisher's parameter compressedDepth.format), got %r"
        raise FrameError("format", expected % (" or ".join(sorted(DTYPES)), form))
    if encoding == "16UC1" and data.startswith(PNG_START):  # by the plugin for colour images, without a header
        return _depth_values(form, data), encoding
    values = _depth_values(form, data[DEPTH_HEADER.size :])
    return (values if encoding == "16UC1" else _metres(values, *DEPTH_HEADER.unpack_from(data)[1:])), encoding


def _metres(values, a, b):
    # type: (np.ndarray, float, float) -> np.ndarray
    """Quantised inverse depth uint16 -> float32 m, see codec.cpp: a = z0 (z0 + 1), b = 1 - a / farthest."""
    if not (0 < a < np.inf and -np.inf < b <= 1):
        raise FrameError("data", "expected the quantisation a > 0, b <= 1 of inverse depth, got %g, %g" % (a, b))
    with np.errstate(divide="ignore"):
        return np.where(values > 0, np.float32(a) / (values - np.float32(b)), np.float32(np.nan))


def _encoding(form):
    # type: (str) -> str
    """Of the image before it was compressed; of formats such as "jpeg", that."""
    return form.split(";")[0].strip()


def _depth_values(form, data):
    # type: (str, bytes) -> np.ndarray
    values = _decoded(form, data, cv2.IMREAD_UNCHANGED)
    if values.dtype != np.uint16 or values.ndim != 2:
        problem = "expected a PNG of 16 bits and one channel, got %s %s, format %r"
        raise FrameError("data", problem % (values.dtype, values.shape, form))
    return values


def _decoded(form, data, flags):
    # type: (str, bytes, int) -> np.ndarray
    _check_file(form, data)
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise FrameError("data", "expected a JPEG or PNG, OpenCV says: %s" % error)
    if image is None:
        raise FrameError("data", "expected a JPEG or PNG, got %d bytes that OpenCV cannot read" % len(data))
    return image


def _check_file(form, data):
    # type: (str, bytes) -> None
    """Raises FrameError unless that is a whole JPEG or PNG, by its first and last parts, of no absurd size."""
    read_size = _png_size if data.startswith(PNG_START) else _jpeg_size
    try:
        width, height, whole = read_size(data)
    except (struct.error, ValueError):
        raise FrameError("data", "expected a JPEG or PNG, got %d bytes that are none, format %r" % (len(data), form))
    if not 1 <= width * height <= MAX_PIXELS:
        raise FrameError("size", "expected 1..%d pixels, got %d x %d" % (MAX_PIXELS, width, height))
    if not whole:
        raise FrameError("data", "expected a whole image, got one cut off after %d bytes" % len(data))


def _png_size(data):
    # type: (bytes) -> Tuple[int, int, bool]
    """(width, height, whether the last chunk is there). Raises struct.error."""
    width, height = struct.unpack_from(">II", data, 16)
    return width, height, b"IEND" in data


def _jpeg_size(data):
    # type: (bytes) -> Tuple[int, int, bool]
    """(width, height, whether there is an end behind the image; drivers may fill up with zeros). Raises ValueError."""
    segment, height, width = JPEG_SEGMENT.search(data, 2) if data.startswith(JPEG_START) else None, 0, 0
    while segment:
        marker, (length,) = segment.group(1)[0], struct.unpack(">H", segment.group(2))
        if marker in START_OF_FRAME:
            height, width = struct.unpack_from(">HH", data, segment.end() + 1)
        if marker == START_OF_SCAN:
            return width, height, data.rfind(JPEG_END) > segment.end()
        segment = JPEG_SEGMENT.search(data, segment.end() - 2 + length)
    raise ValueError
