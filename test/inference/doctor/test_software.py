import ast
import platform
import sys

import pytest

from pose_estimation_ros import __version__
from pose_estimation_ros.inference.doctor import software
from pose_estimation_ros.inference.doctor.finding import MISSING, OK, Finding

MODULES = {
    "PyYAML": "yaml",
    "pillow": "PIL",
    "Jinja2": "jinja2",
    "lightning-fabric": "lightning_fabric",
}  # by the names of their distributions, where these are others


@pytest.fixture
def no_probe(monkeypatch):
    monkeypatch.setattr(software, "probe", lambda libraries: [Finding(it.part, it.module, "1.0") for it in libraries])


def test_the_package_and_its_python():
    values = {it.name: it.value for it in software.package()}
    assert values["pose_estimation_ros"].startswith(__version__ + " in ")
    assert values["Python"].startswith(platform.python_version())


def test_extras_are_those_of_the_setup(repository):
    tree = ast.parse((repository / "setup.py").read_text())
    values = {node.targets[0].id: node.value for node in tree.body if isinstance(node, ast.Assign)}
    extras = ast.literal_eval(values["EXTRAS"])
    for name, modules in software.EXTRAS.items():
        assert list(modules) == [MODULES.get(distribution, distribution) for distribution in extras[name]]


@pytest.mark.parametrize("version, remedy", [
    ((3, 6, 9), "use Python 3.10 or later on another machine"),
    ((3, 12, 1), sys.executable + " -m pip install 'pose_estimation_ros[train]'"),
])  # fmt: skip
def test_an_extra_names_what_it_lacks(monkeypatch, version, remedy):
    monkeypatch.setattr(software, "is_installed", lambda module: module not in ("torch", "h5py"))
    monkeypatch.setattr(software.sys, "version_info", version)
    found = {it.name: it for it in software.extras()}
    assert (found["web"].state, found["web"].value, found["web"].remedy) == (OK, "complete", "")
    assert (found["train"].state, found["train"].value) == (MISSING, "without torch, h5py")
    assert found["train"].remedy == remedy


@pytest.mark.parametrize("environment, installed, has_rclpy, expected", [
    ({}, [], False, (MISSING, "none", "see docs/how-to/install.md (`pose predict` needs no ROS)")),
    ({}, [], True, (OK, "that of this Python's packages", "")),
    ({}, ["humble", "jazzy"], True, (MISSING, "none sourced, installed: humble, jazzy", "source {}/jazzy/setup.bash")),
    ({"ROS_DISTRO": "kilted"}, ["humble"], True, (OK, "kilted", "")),
])  # fmt: skip
def test_the_distribution(tmp_path, monkeypatch, no_probe, environment, installed, has_rclpy, expected):
    monkeypatch.setattr(software, "is_installed", lambda _module: has_rclpy)
    for name in installed:
        (tmp_path / name).mkdir()
    found = software.ros(environment, str(tmp_path))
    state, value, remedy = expected
    assert found[0] == Finding("ROS", "distribution", value, state, remedy.format(tmp_path))
    assert [it.name for it in found[1:]] == ["rclpy", "pose_estimation_ros.msg"]


def test_settings_of_the_network_are_shown_where_there_are_any(tmp_path, no_probe):
    environment = {"ROS_DISTRO": "jazzy", "ROS_DOMAIN_ID": "7", "RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp"}
    found = software.ros(environment, str(tmp_path))
    assert [(it.name, it.value) for it in found[3:]] == [
        ("RMW_IMPLEMENTATION", "rmw_cyclonedds_cpp"),
        ("ROS_DOMAIN_ID", "7"),
    ]


def test_the_libraries_of_this_machine_are_found():
    found = {it.name: it for it in software.libraries()}
    assert found["numpy"].state == OK and found["numpy"].value[0].isdigit()
    assert found["onnxruntime"].state == MISSING or "CPUExecutionProvider" in found["onnxruntime"].value
    assert all(it.remedy for it in found.values() if it.state != OK)
