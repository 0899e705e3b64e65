"""The example in C++ fits the messages: compiled, against the headers of this tree's .msg files and ROS's own."""

import os
import re
import shutil
import subprocess
import sys

import pytest

PACKAGE = "pose_estimation_ros"
TYPES = {"string": "std::string", "float32": "float", "float64": "double"}
OF_ROS = {"std_msgs/Header": "", "geometry_msgs/Point": "double x, y, z;", "geometry_msgs/Vector3": "double x, y, z;"}
TYPES.update({kind: kind.replace("/", "::msg::") for kind in OF_ROS})
TYPES.update({kind: "std::%s_t" % kind for kind in ("int8", "uint8", "int16", "uint16", "int32", "uint32")})
FIELD = re.compile(r"^([\w/]+)(?:\[(?:<=\d+)?(\d*)\])? +(\w+) *(?:#.*)?$")  # a bound does not count

needs_compiler = pytest.mark.skipif(not shutil.which("g++"), reason="needs g++")


def file_name(message):
    """The name of a message's header, as rosidl makes it: PersonArray -> person_array.hpp."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", message).lower() + ".hpp"


def header_of(message, text):
    """A struct with the fields of a .msg file, as rosidl_generator_cpp makes it, but for all that is not a field."""
    includes, fields = {"<array>", "<cstdint>", "<string>", "<vector>"}, []
    for kind, length, name in (match.groups() for match in map(FIELD.match, text.splitlines()) if match):
        if kind in OF_ROS:
            includes.add('"%s"' % header_of_ros(kind))
        elif kind not in TYPES:
            includes.add('"%s/msg/%s"' % (PACKAGE, file_name(kind)))
        cpp = TYPES.get(kind, kind)
        cpp = cpp if length is None else "std::array<%s, %s>" % (cpp, length) if length else "std::vector<%s>" % cpp
        fields.append("  %s %s;" % (cpp, name))
    lines = ["#include " + name for name in sorted(includes)]
    body = "namespace %s::msg { struct %s {\n%s\n}; }" % (PACKAGE, message, "\n".join(fields))
    return "\n".join(["#pragma once", *lines, body, ""])


def header_of_ros(kind):
    """The path of the header of one of ROS's own messages: std_msgs/Header -> std_msgs/msg/header.hpp."""
    package, message = kind.split("/")
    return "%s/msg/%s" % (package, file_name(message))


@pytest.fixture(params=["of_this_tree", "of_ros"])
def includes(request, tmp_path, repository):
    """The folders with the headers of the messages."""
    if request.param == "of_ros":
        folder = os.path.join(sys.prefix, "include")
        if not os.path.isdir(os.path.join(folder, PACKAGE, PACKAGE, "msg")):
            pytest.skip("needs the messages built by ROS in this environment")
        return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    folder = tmp_path / "include"
    (folder / PACKAGE / "msg").mkdir(parents=True)
    for kind, fields in OF_ROS.items():
        package, message = kind.split("/")
        (folder / header_of_ros(kind)).parent.mkdir(parents=True, exist_ok=True)
        text = "#pragma once\nnamespace %s::msg { struct %s {%s}; }\n" % (package, message, fields)
        (folder / header_of_ros(kind)).write_text(text)
    for path in (repository / "msg").glob("*.msg"):
        (folder / PACKAGE / "msg" / file_name(path.stem)).write_text(header_of(path.stem, path.read_text()))
    return [str(folder)]


@pytest.fixture
def compile_text(tmp_path, repository, includes):
    """A function: C++ -> the compiler's errors."""

    def check(text):
        (tmp_path / "subscriber.cpp").write_text(text)
        folders = ["-I%s" % (repository / "test" / "fakes")]
        folders += [part for folder in includes for part in ("-isystem", folder)]
        command = ["g++", "-std=c++17", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", *folders]
        done = subprocess.run(
            [*command, str(tmp_path / "subscriber.cpp")], stderr=subprocess.PIPE, universal_newlines=True
        )
        return done.stderr if done.returncode else ""

    return check


@pytest.fixture
def text(repository):
    return (repository / "examples" / "subscriber.cpp").read_text()


@needs_compiler
def test_it_compiles(compile_text, text):
    assert compile_text(text) == ""


@needs_compiler
@pytest.mark.parametrize("field", ["keypoints", "persons", "track_id", "score"])
def test_another_field_does_not(compile_text, text, field):
    assert "no member named" in compile_text(re.sub(r"\b(\w+\.)?(\w+(\[\w+\])?)\.%s\b" % field, r"\1\2.nothing", text))


def test_headers_by_hand():
    text = "# A comment.\nuint8 STATE_LOST=3  # a constant\nPerson[<=9] persons # p\nfloat32[4] box  # b\nstring name\n"
    assert header_of("PersonArray", text).splitlines()[1:] == [
        '#include "pose_estimation_ros/msg/person.hpp"', "#include <array>", "#include <cstdint>", "#include <string>",
        "#include <vector>", "namespace pose_estimation_ros::msg { struct PersonArray {",
        "  std::vector<Person> persons;", "  std::array<float, 4> box;", "  std::string name;", "}; }",
    ]  # fmt: skip
    assert file_name("PersonArray") == "person_array.hpp" and file_name("Keypoint") == "keypoint.hpp"
