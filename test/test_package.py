"""What stands in more than one file agrees, and what the documents tell people to type exists."""

import ast
import os
import re
import xml.etree.ElementTree as ElementTree

import pytest

import pose_estimation_ros

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def read(*path):
    with open(os.path.join(ROOT, *path)) as file:
        return file.read()


def setup_value(name):
    for node in ast.parse(read("setup.py")).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == name:
            return ast.literal_eval(node.value)
    raise AssertionError("setup.py has no %s" % name)


def package_xml(tag):
    return [element.text for element in ElementTree.fromstring(read("package.xml")).iter(tag)]


def tracked_files():
    skipped = {"build", "install", "log", "out", "runs", "__pycache__"}
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [f for f in folders if f not in skipped and (not f.startswith(".") or f == ".ci")]
        yield from (os.path.relpath(os.path.join(folder, name), ROOT) for name in names)


def test_name_version_licence_agree():
    assert package_xml("name") == [setup_value("NAME")]
    assert package_xml("version") == [setup_value("VERSION")] == [pose_estimation_ros.__version__]
    assert package_xml("license") == ["Apache-2.0"]
    assert "Apache License" in read("LICENSE") and "Version 2.0" in read("LICENSE")


def test_it_is_an_interface_package_built_by_ament_cmake():
    assert package_xml("member_of_group") == ["rosidl_interface_packages"]
    assert package_xml("build_type") == ["ament_cmake"]


def test_every_message_is_generated_and_every_field_commented():
    names = sorted(os.listdir(os.path.join(ROOT, "msg")))
    assert re.findall(r"msg/(\w+\.msg)", read("CMakeLists.txt")) == names
    for name in names:
        fields = [line for line in read("msg", name).splitlines() if line and not line.startswith("#")]
        assert fields and all(re.match(r"\S+ \w+(=\d+)? +# \S.{10}", line) for line in fields), name


def test_versions_are_pinned_in_one_place():
    """constraints.txt pins all that setup.py names, and no other file pins anything.

    But for what comes in several versions at once, which no constraints can hold.
    """
    pinned = {line.split("==")[0].lower() for line in read("constraints.txt").splitlines() if "==" in line}
    names = set(setup_value("RUNTIME")).union(*setup_value("EXTRAS").values())
    assert {name.lower() for name in names} <= pinned
    pin = re.compile(r"^[^#]*\b[A-Za-z][\w.-]*==\d+\.\d", re.M)
    texts = (".py", ".toml", ".cfg", ".txt", ".in", ".yaml", ".xml", "Makefile", "run")
    allowed = ("constraints.txt", "test/tensorrt-bindings.txt", "test/inference/test_tensorrt_conformance.py")
    others = [path for path in tracked_files() if path.endswith(texts) and path not in allowed]
    assert [path for path in others if pin.search(read(path))] == []


def test_each_pin_stands_once_per_python():
    lines = [line.split(";") for line in read("constraints.txt").splitlines() if "==" in line]
    keys = [(line[0].split("==")[0].lower(), "".join(line[1:]).strip()) for line in lines]
    assert len(keys) == len(set(keys))
    assert {marker for _name, marker in keys} == {"", 'python_version >= "3.10"', 'python_version < "3.7"'}


@pytest.mark.parametrize("document", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_what_documents_tell_to_type_exists(document):
    """`make X` are targets, `pose X` are commands, and paths in backticks that name a file of ours are there."""
    text = read(document)
    targets = set(" ".join(re.findall(r"^(\w[\w -]*):", read("Makefile"), re.M)).split())
    assert set(re.findall(r"(?:^|`)make (\w[\w-]*)", text, re.M)) <= targets
    commands = set(re.findall(r"""^ +"([\w-]+)": """, read("pose_estimation_ros", "__main__.py"), re.M))
    assert set(re.findall(r"(?:^|`)pose (\w[\w-]*)", text, re.M)) <= commands
    paths = re.findall(r"`((?:pose_estimation_ros|config|launch|msg|test|tools|models)/[\w./-]*\w)`", text)
    assert [path for path in paths if not os.path.exists(os.path.join(ROOT, path))] == []


def test_no_model_or_data_is_large():
    sizes = {path: os.path.getsize(os.path.join(ROOT, path)) for path in tracked_files() if not path.startswith("runs")}
    most = {path: (16 if path.startswith("models/") else 8) * 2**20 for path in sizes}  # the largest model has 13 MB
    assert {path: size for path, size in sizes.items() if size > most[path]} == {}
    assert os.path.getsize(os.path.join(ROOT, "test", "data", "pedestrians.mp4")) <= 2 * 2**20
