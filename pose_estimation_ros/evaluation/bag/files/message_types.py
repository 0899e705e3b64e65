"""Message classes for bags, made by rosbags out of definitions: ROS 2 Humble's, and ours from msg/."""

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
from pose_estimation_ros.inference.backends.find import model_folders

OURS = (
    "Keypoint", "Keypoint3D", "Person", "Person3D", "Person3DArray", "PersonArray", "Skeleton", "Timing",
)  # fmt: skip
PERSON_ARRAY = "pose_estimation_ros/msg/PersonArray"
STANDARD = {
    "builtin_interfaces": ("Duration", "Time"),
    "geometry_msgs": ("Point",),
    "sensor_msgs": ("CameraInfo", "CompressedImage", "Image"),
    "std_msgs": ("ColorRGBA", "Header"),
    "visualization_msgs": ("Marker", "MarkerArray"),
}


@functools.cache
def typestore() -> Typestore:
    """Humble's messages, which later distributions have not changed where they occur here, and ours."""
    store = get_typestore(Stores.ROS2_HUMBLE)
    folder = message_folder()
    for name in OURS:
        text = (folder / f"{name}.msg").read_text()
        store.register(get_types_from_msg(text, f"pose_estimation_ros/msg/{name}"))
    return store


def message_folder() -> Path:
    """``msg/`` of the source tree, or ``share/pose_estimation_ros/msg``: beside the models. Raises DataError."""
    folders = [Path(folder).parent / "msg" for folder in model_folders()]
    found = [folder for folder in folders if all((folder / f"{name}.msg").is_file() for name in OURS)]
    if not found:
        raise DataError(f"expected our message definitions in one of {', '.join(map(str, folders))}")
    return found[0]


@functools.cache
def messages() -> SimpleNamespace:
    """The classes by their short names; as rclpy's they take fields as keywords."""
    names = [f"{package}/msg/{name}" for package, own in STANDARD.items() for name in own]
    names += [f"pose_estimation_ros/msg/{name}" for name in OURS]
    return SimpleNamespace(**{os.path.basename(name): with_defaults(name) for name in names})


@functools.cache
def with_defaults(name: str) -> Any:
    """rosbags' class of that message; fields that are not given are zero or empty (rclpy's too, but for a quaternion's
    w, which is 1 there), and a list of numbers becomes the array that rosbags writes.
    """
    plain: Any = typestore().types[name]
    described = dict(typestore().fielddefs[name][1])

    def init(self: Any, **fields: Any) -> None:
        given = {key: converted(described[key], value) for key, value in fields.items()}
        plain.__init__(self, **{key: given[key] if key in given else default(described[key]) for key in described})

    return type(plain.__name__, (plain,), {"__init__": init})


def default(description: Any) -> Any:
    """Zero, empty, or a message of such."""
    kind, detail = description
    if kind == Nodetype.NAME:
        return with_defaults(detail)()
    if kind == Nodetype.BASE:
        return "" if detail[0] == "string" else np.dtype(detail[0]).type(0).item()
    element, length = detail
    count = length if kind == Nodetype.ARRAY else 0
    return converted(description, [default(element) for _ in range(count)])


def converted(description: Any, value: Any) -> Any:
    kind, detail = description
    if kind in (Nodetype.ARRAY, Nodetype.SEQUENCE):
        (element, name), _length = detail
        if element == Nodetype.BASE and name[0] != "string":
            return np.asarray(value, name[0])
    return value


def header(stamp_ns: int, frame_id: str) -> Any:
    own = messages()
    return own.Header(stamp=own.Time(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9), frame_id=frame_id)


def serialized(message: Any) -> bytes:
    """CDR, little endian, as ROS 2 has it on the wire and in bags."""
    return bytes(typestore().serialize_cdr(message, message.__msgtype__))
