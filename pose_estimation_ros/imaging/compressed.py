"""Convert the fields of sensor_msgs/CompressedImage to BGR frames and depth images, and frames to JPEGs.

Sources: the plugins compressed_image_transport and compressed_depth_image_transport (codec.cpp) of image_transport.
"""

import struct
from typing import Tuple

import cv2
import numpy as np

from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.core.space.depth import DTYPES
from pose_estimation_ros.imaging.encodings import LAYOUTS, Buffer, to_8_bits, to_bgr
from pose_estimation_ros.imaging.image_headers import MAX_PIXELS, PNG_START, ImageHeader, checked_image

JPEG_FORMAT = "bgr8; jpeg compressed bgr8"  # of frames that encode_jpeg has encoded
DEPTH_HEADER = struct.Struct("<iff")  # kind of compression, quantisation a and b
# As image_transport decodes: the orientation tag of the file is ignored.
GREY = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
COLOUR = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION


def decode_compressed(form: str, data: Buffer, max_pixels: int = MAX_PIXELS, mono16_bits: int = 0) -> np.ndarray:
    """Decode a JPEG or PNG of 8 or 16 bits, colour or grey.

    A grey file whose format names a Bayer pattern ("bayer_rggb8; png compressed ") is the mosaic of a sensor, from
    which the colours are computed. The colour order in the format is ignored: "rgb8; jpeg compressed bgr8" and
    "... rgb8" both belong to ordinary files.

    Args:
        form: the message's "format".
        data: a buffer of bytes (array.array, bytes, numpy).
        max_pixels: largest allowed number of pixels.
        mono16_bits: number of bits that samples of 16 bits use, see encodings.to_8_bits.

    Returns:
        (H, W, 3) uint8 BGR.

    Raises:
        FrameError: kind "format" (a depth image), "size" (no pixels or too many) or "data" (no JPEG or PNG, damaged
            or truncated).
    """
    encoding = _encoding(form)
    if "compressedDepth" in form or encoding in DTYPES:
        raise FrameError("format", "expected a colour image, got the format %.80r" % form)
    header = _header(form, bytes(data), max_pixels)
    image = _decode_checked(header, GREY if header.channels == 1 else COLOUR)
    image = to_8_bits(image, mono16_bits) if image.dtype == np.uint16 else image
    if header.channels > 1:
        return image
    mosaic = encoding.startswith("bayer_") and encoding in LAYOUTS
    return to_bgr(image, LAYOUTS[encoding if mosaic else "mono8"])


def decode_compressed_depth(form: str, data: Buffer, max_pixels: int = MAX_PIXELS) -> Tuple[np.ndarray, str]:
    """Decode a compressedDepth image, or a PNG of 16 bits, for core.space.depth.

    Depth in metres is encoded as a / (value - b), with a and b stored before the PNG. 0 means that nothing was measured
    and becomes NaN.

    Args:
        form: the message's "format".
        data: a buffer of bytes.
        max_pixels: largest allowed number of pixels.

    Returns:
        depth: (H, W) float32 m or uint16 mm.
        encoding: "32FC1" or "16UC1".

    Raises:
        FrameError: kind "format" (no depth image, or compressed by RVL), "size" or "data" as in decode_compressed.
    """
    encoding, data = _encoding(form), bytes(data)
    encoding = "16UC1" if encoding == "mono16" else encoding  # a name that some drivers use
    if encoding not in DTYPES or "rvl" in form:
        expected = "expected a depth image of %s as PNG (its publisher's parameter compressedDepth.format), got %.80r"
        raise FrameError("format", expected % (" or ".join(sorted(DTYPES)), form))
    if encoding == "16UC1" and data.startswith(PNG_START):  # from the plugin for colour images, without a depth header
        return _depth_values(form, data, max_pixels), encoding
    values = _depth_values(form, data[DEPTH_HEADER.size :], max_pixels)
    return (values if encoding == "16UC1" else _metres(values, *DEPTH_HEADER.unpack_from(data)[1:])), encoding


def encode_jpeg(frame: np.ndarray, quality: int) -> bytes:
    """Encode a frame as JPEG.

    Args:
        frame: (H, W, 3) uint8 BGR.
        quality: 1..100.

    Returns:
        the file.

    Raises:
        FrameError: kind "size": the frame is empty, or larger than a JPEG can be.
    """
    try:
        encoded, data = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])
    except cv2.error:
        encoded = False
    if not encoded:
        height, width = frame.shape[:2]
        raise FrameError("size", "expected an image that can be a JPEG, got one of %d x %d" % (width, height))
    return bytes(data)


def _metres(values: np.ndarray, a: float, b: float) -> np.ndarray:
    """Convert quantised inverse depth uint16 to float32 m; in codec.cpp a = z0 (z0 + 1) and b = 1 - a / farthest."""
    if not (0 < a < np.inf and -np.inf < b <= 1):
        raise FrameError("data", "expected the quantisation a > 0, b <= 1 of inverse depth, got %g, %g" % (a, b))
    with np.errstate(divide="ignore"):
        return np.where(values > 0, np.float32(a) / (values - np.float32(b)), np.float32(np.nan))


def _encoding(form: str) -> str:
    """Return the encoding of the image before compression, or the whole format if it is one word such as "jpeg"."""
    return form.split(";")[0].strip()


def _depth_values(form: str, data: bytes, max_pixels: int) -> np.ndarray:
    header = _header(form, data, max_pixels)
    if not data.startswith(PNG_START) or (header.bits, header.channels) != (16, 1):
        problem = "expected a PNG of 16 bits and one channel, got %d bits and %d channels, format %.80r"
        raise FrameError("data", problem % (header.bits, header.channels, form))
    return _decode_checked(header, cv2.IMREAD_UNCHANGED)


def _header(form: str, data: bytes, max_pixels: int) -> ImageHeader:
    header = checked_image(data, max_pixels)
    if header is None:
        problem = "expected a JPEG or PNG, got %d bytes that are neither, format %.80r"
        raise FrameError("data", problem % (len(data), form))
    return header


def _decode_checked(header: ImageHeader, flags: int) -> np.ndarray:
    """Decode the file with OpenCV and check that it found the size that the header promises."""
    try:
        image = cv2.imdecode(np.frombuffer(header.data, np.uint8), flags)
    except cv2.error as error:
        raise FrameError("data", "expected a JPEG or PNG, OpenCV reports: %.200s" % error)
    if image is None:
        raise FrameError("data", "expected a JPEG or PNG, got %d bytes that OpenCV cannot read" % len(header.data))
    if image.shape[:2] != (header.height, header.width):
        problem = "expected an image of %d x %d as its header says, got %d x %d from OpenCV"
        raise FrameError("data", problem % ((header.width, header.height) + image.shape[1::-1]))
    return image
