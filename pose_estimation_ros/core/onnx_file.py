"""Check the bytes of an ONNX file, without the package onnx, before a runtime opens it.

An ONNX file is a protobuf message (https://protobuf.dev/programming-guides/encoding): fields, each a key, which holds a
number and a wire type, and a value. Only messages that may hold a tensor are entered (ONNX's onnx.proto).
"""

from typing import Dict, Iterator, Tuple

from pose_estimation_ros.core.errors import ModelError

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5  # wire types; those of the former groups, 3 and 4, are in no ONNX file
FIXED_SIZES = {FIXED64: 8, FIXED32: 4}
MESSAGES: Dict[str, Dict[int, str]] = {  # message: {number of a field: the message in it}
    "model": {7: "graph", 20: "training", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
EXTERNAL_DATA, DATA_LOCATION, DEFAULT = 13, 14, 0  # fields of a tensor, and the location in the file itself
LFS = b"version https://git-lfs"


def check_onnx(content: bytes, path: str) -> None:
    """Refuse a file that is no ONNX model or keeps its weights in other files, which its sha256 does not cover.

    Args:
        content: bytes of the file.
        path: its path, for the message.

    Raises:
        ModelError: the file is empty, a pointer of Git LFS, no protobuf, or has external data.
    """
    if not content:
        raise ModelError("%s: expected an ONNX model, got an empty file" % path)
    if content.startswith(LFS):
        raise ModelError("%s: expected an ONNX model, got a pointer of Git LFS: run `git lfs pull`" % path)
    try:
        external = has_external_data(content)
    except ValueError as error:
        raise ModelError("%s: expected an ONNX model, got a file that is not one: %s" % (path, error))
    if external:
        raise ModelError(
            "%s: expected an ONNX model in one file, got one whose weights lie in other files (external data): save it "
            "with onnx.save(onnx.load(path), path)" % path
        )


def has_external_data(content: bytes) -> bool:
    """Tell whether a tensor of an ONNX model lies in another file. Raises ValueError if the file is no protobuf."""
    waiting = [("model", 0, len(content))]  # no recursion: a hostile file may nest messages deep
    while waiting:
        message, start, end = waiting.pop()
        inside = MESSAGES[message]
        for number, wire_type, first, last in _fields(content, start, end):
            if message == "tensor" and (number == EXTERNAL_DATA or number == DATA_LOCATION and first != DEFAULT):
                return True
            if wire_type == LENGTH and number in inside:
                waiting.append((inside[number], first, last))
    return False


def _fields(content: bytes, position: int, end: int) -> Iterator[Tuple[int, int, int, int]]:
    """Yield (number, wire type, begin, end of the value) of each field; for a varint (number, type, value, 0)."""
    while position < end:
        key, position = _varint(content, position, end)
        number, wire_type = key >> 3, key & 7
        if not 1 <= number < 1 << 29:
            raise ValueError("field number %d at byte %d" % (number, position))
        if wire_type == VARINT:
            value, position = _varint(content, position, end)
            yield number, wire_type, value, 0
            continue
        size = FIXED_SIZES.get(wire_type)
        if wire_type == LENGTH:
            size, position = _varint(content, position, end)
        if size is None or size > end - position:
            raise ValueError("a field of type %d reaches over the end at byte %d" % (wire_type, position))
        yield number, wire_type, position, position + size
        position += size


def _varint(content: bytes, position: int, end: int) -> Tuple[int, int]:
    """Return the whole number that begins at a position, and the position after it."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= end:
            break
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError("a number without an end at byte %d" % position)
