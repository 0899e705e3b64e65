"""Make message classes for bags with rosbags, from the definitions of ROS 2 Humble and of this package."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.resources import resource_folders

MESSAGE_NAMES = (
    "Keypoint", "Keypoint3D", "Person", "Person3D", "PersonArray3D", "PersonArray", "Skeleton", "Timing",
)  # fmt: skip
PERSON_ARRAY, SKELETON = "pose_estimation_ros/msg/PersonArray", "pose_estimation_ros/msg/Skeleton"
STANDARD = {
    "builtin_interfaces": ("Duration", "Time"),
    "geometry_msgs": ("Point", "Vector3"),
    "sensor_msgs": ("CameraInfo", "CompressedImage", "Image"),
    "std_msgs": ("ColorRGBA", "Header"),
    "visualization_msgs": ("Marker", "MarkerArray"),
}


@functools.cache
def typestore() -> Typestore:
    """Return the definitions of Humble and of this package.

    Later distributions have not changed the messages of Humble that are used here.
    """
    store = get_typestore(Stores.ROS2_HUMBLE)
    folder = message_folder()
    for name in MESSAGE_NAMES:
        text = (folder / f"{name}.msg").read_text()
        store.register(get_types_from_msg(text, f"pose_estimation_ros/msg/{name}"))
    return store


def message_folder() -> Path:
    """Find ``msg/`` of the source tree, or ``share/pose_estimation_ros/msg``, beside the models.

    Raises:
        DataError: neither exists.
    """
    folders = [Path(folder) for folder in resource_folders("msg")]
    for folder in folders:
        if all((folder / f"{name}.msg").is_file() for name in MESSAGE_NAMES):
            return folder
    raise DataError(f"expected the message definitions of this package in one of {', '.join(map(str, folders))}")


@functools.cache
def messages() -> SimpleNamespace:
    """Return the message classes by their short names; like those of rclpy they take fields as keywords."""
    names = [f"{package}/msg/{name}" for package, names in STANDARD.items() for name in names]
    names += [f"pose_estimation_ros/msg/{name}" for name in MESSAGE_NAMES]
    return SimpleNamespace(**{os.path.basename(name): with_defaults(name) for name in names})


@functools.cache
def with_defaults(name: str) -> Any:
    """Make a message class whose fields have defaults.

    Fields that are not given are zero or empty, as in rclpy; only the w of a quaternion would be 1 there. A list of
    numbers becomes the array that rosbags writes.
    """
    plain: Any = typestore().types[name]
    described = dict(typestore().fielddefs[name][1])

    def init(self: Any, **fields: Any) -> None:
        values = {key: converted(described[key], value) for key, value in fields.items()}
        plain.__init__(self, **{key: values[key] if key in values else default(described[key]) for key in described})

    return type(plain.__name__, (plain,), {"__init__": init})


def default(description: Any) -> Any:
    """Return the default of a field, as rosbags describes its type: zero, empty, or a message of such."""
    kind, detail = description
    if kind == Nodetype.NAME:
        return with_defaults(detail)()
    if kind == Nodetype.BASE:
        return "" if detail[0] == "string" else np.dtype(detail[0]).type(0).item()
    element, length = detail
    count = length if kind == Nodetype.ARRAY else 0
    return converted(description, [default(element) for _ in range(count)])


def converted(description: Any, value: Any) -> Any:
    """Convert a list of numbers to an array; other values stay as they are.

    Args:
        description: type of the field, as rosbags describes it.
        value: value of the field.
    """
    kind, detail = description
    if kind in (Nodetype.ARRAY, Nodetype.SEQUENCE):
        (element, name), _length = detail
        if element == Nodetype.BASE and name[0] != "string":
            return np.asarray(value, name[0])
    return value


def header(stamp_ns: int, frame_id: str) -> Any:
    """Make a Header message.

    Args:
        stamp_ns: time.
        frame_id: name of the coordinate frame.
    """
    classes = messages()
    return classes.Header(stamp=classes.Time(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9), frame_id=frame_id)


def serialized(message: Any) -> bytes:
    """Serialize a message as ROS 2 does on the wire and in bags: CDR, little endian."""
    return bytes(typestore().serialize_cdr(message, message.__msgtype__))
