"""Read the calibration of a camera from a YAML file as camera_calibration and camera_info_manager write it."""

import os
import stat
from typing import Any, Dict, List, Tuple
from urllib.parse import unquote

import numpy as np
from sensor_msgs.msg import CameraInfo

from pose_estimation_ros.core.camera import make_camera
from pose_estimation_ros.core.errors import ConfigError, DataError, FrameError
from pose_estimation_ros.importing.yaml_files import parse_yaml
from pose_estimation_ros.nodes.launching.packages import apt_line, share_folder

FILE, PACKAGE = "file://", "package://"
MATRICES = (("camera_matrix", "k", 9), ("rectification_matrix", "r", 9), ("projection_matrix", "p", 12))
LARGEST_FILE = 1 << 20  # bytes; a calibration has about 700


def read_camera_info(url: str) -> CameraInfo:
    """Read a calibration.

    Args:
        url: file:///... or package://PACKAGE/..., or a path.

    Returns:
        The message, whose header is empty.

    Raises:
        ConfigError: The URL is of another form, or names a package that is not installed.
        DataError: There is no such file, or it is no calibration.
    """
    path = calibration_path(url)
    try:
        return _message(_load(path))
    except (DataError, FrameError) as error:
        raise DataError("calibration %s: %s" % (path, error))


def calibration_path(url: str) -> str:
    """Return the path of the file that a URL names; see read_camera_info for the argument and the errors."""
    if url.startswith(FILE):
        path = unquote(url[len(FILE) :])
        if not path.startswith("/"):
            raise ConfigError("expected camera_info_url to have three slashes, file:///PATH, got %s" % url)
        return path
    if url.startswith(PACKAGE):
        package, _, inside = unquote(url[len(PACKAGE) :]).partition("/")
        folder = share_folder(package) if package else ""
        if not folder:
            text = "expected the package of camera_info_url %s, it is not installed: %s"
            raise ConfigError(text % (url, apt_line(package)))
        return os.path.join(folder, inside)
    if "://" in url:
        raise ConfigError("expected camera_info_url to be file:///... or package://PACKAGE/..., got %s" % url)
    return os.path.expanduser(url)


def _load(path: str) -> Dict[str, Any]:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # opening a named pipe would wait for its other end
            raise DataError("expected a YAML file, got a folder, device or named pipe")
        with open(path, "rb") as file:
            data = file.read(LARGEST_FILE + 1)
        if len(data) > LARGEST_FILE:
            raise DataError("expected at most %d bytes, got more" % LARGEST_FILE)
        content = parse_yaml(data.decode(), "content", DataError)
    except (OSError, ValueError) as error:
        raise DataError("expected a YAML file, got: %s" % (getattr(error, "strerror", None) or error))
    if not isinstance(content, dict):
        raise DataError("expected the keys image_width, camera_matrix and others, got %.40r" % (content,))
    return content


def _message(content: Dict[str, Any]) -> CameraInfo:
    size_wh = _side(content, "image_width"), _side(content, "image_height")
    model = content.get("distortion_model", "plumb_bob")
    message = CameraInfo(width=size_wh[0], height=size_wh[1], distortion_model=str(model))
    for key, field, count in MATRICES:
        setattr(message, field, _numbers(content, key, count))
    message.d = _numbers(content, "distortion_coefficients", None)
    make_camera(message.k, message.d, message.distortion_model, size_wh)
    return message


def _side(content: Dict[str, Any], key: str) -> int:
    value = content.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 32766:
        raise DataError("expected %s to be a whole number in 1..32766, got %.40r" % (key, value))
    return value


def _numbers(content: Dict[str, Any], key: str, count: Any) -> List[float]:
    """Return the numbers of a matrix.

    Args:
        content: The file's.
        key: Name of the matrix.
        count: How many numbers it has, None for any number.
    """
    value = content.get(key)
    data = value.get("data") if isinstance(value, dict) else value
    try:
        if not isinstance(data, list) or len(data) > 100 or any(isinstance(item, bool) for item in data):
            raise ValueError
        numbers = np.array(data, np.float64)
    except (TypeError, ValueError, OverflowError):
        numbers = np.full((1, 1), np.nan)
    if numbers.ndim != 1 or not np.isfinite(numbers).all() or count not in (None, numbers.size):
        expected = "numbers" if count is None else "%d numbers" % count
        raise DataError("expected %s with data: a list of %s, got %.60r" % (key, expected, value))
    return numbers.tolist()  # type: ignore[no-any-return]


def stamped(info: CameraInfo, header: Any, size_wh: Tuple[int, int]) -> CameraInfo:
    """Return the calibration of one image.

    Args:
        info: The calibration; its header is set.
        header: Header of the image.
        size_wh: (width, height) px of the image.

    Raises:
        DataError: The image is of another size than the calibration.
    """
    if (info.width, info.height) != size_wh:
        calibrated = info.width, info.height
        raise DataError("expected images of %d x %d px, as calibrated, got %d x %d" % (calibrated + size_wh))
    info.header = header
    return info
