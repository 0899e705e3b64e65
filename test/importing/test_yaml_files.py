"""Check yaml_files.py, the one reader of YAML files."""

import pytest

from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.importing.yaml_files import parse_yaml, read_yaml


def chain(count, repeated, first="[x]", each="[%s]"):
    """Return YAML with lists, or what else each of them is, of which each repeats the one before."""
    lines = ["k: &a0 " + first]
    lines += ["k: &a%d %s" % (i, each % ", ".join(["*a%d" % (i - 1)] * repeated)) for i in range(1, count)]
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    "text, value",
    [
        ("", None),
        ("a: [1, {b: ü}]", {"a": [1, {"b": "ü"}]}),
        ("[[[]]]", [[[]]]),
        ("{a: &a [1], b: [*a, *a]}", {"a": [1], "b": [[1], [1]]}),
        ("{a: &a {x: 1}, b: {<<: *a, y: 2}}", {"a": {"x": 1}, "b": {"x": 1, "y": 2}}),
    ],
)
def test_yaml(tmp_path, text, value):
    (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
    assert parse_yaml(text, "x") == read_yaml(tmp_path / "x.yaml") == value


@pytest.mark.parametrize(
    "content, words",
    [
        (b"[" * 20000, "nested too deep"),
        (b"a: " + b"{ " * 100, "nested too deep"),
        (b"[a," * 500, "expected YAML, got: "),
        (b"\xfc: 1", "in UTF-8"),
        (b"x: 2001-99-99", "month must be"),
        (b"a: b: c", "mapping values"),
        (b"!!int", "string index out of range"),  # PyYAML's constructors raise errors of any kind
        (b"!!float", "expected YAML, got: "),
        (b"!!timestamp x", "expected YAML, got: "),
        (chain(10, 10), "at most 1000000 values"),
        (chain(3000, 1), "at most 1000000 values"),
        ("".join("%sa:\n" % (i * " ") for i in range(1000)).encode(), "nested too deep"),
        (chain(40, 2, "{x: 1}", "{<<: [%s]}"), "at most 1000000 values"),  # a merge copies at once
        (b"&a [*a]", "at most 1000000 values"),
        (b"&a {b: {c: *a}}", "at most 1000000 values"),
    ],
)
def test_invalid_yaml_is_an_error(tmp_path, content, words):
    (tmp_path / "x.yaml").write_bytes(content)
    for error in (ConfigError, DataError):
        with pytest.raises(error, match="x.yaml: .*" + words):
            read_yaml(tmp_path / "x.yaml", error)
