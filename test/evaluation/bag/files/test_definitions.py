"""Bags that define images in their own way: refused by the fields, never by an exception of another kind."""

import pytest
from rosbags.interfaces import Connection, MessageDefinition, MessageDefinitionFormat
from rosbags.typesys import Stores, get_typestore

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.evaluation.bag.files.definitions import COMPRESSED, IMAGE, full_type, typestore_of
from pose_estimation_ros.evaluation.bag.files.message_types import typestore

SEPARATOR = "=" * 80
TIME = f"{SEPARATOR}\nMSG: builtin_interfaces/Time\nint32 sec\nuint32 nanosec\n"
HEADER = f"{SEPARATOR}\nMSG: std_msgs/Header\nbuiltin_interfaces/Time stamp\nstring frame_id\n"
IMAGE_TEXT = (
    "# An image\nstd_msgs/Header header\nuint32 height\nuint32 width\nstring encoding\nuint8 is_bigendian\n"
    f"uint32 step\nuint8[] data\n{HEADER}{TIME}"
)


def connection(text, msgtype=IMAGE, form=MessageDefinitionFormat.MSG):
    return Connection(1, "/image", msgtype, MessageDefinition(form, text), "", 1, None, None)


@pytest.mark.parametrize(
    "name, full",
    [
        ("sensor_msgs/Image", IMAGE),
        (IMAGE, IMAGE),
        ("std_srvs/srv/Empty_Request", "std_srvs/srv/Empty_Request"),
        ("Image", "Image"),
        ("", ""),
    ],
)
def test_full_types(name, full):
    assert full_type(name) == full


def test_rosbags_own_definitions_are_known():
    for store, is_ros1 in ((typestore(), False), (get_typestore(Stores.ROS1_NOETIC), True)):
        for msgtype in (IMAGE, COMPRESSED):
            text = store.generate_msgdef(msgtype, ros_version=1 if is_ros1 else 2)[0]
            assert typestore_of(connection(text, msgtype), is_ros1, "bag").types[msgtype] is store.types[msgtype]


def test_comments_and_constants_are_no_difference():
    assert typestore_of(connection("uint8 MONO=1\n" + IMAGE_TEXT), False, "bag") is typestore()


@pytest.mark.parametrize(
    "old, new",
    [
        ("std_msgs/Header header\n", ""),
        ("uint8[] data", "float32[] data"),
        ("uint8[] data", "string data"),
        ("uint8[] data", "uint8[4] data"),
        ("uint8[] data", "uint8[] data\nuint8[] more"),
        ("uint32 height", "string height"),
        ("uint32 height\nuint32 width", "uint32 width\nuint32 height"),
        ("string encoding", "uint8 encoding"),
        ("string encoding", "string[] encoding"),
        ("int32 sec\n", "int64 sec\n"),
        ("int32 sec\n", "string sec\n"),
        ("builtin_interfaces/Time stamp", "int32 stamp"),
        ("std_msgs/Header header", "string header"),
    ],
)
def test_images_with_other_fields(old, new):
    assert old in IMAGE_TEXT
    words = (
        "cannot read the bag's definition"
        if "sec" in old
        else "expected [a-z_]*/msg/[A-Z][a-z]* with the fields .*; got "
    )
    with pytest.raises(DataError, match=f"^bag: {words}"):
        typestore_of(connection(IMAGE_TEXT.replace(old, new, 1)), False, "bag")


@pytest.mark.parametrize(
    "text", ["?!", "", "Image again", "sensor_msgs/Image again", "no_such/Type x", "\0", "a" * 10**5]
)
def test_definitions_that_are_none(text):
    with pytest.raises(DataError, match="^bag: "):
        typestore_of(connection(text), False, "bag")


def test_no_definition():
    with pytest.raises(DataError, match="the bag has no definition of own_msgs/msg/Thing, the type of /image"):
        typestore_of(connection("", "own_msgs/msg/Thing", MessageDefinitionFormat.NONE), False, "bag")
    assert typestore_of(connection("", IMAGE, MessageDefinitionFormat.NONE), False, "bag") is typestore()
