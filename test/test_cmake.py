"""Check that CMakeLists.txt configures with every form of the message generator and that it can install links.

The tests compile nothing; `make build` does that.
"""

import os
import re
import shutil
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
GENERATOR = "rosidl_generator_py"
LINES = "rosidl_generator_py_generate_interfaces.cmake"
PREFIXES = [sys.prefix] + os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
INSTALLED = [prefix for prefix in PREFIXES if os.path.isdir(os.path.join(prefix, "share", GENERATOR))]
pytestmark = pytest.mark.skipif(not (INSTALLED and shutil.which("cmake")), reason="needs ROS and cmake")


def configure(source, build, *options):
    """Run CMake's configure step; return its exit status and output."""
    environment = dict(os.environ)
    for name in ("AMENT_PREFIX_PATH", "CMAKE_PREFIX_PATH"):
        environment[name] = os.pathsep.join(filter(None, [sys.prefix, os.environ.get(name)]))
    environment["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
    python = ["-DPython3_EXECUTABLE=" + sys.executable, "-DBUILD_TESTING=OFF"]
    run = ["cmake", "-S", str(source), "-B", str(build), *python, *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "universal_newlines": True}
    done = subprocess.run(run, env=environment, **pipes)
    return done.returncode, done.stdout


def link_source(folder):
    """Make a source tree of links to this one, to which other files can be added."""
    folder.mkdir()
    for name in os.listdir(ROOT):
        if not name.startswith(".") and name not in ("build", "install", "log", "out", "runs"):
            (folder / name).symlink_to(os.path.join(ROOT, name))
    return folder


def overlay(prefix, scope):
    """Copy the installed generator's CMake files below a prefix, with the include folders in another scope.

    Args:
        prefix: A new folder, pathlib.Path.
        scope: PRIVATE, as in stock Jazzy, Kilted and Rolling, or PUBLIC, as in the wheels.

    Returns:
        The option that makes CMake take the copy.
    """
    share = prefix / "share" / GENERATOR
    shutil.copytree(os.path.join(INSTALLED[0], "share", GENERATOR), str(share))
    (prefix / "lib").symlink_to(os.path.join(INSTALLED[0], "lib"))
    path = share / "cmake" / LINES
    text, count = re.subn(
        r"(target_include_directories\(\$\{_target_name_lib\}\s+)(?:PUBLIC|PRIVATE)(\s+\$\{Python3_INCLUDE_DIRS\})",
        r"\g<1>%s\g<2>" % scope,
        path.read_text(),
    )
    if not count:
        pytest.skip("the generator of this ROS has another form than the wheels' one: %s" % path)
    path.write_text(text)
    return "-D%s_DIR=%s" % (GENERATOR, share / "cmake")


def exported_includes(build):
    """Return the generator's include folders in the file that `find_package(pose_estimation_ros)` reads."""
    files = list(build.glob("CMakeFiles/Export/**/*rosidl_generator_pyExport.cmake"))
    assert files, "no exported targets below %s" % build
    return " ".join(re.findall(r"INTERFACE_INCLUDE_DIRECTORIES \"(.*)\"", files[0].read_text()))


@pytest.mark.parametrize("numpy_in_source", [False, True])
@pytest.mark.parametrize("scope", ["PUBLIC", "PRIVATE"])
def test_it_configures_against_every_generator(tmp_path, scope, numpy_in_source):
    """CMake refuses to export a path in the source tree, such as numpy's headers in an environment there."""
    numpy = pytest.importorskip("numpy")
    source, options = link_source(tmp_path / "source"), [overlay(tmp_path / "prefix", scope)]
    if numpy_in_source:
        (source / "venv" / "numpy").mkdir(parents=True)
        (source / "venv" / "numpy" / "include").symlink_to(numpy.get_include())
        options.append("-DPython3_NumPy_INCLUDE_DIR=%s" % (source / "venv" / "numpy" / "include"))
    status, output = configure(source, tmp_path / "build", *options)
    assert status == 0 and "NOTFOUND" not in output, output
    assert not re.search("numpy|NOTFOUND", exported_includes(tmp_path / "build"))


def test_a_symlink_install_copies_no_file_of_ours(tmp_path):
    """If install() has an option that ament's links do not support, ament copies files, and edits have no effect."""
    status, output = configure(link_source(tmp_path / "source"), tmp_path / "build", "-DAMENT_CMAKE_SYMLINK_INSTALL=1")
    assert status == 0, output
    copies = re.findall(r"file\(INSTALL.*", (tmp_path / "build" / "cmake_install.cmake").read_text())
    assert [rule for rule in copies if str(tmp_path / "source") in rule] == []
    links = (tmp_path / "build" / "ament_cmake_symlink_install" / "ament_cmake_symlink_install.cmake").read_text()
    assert len(re.findall(r"^ament_cmake_symlink_install_directory\(.* \"pose_estimation_ros/\"", links, re.M)) == 1
