"""Decode the fields of image messages to BGR frames and depth images, without rclpy and message classes.

Source: the encodings of sensor_msgs (image_encodings.hpp).
"""

from array import array
from typing import Dict, NamedTuple, Optional, Tuple, Union

import cv2
import numpy as np

from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.core.space.depth import DTYPES
from pose_estimation_ros.imaging.image_headers import MAX_PIXELS, check_size

Buffer = Union[bytes, bytearray, memoryview, "array[int]", np.ndarray]
SAMPLE_BITS = (8, 10, 12, 14, 16)  # bits of usual sensors


class Layout(NamedTuple):
    """Describe how the bytes of an image are laid out.

    Attributes:
        channels: number of channels of a pixel of the first plane.
        to_bgr: colour code of cv2.cvtColor, None if the image is BGR already.
        sample_bytes: bytes of one channel of a pixel.
        width_of: the width must be a multiple of this number.
        height_of: the height must be a multiple of this number.
        planes: rows of data per row of the image.
    """

    channels: int
    to_bgr: Optional[int]
    sample_bytes: int = 1
    width_of: int = 1
    height_of: int = 1
    planes: float = 1.0


# Bayer: sensor_msgs names a pattern by its first row, OpenCV by the second and third pixel of its second row.
BAYER = {
    "bayer_rggb": cv2.COLOR_BayerBG2BGR,
    "bayer_bggr": cv2.COLOR_BayerRG2BGR,
    "bayer_gbrg": cv2.COLOR_BayerGR2BGR,
    "bayer_grbg": cv2.COLOR_BayerGB2BGR,
}
LAYOUTS: Dict[str, Layout] = {
    "8UC3": Layout(3, None),
    "8UC4": Layout(4, cv2.COLOR_BGRA2BGR),
    "8UC1": Layout(1, cv2.COLOR_GRAY2BGR),
    "yuv422": Layout(2, cv2.COLOR_YUV2BGR_UYVY, width_of=2),
    "uyvy": Layout(2, cv2.COLOR_YUV2BGR_UYVY, width_of=2),
    "yuv422_yuy2": Layout(2, cv2.COLOR_YUV2BGR_YUY2, width_of=2),
    "yuyv": Layout(2, cv2.COLOR_YUV2BGR_YUY2, width_of=2),
    "nv12": Layout(1, cv2.COLOR_YUV2BGR_NV12, width_of=2, height_of=2, planes=1.5),
    "nv21": Layout(1, cv2.COLOR_YUV2BGR_NV21, width_of=2, height_of=2, planes=1.5),
}
for _bytes in (1, 2):
    LAYOUTS.update(
        {
            "bgr%d" % (8 * _bytes): Layout(3, None, _bytes),
            "rgb%d" % (8 * _bytes): Layout(3, cv2.COLOR_RGB2BGR, _bytes),
            "bgra%d" % (8 * _bytes): Layout(4, cv2.COLOR_BGRA2BGR, _bytes),
            "rgba%d" % (8 * _bytes): Layout(4, cv2.COLOR_RGBA2BGR, _bytes),
            "mono%d" % (8 * _bytes): Layout(1, cv2.COLOR_GRAY2BGR, _bytes),
        }
    )
    LAYOUTS.update({"%s%d" % (name, 8 * _bytes): Layout(1, code, _bytes) for name, code in BAYER.items()})


def decode_image(
    encoding: str,
    height: int,
    width: int,
    step: int,
    is_bigendian: int,
    data: Buffer,
    max_pixels: int = MAX_PIXELS,
    mono16_bits: int = 0,
) -> np.ndarray:
    """Decode the fields of a sensor_msgs/Image.

    Args:
        encoding: one of LAYOUTS.
        height: px.
        width: px.
        step: bytes per row, padding included.
        is_bigendian: byte order of samples of 16 bits.
        data: a buffer of bytes (array.array, bytes, numpy).
        max_pixels: largest allowed number of pixels.
        mono16_bits: number of bits that samples of 16 bits use, see to_8_bits.

    Returns:
        (height, width, 3) uint8 BGR; for bgr8 a view on the data.

    Raises:
        FrameError: kind "size" (zero, too large or not a multiple), "encoding" (unknown), "step" (shorter than a
            row) or "data" (another length than step * rows).
    """
    check_size(width, height, max_pixels)
    if encoding not in LAYOUTS:
        expected = "expected an encoding out of %s, got %.80r"
        raise FrameError("encoding", expected % (", ".join(sorted(LAYOUTS)), encoding))
    layout = LAYOUTS[encoding]
    samples = _rows(encoding, layout, height, width, step, data)
    if layout.sample_bytes == 2:
        dtype = np.dtype(">u2" if is_bigendian else "<u2")
        samples = to_8_bits(np.ascontiguousarray(samples).view(dtype).astype(np.uint16, copy=False), mono16_bits)
    channels = layout.channels
    image = samples.reshape(len(samples), width, channels) if channels > 1 else samples
    return to_bgr(image, layout)


def to_bgr(image: np.ndarray, layout: Layout) -> np.ndarray:
    """Convert uint8 samples to (H, W, 3) uint8 BGR.

    Args:
        image: (H, W) or (H, W, C) uint8.
        layout: layout of the image.

    Returns:
        The image itself if it is BGR already.
    """
    return image if layout.to_bgr is None else cv2.cvtColor(np.ascontiguousarray(image), layout.to_bgr)


def to_8_bits(image: np.ndarray, bits: int = 0) -> np.ndarray:
    """Scale samples of 16 bits to 8 bits. Sensors of 10 to 14 bits leave the high bits of each sample empty.

    Args:
        image: uint16, of any shape.
        bits: number of bits of the sensor, 8 to 16; larger values become 255. 0 means the smallest of 8, 10, 12, 14 and
            16 that holds the largest value of this image.

    Returns:
        uint8 of the same shape.
    """
    largest = int(image.max()) if image.size else 0
    bits = bits or next(known for known in SAMPLE_BITS if largest < 2**known)
    if largest >= 2**bits:
        image = np.minimum(image, 2**bits - 1)
    return (image >> (bits - 8)).astype(np.uint8)


def decode_depth(
    encoding: str, height: int, width: int, step: int, is_bigendian: int, data: Buffer, max_pixels: int = MAX_PIXELS
) -> Tuple[np.ndarray, str]:
    """Decode the fields of a depth image for core.space.depth.

    Args:
        encoding: "32FC1", "16UC1", or "mono16", a name that some drivers use for 16UC1.
        height: px.
        width: px.
        step: bytes per row, padding included.
        is_bigendian: byte order of the samples.
        data: a buffer of bytes.
        max_pixels: largest allowed number of pixels.

    Returns:
        depth: (height, width) float32 m or uint16 mm; a view on data without padding in the machine's byte order.
        encoding: "32FC1" or "16UC1".

    Raises:
        FrameError: kind "depth_encoding" (unknown), or "size", "step" or "data" as in decode_image.
    """
    check_size(width, height, max_pixels)
    kind = "16UC1" if encoding == "mono16" else encoding
    if kind not in DTYPES:
        expected = "expected a depth image of %s or mono16, got %.80r"
        raise FrameError("depth_encoding", expected % (", ".join(sorted(DTYPES)), encoding))
    dtype = np.dtype(DTYPES[kind])
    rows = _rows(encoding, Layout(1, None, dtype.itemsize), height, width, step, data)
    ordered = dtype.newbyteorder(">" if is_bigendian else "<")
    return np.ascontiguousarray(rows).view(ordered).astype(dtype, copy=False), kind


def _rows(encoding: str, layout: Layout, height: int, width: int, step: int, data: Buffer) -> np.ndarray:
    """Return the bytes of each row without its padding: (rows, bytes of a row) uint8, a view."""
    if width % layout.width_of or height % layout.height_of:
        expected = "expected width and height multiples of %d and %d for %s, got %d x %d"
        raise FrameError("size", expected % (layout.width_of, layout.height_of, encoding, width, height))
    row_bytes, row_count = width * layout.channels * layout.sample_bytes, int(height * layout.planes)
    if step < row_bytes:
        raise FrameError("step", "expected step >= %d bytes for width %d, got %d" % (row_bytes, width, step))
    if len(data) != step * row_count:
        expected = "expected %d bytes of data (step %d x %d rows), got %d"
        raise FrameError("data", expected % (step * row_count, step, row_count, len(data)))
    return np.frombuffer(data, np.uint8).reshape(row_count, step)[:, :row_bytes]
