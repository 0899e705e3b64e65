"""Fields of image messages -> BGR frames, depth. Knows the encodings of sensor_msgs, but neither rclpy nor messages."""

from typing import Any, NamedTuple, Tuple

import cv2
import numpy as np

from pose_estimation_ros.core.depth import DTYPES
from pose_estimation_ros.core.errors import FrameError

# pixel_bytes: per pixel of the first plane. to_bgr: cv2 colour code, None where it is BGR already.
# width_of, height_of: the size must be a multiple. planes: rows of data per image row.
Layout = NamedTuple(
    "Layout", [("pixel_bytes", int), ("to_bgr", int), ("width_of", int), ("height_of", int), ("planes", float)]
)


def _layout(pixel_bytes, to_bgr, width_of=1, height_of=1, planes=1.0):
    # type: (int, int, int, int, float) -> Layout
    return Layout(pixel_bytes, to_bgr, width_of, height_of, planes)


# Bayer: sensor_msgs names a pattern by its first row, OpenCV by the second and third pixel of its second row.
LAYOUTS = {
    "bgr8": _layout(3, None),
    "8UC3": _layout(3, None),
    "rgb8": _layout(3, cv2.COLOR_RGB2BGR),
    "bgra8": _layout(4, cv2.COLOR_BGRA2BGR),
    "8UC4": _layout(4, cv2.COLOR_BGRA2BGR),
    "rgba8": _layout(4, cv2.COLOR_RGBA2BGR),
    "mono8": _layout(1, cv2.COLOR_GRAY2BGR),
    "8UC1": _layout(1, cv2.COLOR_GRAY2BGR),
    "mono16": _layout(2, cv2.COLOR_GRAY2BGR),
    "yuv422": _layout(2, cv2.COLOR_YUV2BGR_UYVY, 2),
    "uyvy": _layout(2, cv2.COLOR_YUV2BGR_UYVY, 2),
    "yuv422_yuy2": _layout(2, cv2.COLOR_YUV2BGR_YUY2, 2),
    "yuyv": _layout(2, cv2.COLOR_YUV2BGR_YUY2, 2),
    "nv12": _layout(1, cv2.COLOR_YUV2BGR_NV12, 2, 2, 1.5),
    "nv21": _layout(1, cv2.COLOR_YUV2BGR_NV21, 2, 2, 1.5),
    "bayer_rggb8": _layout(1, cv2.COLOR_BayerBG2BGR),
    "bayer_bggr8": _layout(1, cv2.COLOR_BayerRG2BGR),
    "bayer_gbrg8": _layout(1, cv2.COLOR_BayerGR2BGR),
    "bayer_grbg8": _layout(1, cv2.COLOR_BayerGB2BGR),
}


def decode_image(encoding, height, width, step, is_bigendian, data):
    # type: (str, int, int, int, int, Any) -> np.ndarray
    """The fields of a sensor_msgs/Image -> (height, width, 3) uint8 BGR; bgr8 is a view on the data.

    Args: step: bytes per row, padding included. is_bigendian: matters for mono16, of which the high byte is taken.
    data: a buffer of bytes (array.array, bytes, numpy).
    Raises FrameError of kind "encoding" (unknown), "size" (zero or not a multiple), "step" (shorter than a row) or
    "data" (not step * rows bytes).
    """
    if encoding not in LAYOUTS:
        raise FrameError("encoding", "expected an encoding out of %s, got %r" % (", ".join(sorted(LAYOUTS)), encoding))
    layout = LAYOUTS[encoding]
    _check_size(encoding, layout, height, width)
    rows = _rows(layout, height, width, step, data)
    if encoding == "mono16":
        rows = np.ascontiguousarray(rows[:, (0 if is_bigendian else 1) :: 2])
        return cv2.cvtColor(rows, layout.to_bgr)
    channels = 1 if layout.planes != 1 else layout.pixel_bytes
    image = rows.reshape(len(rows), width, channels) if channels > 1 else rows
    return image if layout.to_bgr is None else cv2.cvtColor(np.ascontiguousarray(image), layout.to_bgr)


def decode_depth(encoding, height, width, step, is_bigendian, data):
    # type: (str, int, int, int, int, Any) -> Tuple[np.ndarray, str]
    """The fields of a depth image -> ((height, width) float32 m or uint16 mm, "32FC1" or "16UC1"), for core.depth.

    A view on the data where that has no padding and the machine's byte order. mono16, as some drivers call it, is
    16UC1. Raises FrameError of kind "depth_encoding", or "size", "step", "data" as decode_image.
    """
    kind = "16UC1" if encoding == "mono16" else encoding
    if kind not in DTYPES:
        expected = "a depth image of %s or mono16" % ", ".join(sorted(DTYPES))
        raise FrameError("depth_encoding", "expected %s, got %r" % (expected, encoding))
    dtype = np.dtype(DTYPES[kind])
    layout = _layout(dtype.itemsize, None)
    _check_size(encoding, layout, height, width)
    sent = dtype.newbyteorder(">" if is_bigendian else "<")
    depth = np.ascontiguousarray(_rows(layout, height, width, step, data)).view(sent)
    return depth.astype(dtype, copy=False), kind


def _check_size(encoding, layout, height, width):
    # type: (str, Layout, int, int) -> None
    if min(height, width) < 1 or width % layout.width_of or height % layout.height_of:
        wanted = "width and height >= 1"
        if layout.width_of > 1:
            wanted += ", multiples of %d and %d for %s" % (layout.width_of, layout.height_of, encoding)
        raise FrameError("size", "expected %s, got %d x %d" % (wanted, width, height))


def _rows(layout, height, width, step, data):
    # type: (Layout, int, int, int, Any) -> np.ndarray
    """The bytes of each row without its padding: (rows, width * pixel_bytes) uint8, a view."""
    row_bytes, row_count = width * layout.pixel_bytes, int(height * layout.planes)
    if step < row_bytes:
        raise FrameError("step", "expected step >= %d bytes for width %d, got %d" % (row_bytes, width, step))
    if len(data) != step * row_count:
        expected = "%d bytes of data (step %d x %d rows)" % (step * row_count, step, row_count)
        raise FrameError("data", "expected %s, got %d" % (expected, len(data)))
    return np.frombuffer(data, np.uint8).reshape(row_count, step)[:, :row_bytes]
