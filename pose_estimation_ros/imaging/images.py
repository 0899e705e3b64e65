"""Read image files, by one rule for orientation and bit depth. No other module of this package decodes image files.

An image is turned upright by its EXIF orientation. Grey images and images with alpha become BGR. Samples of 16 bits are
scaled by the largest value of the image, see encodings.to_8_bits. A damaged file is refused as a whole, because a
photograph whose lower half is grey would pass for one without people.
"""

import os
from typing import BinaryIO, List, Optional, Union

import cv2
import numpy as np

from pose_estimation_ros.core.errors import DataError, FrameError, reason_of
from pose_estimation_ros.imaging.encodings import to_8_bits
from pose_estimation_ros.imaging.image_headers import check_size, checked_image

MAX_FILE_PIXELS = 2**28  # 268 megapixels, 805 MB as BGR
MAX_FILE_BYTES = 2**30
PIECE_BYTES = 2**20
RADIANCE = b"#?"  # first bytes of .hdr files


def read_image(path: Union[str, "os.PathLike[str]"]) -> np.ndarray:
    """Read an image file.

    Args:
        path: path of the file, whose content decides the format, not the ending of its name.

    Returns:
        (H, W, 3) uint8 BGR.

    Raises:
        DataError: the file does not exist, cannot be read, is damaged or too large, or OpenCV cannot decode it.
    """
    name = os.fsencode(path).decode("utf-8", "backslashreplace")
    try:
        with open(os.fspath(path), "rb") as file:
            data = _read(file, MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise DataError("image file %s cannot be read: %s" % (name, getattr(error, "strerror", None) or error))
    return decode_image_file(data, name)


def _read(file: BinaryIO, most: int) -> bytes:
    """Return the first bytes of a file; read(most) would allocate all of that for the smallest file, too."""
    pieces: List[bytes] = []
    while most > 0:
        pieces.append(file.read(min(most, PIECE_BYTES)))
        most -= len(pieces[-1])
        if not pieces[-1]:
            break
    return b"".join(pieces)


def decode_image_file(data: bytes, name: str, max_pixels: int = MAX_FILE_PIXELS) -> np.ndarray:
    """Decode the bytes of an image file; see read_image.

    Args:
        data: content of the file.
        name: name of the file, for messages.
        max_pixels: largest allowed number of pixels.

    Returns:
        (H, W, 3) uint8 BGR.

    Raises:
        DataError: the file is damaged or too large, or OpenCV cannot decode it.
    """
    if len(data) > MAX_FILE_BYTES:
        raise DataError("%s: expected an image of at most %d bytes, got more" % (name, MAX_FILE_BYTES))
    try:
        header = checked_image(bytes(data), max_pixels, keep_orientation=True)
        image = _decode(bytes(data) if header is None else header.data)
        if image is not None:
            check_size(image.shape[1], image.shape[0], max_pixels)
    except FrameError as error:
        raise DataError("%s: %s" % (name, error))
    except cv2.error as error:
        raise DataError("%s: expected an image, got: %.200s" % (name, reason_of(error)))
    if image is None:
        problem = "that OpenCV cannot read" if header else "that are not one"
        raise DataError("%s: expected an image, got %d bytes %s" % (name, len(data), problem))
    if header and sorted(image.shape[:2]) != sorted((header.width, header.height)):
        problem = "%s: expected an image of %d x %d as its header says, got %d x %d from OpenCV"
        raise DataError(problem % ((name, header.width, header.height) + image.shape[1::-1]))
    return image


def _decode(data: bytes) -> Optional[np.ndarray]:
    """Decode a file to (H, W, 3) uint8 BGR, or return None if OpenCV cannot read it."""
    if not data:
        return None
    encoded = np.frombuffer(data, np.uint8)
    image = cv2.imdecode(encoded, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    if image is None or image.dtype == np.uint8:
        return image
    if image.dtype == np.uint16:
        return to_8_bits(image)
    if image.dtype.kind == "f" and not data.startswith(RADIANCE):
        return _from_floats(image)
    return cv2.imdecode(encoded, cv2.IMREAD_COLOR)  # OpenCV scales other types itself


def _from_floats(image: np.ndarray) -> np.ndarray:
    """Convert samples in 0..1, the range of most writers, or in 0..255 to uint8."""
    finite = np.nan_to_num(image)
    return np.clip(finite * 255 if finite.max() <= 1 else finite, 0, 255).astype(np.uint8)
