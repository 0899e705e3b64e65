"""Choose the definitions by which a bag's messages are read: the bag's own, or those of ROS."""

from __future__ import annotations

from typing import Any

from rosbags.interfaces import Connection, MessageDefinitionFormat
from rosbags.typesys import Stores, get_types_from_idl, get_types_from_msg, get_typestore
from rosbags.typesys.msg import normalize_msgtype
from rosbags.typesys.store import Typestore

from pose_estimation_ros.core.errors import DataError, reason_of
from pose_estimation_ros.evaluation.bag.files.message_types import typestore

IMAGE, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
PARTS = ("std_msgs/msg/Header", "builtin_interfaces/msg/Time")  # messages inside of IMAGE and COMPRESSED


def full_type(name: str) -> str:
    """Complete the name of a type that is written without /msg/, such as sensor_msgs/Image."""
    return normalize_msgtype(name) if name.count("/") == 1 else name


def typestore_of(connection: Connection, is_ros1: bool, where: str) -> Typestore:
    """Choose the definitions for the messages of one connection.

    Args:
        connection: connection of a bag, with a type completed by full_type.
        is_ros1: whether the bag is one of ROS 1.
        where: name of the bag for messages.

    Returns:
        The store to deserialize with.

    Raises:
        DataError: there is no definition, it cannot be parsed, or an image type has other fields than ROS gives it.
    """
    known = get_typestore(Stores.ROS1_NOETIC) if is_ros1 else typestore()
    form, text = connection.msgdef
    of_idl = form == MessageDefinitionFormat.IDL
    if connection.msgtype in known.types and (of_idl or form == MessageDefinitionFormat.NONE):
        return known
    if form == MessageDefinitionFormat.NONE:
        raise DataError(f"{where}: the bag has no definition of {connection.msgtype}, the type of {connection.topic}")
    recorded = parsed(connection.msgtype, text, of_idl, where)
    if connection.msgtype not in (IMAGE, COMPRESSED):
        return recorded
    for part in (connection.msgtype, *PARTS):
        expected, got = (fields(store, part) for store in (known, recorded))
        if got != expected:
            raise DataError(f"{where}: expected {part} with the fields {expected}; got {got[:300] or 'none'}")
    return known


def parsed(msgtype: str, text: str, of_idl: bool, where: str) -> Typestore:
    """Parse a definition.

    Args:
        msgtype: name of the type.
        text: the definition.
        of_idl: whether it is in IDL, not in the format of .msg files.
        where: name of the bag for messages.

    Raises:
        DataError: the definition cannot be parsed.
    """
    try:
        store = get_typestore(Stores.EMPTY)
        store.register(get_types_from_idl(text) if of_idl else get_types_from_msg(text, msgtype))
        return store
    except Exception as error:  # rosbags' parser raises several kinds
        raise DataError(f"{where}: cannot read the bag's definition of {msgtype}: {reason_of(error)}") from error


def fields(store: Typestore, msgtype: str) -> str:
    """Describe the fields of a message as in its definition, without constants; "" for an unknown message.

    Args:
        store: definitions of message types.
        msgtype: name of the type.
    """
    described_fields = store.fielddefs[msgtype][1] if msgtype in store.fielddefs else []
    return ", ".join(f"{described(detail)} {name}" for name, (_, detail) in described_fields)


def described(detail: Any) -> str:
    """Convert the type of a field from rosbags' description to that of a message definition."""
    if isinstance(detail, str):
        return detail
    if isinstance(detail[0], str):
        return detail[0]
    (_, element), count = detail
    return f"{described(element)}[{count or ''}]"
