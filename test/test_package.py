"""Check that facts in several files agree and that the commands and paths in the documents exist."""

import ast
import glob
import os
import re
import sys
import xml.etree.ElementTree as ElementTree

import pytest

import pose_estimation_ros

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DISTROS = ["kilted", "jazzy"]
ROSDEP_KEYS = {
    "aiohttp": "python3-aiohttp",
    "cv2": "python3-opencv",
    "numpy": "python3-numpy",
    "onnxruntime": "python3-onnxruntime-pip",
    "tqdm": "python3-tqdm",
    "yaml": "python3-yaml",
}
# Training, export and evaluation import these, and so do engines other than ONNX Runtime. No node needs them, and they
# have no rosdep keys.
OFFLINE = set("PIL apsw backports h5py jinja2 lightning_fabric lz4 matplotlib onnx pycocotools ray rosbags".split())
OFFLINE |= {"openvino", "tensorboardX", "tensorrt", "torch"}
CONSTRAINTS = ["constraints.txt"] + ["constraints-%s.txt" % distro for distro in DISTROS]


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


def python_sources(*folders):
    """Yield (path, syntax tree) of every Python file below the folders."""
    for folder in folders:
        for path in sorted(glob.glob(os.path.join(ROOT, folder, "**", "*.py"), recursive=True)):
            yield os.path.relpath(path, ROOT), ast.parse(read(path))


def imported_packages(tree):
    """Return the top-level names of all modules that a file imports, in functions too."""
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level]
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args]
    loaders = ("import_module", "__import__", "optional_messages")
    for call in calls:
        name = getattr(call.func, "id", getattr(call.func, "attr", ""))
        if name in loaders and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str):
            names.append(call.args[0].value)
    return {name.split(".")[0] for name in names}


def tracked_files():
    skipped = {"build", "install", "log", "out", "runs", "__pycache__"}
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [f for f in folders if f not in skipped and (not f.startswith(".") or f == ".ci")]
        yield from (os.path.relpath(os.path.join(folder, name), ROOT) for name in names)


def test_name_version_licence_agree():
    assert package_xml("name") == [setup_value("NAME")]
    assert package_xml("version") == [setup_value("VERSION")] == [pose_estimation_ros.__version__]
    assert package_xml("license") == ["Apache-2.0", "Weights for research and evaluation only"]
    assert "Apache License" in read("LICENSE") and "Version 2.0" in read("LICENSE")


def test_package_xml_can_be_released():
    """The file names maintainers, URLs and licences, which rosdistro's reviewers look for."""
    root = ElementTree.fromstring(read("package.xml"))
    assert {element.get("type") for element in root.iter("url")} == {"website", "repository", "bugtracker"}
    people = list(root.iter("maintainer")) + list(root.iter("author"))
    assert len(people) >= 2 and all(re.match(r"[\w.-]+@[\w.-]+\.\w+$", person.get("email")) for person in people)
    reserved = r"[@.](invalid|example|test|localhost|local)\b|example\.(com|org|net)"  # RFC 2606: nobody can be reached
    assert not re.search(reserved, read("package.xml"))
    licences = [element.get("file") for element in root.iter("license")]
    assert licences == ["LICENSE", "models/LICENSE"]
    assert [path for path in licences if not os.path.isfile(os.path.join(ROOT, path))] == []


def test_package_xml_names_every_package_that_is_imported():
    """Each package is a dependency or is named in the comment on optional packages."""
    comment = read("package.xml").split("<!-- Optional packages")[1].split("-->")[0]
    optional = set(re.findall(r"^ +(\w+): ", comment, re.M))
    declared = {name for kind in ("depend", "exec_depend") for name in package_xml(kind)}
    known = declared | optional | {"pose_estimation_ros"}
    missing = {}
    for path, tree in python_sources("pose_estimation_ros", "launch"):
        names = imported_packages(tree) - set(sys.stdlib_module_names) - OFFLINE
        missing.update((name, path) for name in names if ROSDEP_KEYS.get(name, name) not in known)
    assert missing == {}


def test_a_missing_onnxruntime_is_answered_as_the_page_on_installation_does(monkeypatch):
    from pose_estimation_ros.core.errors import ModelError
    from pose_estimation_ros.inference.backends.onnxruntime import OnnxRuntimeBackend

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModelError) as caught:
        OnnxRuntimeBackend("models/lite0_fpn_coco.onnx")
    installation = read("docs", "how-to", "install.md").split("## In a ROS 2 workspace")[1].split("\n## ")[0]
    for advice in ("python3 -m pip install onnxruntime", '"numpy<2"'):
        assert advice in str(caught.value) and advice in installation


def test_type_checkers_find_our_types_where_the_package_is_installed():
    """PEP 561: py.typed lies in the package, and CMake, which makes the wheels too, installs all files but bytecode."""
    assert os.path.isfile(os.path.join(ROOT, "pose_estimation_ros", "py.typed"))
    rule = re.search(r"install\(DIRECTORY \$\{PROJECT_NAME\}/\n([^)]*)\)", read("CMakeLists.txt")).group(1)
    assert re.findall(r'PATTERN "([^"]+)" (\w+)', rule) == [("__pycache__", "EXCLUDE"), ("*.pyc", "EXCLUDE")]
    assert set(re.findall(r"\b[A-Z_]{5,}\b", rule)) == {"DESTINATION", "PATTERN", "EXCLUDE", "PROJECT_NAME"}
    assert "shutil.copytree(package, target)" in read("setup.py")


def test_package_xml_names_every_package_that_cmake_finds():
    packages = set(re.findall(r"find_package\((\w+)", read("CMakeLists.txt")))
    kinds = ("buildtool_depend", "build_depend", "depend", "test_depend")
    assert packages <= {name for kind in kinds for name in package_xml(kind)}


def test_it_is_an_interface_package_built_by_ament_cmake():
    assert package_xml("member_of_group") == ["rosidl_interface_packages"]
    assert package_xml("build_type") == ["ament_cmake"]


def test_every_message_is_generated_and_every_field_commented():
    names = sorted(os.listdir(os.path.join(ROOT, "msg")))
    assert re.findall(r"msg/(\w+\.msg)", read("CMakeLists.txt")) == names
    for name in names:
        fields = [line for line in read("msg", name).splitlines() if line and not line.startswith("#")]
        commented = [line for line in fields if re.match(r"\S+ \w+(=\d+)? +# \S.{10}|uint8 COCO17_\w+=\d+$", line)]
        assert fields and commented == fields, name


def pins(path):
    """Return [(name, marker)] of the lines that pin a version."""
    lines = [line.split("#")[0].split(";") for line in read(path).splitlines() if "==" in line.split("#")[0]]
    return [(line[0].split("==")[0].strip().lower(), "".join(line[1:]).strip()) for line in lines]


def required(*extras):
    """Return the names of the packages that setup.py requires, without bounds of versions."""
    names = setup_value("RUNTIME") + [name for extra in extras for name in setup_value("EXTRAS")[extra]]
    return {re.match(r"[\w.-]+", name).group().lower() for name in names}


@pytest.mark.parametrize("distro", DISTROS)
def test_every_package_of_setup_py_is_pinned(distro):
    extras = set(setup_value("EXTRAS")) - set(DISTROS) | {distro}
    named = [name for path in ("constraints.txt", "constraints-%s.txt" % distro) for name, _marker in pins(path)]
    assert required(*extras) <= set(named)
    assert [name for name in set(required("ros", distro)) if name.startswith("ros-") and named.count(name) != 1] == []


def test_every_package_of_setup_py_has_a_reason_in_the_documentation():
    rows = re.findall(r"^\| ([^|]+) \|", read("docs", "explanation", "dependencies.md"), re.M)
    named = {name.lower() for row in rows for name in re.findall(r"[\w.-]+", row)}
    assert "numpy" in named
    assert required(*set(setup_value("EXTRAS")) - {"ros", "colcon", *DISTROS}) - named == set()


def test_versions_are_pinned_in_the_constraints_alone():
    """Packages of which several versions are needed at once are excepted: constraints cannot name them."""
    pin = re.compile(r"^[^#\n]*\b[A-Za-z][\w.-]*==\d+\.\d", re.M)
    texts = (".py", ".toml", ".cfg", ".txt", ".in", ".yaml", ".xml", "Makefile", "run")
    several = ["test/tensorrt-bindings.txt", "test/inference/trt/test_tensorrt_conformance.py"]
    allowed = CONSTRAINTS + several + ["benchmarks/peers/mediapipe.txt"]
    paths = [path for path in tracked_files() if path.endswith(texts) and path not in allowed]
    assert [path for path in paths if pin.search(read(path))] == []


def test_each_pin_stands_once_per_python():
    for path in CONSTRAINTS:
        assert len(pins(path)) == len(set(pins(path))), path
    markers = {marker for path in CONSTRAINTS for _name, marker in pins(path)}
    pythons = {'>= "3.10"', '>= "3.10" and python_version < "3.14"', '>= "3.14"', '== "3.8"', '< "3.7"'}
    assert markers == {""} | {"python_version " + python for python in pythons}


def test_no_pin_of_a_distribution_contradicts_the_common_ones():
    common = {name for name, _marker in pins("constraints.txt")}
    for distro in DISTROS:
        assert not common & {name for name, _marker in pins("constraints-%s.txt" % distro)}


@pytest.mark.parametrize("version", ["4.11.0.86", "4.12.0.88"])
def test_opencv_that_crashes_on_animated_png_is_refused(version):
    specifiers = pytest.importorskip("packaging.requirements")
    (opencv,) = [name for name in setup_value("RUNTIME") if name.startswith("opencv")]
    allowed = specifiers.Requirement(opencv).specifier
    assert version not in allowed and "4.10.0.84" in allowed and "4.13.0.90" in allowed


@pytest.mark.parametrize("document", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_commands_and_paths_in_documents_exist(document):
    """`make X` is a target, `pose X` is a command, and paths of our folders in backticks exist."""
    text = read(document)
    targets = set(" ".join(re.findall(r"^(\w[\w -]*):", read("Makefile"), re.M)).split())
    assert set(re.findall(r"(?:^|`)make (\w[\w-]*)", text, re.M)) <= targets
    commands = set(re.findall(r"""^ +"([\w-]+)": """, read("pose_estimation_ros", "__main__.py"), re.M))
    assert set(re.findall(r"(?:^|`)pose (\w[\w-]*)", text, re.M)) <= commands
    paths = re.findall(r"`((?:pose_estimation_ros|config|launch|msg|test|tools|models)/[\w./-]*\w)`", text)
    assert [path for path in paths if not os.path.exists(os.path.join(ROOT, path))] == []


def test_no_model_or_data_is_large():
    sizes = {path: os.path.getsize(os.path.join(ROOT, path)) for path in tracked_files() if not path.startswith("runs")}
    limits = {path: (16 if path.startswith("models/") else 8) * 2**20 for path in sizes}  # the largest model has 13 MB
    assert {path: size for path, size in sizes.items() if size > limits[path]} == {}
    assert os.path.getsize(os.path.join(ROOT, "test", "data", "pedestrians.mp4")) <= 2 * 2**20
