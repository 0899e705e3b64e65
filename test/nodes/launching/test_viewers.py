"""Programs that show the results, and how to install them."""

import pytest

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.nodes.launching import packages, viewers
from pose_estimation_ros.nodes.launching.arguments import pose_arguments


def values(**given):
    return dict({argument.name: argument.default for argument in pose_arguments("cpu")}, **given)


@pytest.fixture
def install(monkeypatch, tmp_path):
    """Return a function that installs a package in the second of two prefixes."""
    index = tmp_path / "b" / "share" / "ament_index" / "resource_index" / "packages"
    index.mkdir(parents=True)
    monkeypatch.setenv("AMENT_PREFIX_PATH", "%s:%s" % (tmp_path / "a", tmp_path / "b"))
    monkeypatch.setenv("ROS_DISTRO", "jazzy")
    return lambda package: (index / package).touch()


def test_nothing_is_started_by_default(install):
    assert viewers.rviz(values()) is None and viewers.foxglove_bridge(values(foxglove="false")) is None
    assert viewers.foxglove_bridge(values()) is None


def test_packages_are_found_by_the_index(install, tmp_path, monkeypatch):
    assert packages.share_folder("rviz2") == "" and packages.first_installed(["rviz2", "other"]) == ""
    install("rviz2")
    assert packages.share_folder("rviz2") == str(tmp_path / "b" / "share" / "rviz2")
    assert packages.first_installed(["other", "rviz2"]) == "rviz2"
    monkeypatch.delenv("AMENT_PREFIX_PATH")
    assert packages.share_folder("rviz2") == ""


def test_rviz_that_is_not_installed_is_an_error_with_the_remedy(install, monkeypatch):
    with pytest.raises(ConfigError, match="^expected rviz2 .* not installed: sudo apt install ros-jazzy-rviz2$"):
        viewers.rviz(values(rviz="true"))
    monkeypatch.delenv("ROS_DISTRO")
    with pytest.raises(ConfigError, match="sudo apt install ros-[$]ROS_DISTRO-rviz2$"):
        viewers.rviz(values(rviz="true"))


def test_a_bridge_that_is_not_installed_is_a_warning_because_it_may_run_elsewhere(install, capsys):
    assert viewers.foxglove_bridge(values(foxglove="true")) is None
    line = "warning: foxglove_bridge is not installed, none is started: sudo apt install ros-jazzy-foxglove-bridge\n"
    assert capsys.readouterr().err == line


def test_the_bridge_listens_on_this_machine_and_takes_no_commands(install):
    install("foxglove_bridge")
    (parameters,) = viewers.foxglove_bridge(values(foxglove="true"))["parameters"]
    assert parameters == {"address": "127.0.0.1", "port": 8765, "capabilities": ["connectionGraph", "assets"]}
    given = values(foxglove="true", foxglove_address="0.0.0.0", foxglove_port="9000", use_sim_time="true")
    parameters, clock = viewers.foxglove_bridge(given)["parameters"]
    assert (parameters["address"], parameters["port"], clock) == ("0.0.0.0", 9000, {"use_sim_time": True})


@pytest.mark.parametrize(
    "given, words",
    [
        ({"rviz": "yes"}, "^expected rviz to be true or false, got 'yes'$"),
        ({"foxglove": "1"}, "^expected foxglove to be true or false, got '1'$"),
        ({"foxglove": "true", "foxglove_port": "0"}, "^expected foxglove_port in 1..65535, got 0$"),
        ({"foxglove_port": "99999"}, "^expected foxglove_port in 1..65535, got 99999$"),
    ],
)
def test_bad_values(install, given, words):
    install("foxglove_bridge")
    with pytest.raises(ConfigError, match=words):
        [viewer(values(**given)) for viewer in (viewers.rviz, viewers.foxglove_bridge)]


def test_rviz_runs_on_the_clock_of_the_replay(install):
    install("rviz2")
    assert viewers.rviz(values(rviz="true", use_sim_time="true"))["parameters"] == [{"use_sim_time": True}]
