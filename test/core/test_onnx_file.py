import os

import numpy as np
import pytest

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.core.onnx_file import check_onnx, has_external_data


def varint(value):
    """The bytes of a whole number as protobuf writes it."""
    groups = [value & 0x7F]
    while value >= 0x80:
        value >>= 7
        groups.append(value & 0x7F)
    return bytes([group | 0x80 for group in groups[:-1]] + groups[-1:])


def field(number, content):
    """A field with bytes, or a whole number, in it."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def nested(*numbers, inner):
    for number in reversed(numbers):
        inner = field(number, inner)
    return inner


EXTERNAL, ENTRY, INLINE = field(14, 1), field(13, field(1, b"location") + field(2, b"w.bin")), field(14, 0)


@pytest.mark.parametrize("place", [
    (7, 5), (7, 15, 1), (7, 15, 2), (7, 1, 5, 5), (7, 1, 5, 10), (7, 1, 5, 22, 1), (7, 1, 5, 23, 2), (7, 1, 5, 6, 5),
    (7, 1, 5, 11, 5), (20, 1, 5), (20, 2, 1, 5, 5), (25, 7, 5, 5), (25, 11, 5), (7, 1, 5, 6, 1, 5, 11, 1, 5, 5),
])  # fmt: skip
@pytest.mark.parametrize("tensor, expected", [
    (b"", False), (INLINE, False), (EXTERNAL, True), (ENTRY, True), (field(9, b"\0" * 40) + EXTERNAL, True),
    (EXTERNAL + INLINE, True), (field(14, 2), True), (field(14, 1 << 32), True),
])  # fmt: skip
def test_wherever_a_tensor_stands(place, tensor, expected):
    model = field(1, 7) + nested(*place, inner=field(8, b"name") + tensor) + field(5, 3)
    assert has_external_data(model) == expected


def test_what_looks_like_it_elsewhere_is_none():
    for place in ((), (7,), (7, 1), (8,), (7, 11)):
        assert not has_external_data(nested(*place, inner=field(13, b"") + field(14, b"")))


@pytest.mark.parametrize("content, why", [
    (b"", "an empty file"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "pointer of Git LFS: run `git lfs pull`"),
    (b"<html>", "a file that is not one"),
    (b"\x08", "a number without an end"),
    (b"\x80" * 20, "a number without an end"),
    (b"\x0b\x0c", "a field of type 3"),
    (b"\x3a\x05abc", "reaches over the end"),
    (b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "reaches over the end"),
    (b"\x09abc", "reaches over the end"),
    (b"\x00\x00", "field number 0"),
    (varint((14 << 3) + (1 << 40)) + b"\x00", "field number"),
    (nested(7, 5, inner=b"\xff"), "a number without an end"),
])  # fmt: skip
def test_files_that_are_no_models(content, why):
    with pytest.raises(ModelError, match="^m.onnx: expected an ONNX model, got .*" + why):
        check_onnx(content, "m.onnx")


def test_hostile_nesting_comes_to_an_end():
    model = b""
    for _ in range(3000):
        model = nested(1, 5, 6, inner=model)
    assert not has_external_data(field(7, model))
    assert has_external_data(field(7, nested(*[1, 5, 6] * 3000, 5, inner=EXTERNAL)))


def test_any_bytes_come_to_an_end():
    random = np.random.RandomState(0)
    for _ in range(2000):
        content = random.bytes(random.randint(1, 200))
        try:
            has_external_data(content)
        except ValueError:
            pass


def test_agrees_with_onnx(save_onnx):
    onnx = pytest.importorskip("onnx")
    nodes = [("Identity", ["value"], ["out"], {})]
    path = save_onnx("one", nodes, {"images": [1]}, {"out": [1000]}, {"value": np.ones(1000)})
    with open(path, "rb") as file:
        check_onnx(file.read(), path)
    other = os.path.join(os.path.dirname(path), "two.onnx")
    onnx.save(onnx.load(path), other, save_as_external_data=True, location="w.bin", size_threshold=0)
    with open(other, "rb") as file, pytest.raises(ModelError, match="weights lie in other files"):
        check_onnx(file.read(), other)


def test_the_shipped_models_are_whole(repository):
    models = sorted((repository / "models").glob("*.onnx"))
    assert models
    for path in models:
        check_onnx(path.read_bytes(), str(path))
