"""Check that JSON and YAML files have one reader each, which reports every fault of a file in one line."""

import ast
import os

import pytest

PACKAGE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "pose_estimation_ros")
READERS = {"core/atomic_files.py": "json.load", "importing/yaml_files.py": "yaml.safe_load"}
# These texts do not come from a user's files: messages between processes and from a browser, TensorRT's description
# of an engine, and the head by which an engine of Ultralytics is recognised.
OF_NO_FILE = {
    "nodes/web/viewer.py": "json.loads",
    "evaluation/bag/run/worker.py": "json.loads",
    "evaluation/bag/run/processes.py": "json.loads",
    "inference/doctor/probe.py": "json.loads",
    "inference/trt/precision.py": "json.loads",
    "importing/network/foreign_file.py": "json.loads",
}
LOADS = {
    "json": {"load", "loads", "JSONDecoder"},
    "yaml": {"load", "safe_load", "load_all", "safe_load_all", "full_load"},
}


def loads(source):
    """Yield a name such as "json.load" for each call or import of a reader in the source text."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.attr in LOADS.get(node.value.id, ()):
                yield "%s.%s" % (node.value.id, node.attr)
        elif isinstance(node, ast.ImportFrom) and node.module in LOADS:
            yield from ("%s.%s" % (node.module, alias.name) for alias in node.names if alias.name in LOADS[node.module])


def sources():
    for folder, _folders, names in os.walk(PACKAGE):
        for name in sorted(names):
            if name.endswith(".py"):
                path = os.path.join(folder, name)
                with open(path, encoding="utf-8") as file:
                    yield os.path.relpath(path, PACKAGE).replace(os.sep, "/"), file.read()


def test_nobody_else_reads_such_files():
    allowed = dict(READERS, **OF_NO_FILE)
    calls = {(path, call) for path, source in sources() for call in loads(source)}
    assert calls == set(allowed.items())


@pytest.mark.parametrize(
    "source, expected",
    [
        ("", []),
        ("import json\njson.load(f)", ["json.load"]),
        ("from json import loads", ["json.loads"]),
        ("yaml.safe_load(t)", ["yaml.safe_load"]),
        ("json.dumps(x)\nyaml.safe_dump(x)\nself.load(x)", []),
    ],
)
def test_the_test_can_fail(source, expected):
    assert list(loads(source)) == expected
