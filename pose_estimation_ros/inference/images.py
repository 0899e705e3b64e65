"""Read image files: the only reader of them in this package, with one rule for orientation and bit depth.

An image is turned upright by its EXIF orientation. Grey images and images with alpha become BGR.
"""

import cv2
import numpy as np

from pose_estimation_ros.core.errors import DataError


def read_image(path):
    # type: (str) -> np.ndarray
    """Read an image file.

    Args:
        path: the file. Its content decides the format, not the ending of its name.

    Returns:
        (H, W, 3) uint8 BGR.

    Raises:
        DataError: there is no such file, it cannot be read, or OpenCV cannot decode it.
    """
    try:
        with open(str(path), "rb") as file:
            data = file.read()
    except OSError as error:
        raise DataError("expected an image %s, got: %s" % (path, error.strerror or error))
    return decode_image_file(data, path)


def decode_image_file(data, name):
    # type: (bytes, str) -> np.ndarray
    """Decode the bytes of an image file; see read_image. ``name`` is for messages."""
    image = None
    try:
        if len(data):
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise DataError("%s: expected an image, got: %s" % (name, str(error).strip().splitlines()[0]))
    if image is None:
        raise DataError("%s: expected an image, got %d bytes that are none" % (name, len(data)))
    return image
