import sys
from types import SimpleNamespace

import pytest

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.nodes.optional_messages import optional_messages


def test_classes_of_an_installed_package(monkeypatch):
    module = SimpleNamespace(IdsList=int, Skeleton2D=float)
    monkeypatch.setitem(sys.modules, "hri_msgs", SimpleNamespace(msg=module))
    monkeypatch.setitem(sys.modules, "hri_msgs.msg", module)
    assert optional_messages("hri_msgs", ["IdsList"]).IdsList is int
    with pytest.raises(ConfigError, match="a hri_msgs that has Gaze"):
        optional_messages("hri_msgs", ["IdsList", "Gaze"])


def test_a_package_that_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "foxglove_msgs", None)
    with pytest.raises(ConfigError, match="expected foxglove_msgs, install ros-.ROS_DISTRO-foxglove-msgs"):
        optional_messages("foxglove_msgs", ["Color"])
