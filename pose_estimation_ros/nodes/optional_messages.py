"""Message classes of packages that need not be installed: imported when an output that needs them is asked for."""

import importlib
from types import SimpleNamespace
from typing import Sequence

from pose_estimation_ros.core.errors import ConfigError


def optional_messages(package: str, names: Sequence[str]) -> SimpleNamespace:
    """Classes of a package by name. Raises ConfigError where it is not installed, or too old to have them."""
    try:
        module = importlib.import_module(package + ".msg")
    except ImportError as error:
        debian = package.replace("_", "-")
        raise ConfigError("expected %s, install ros-$ROS_DISTRO-%s: %s" % (package, debian, error))
    missing = [name for name in names if not hasattr(module, name)]
    if missing:
        raise ConfigError("expected a %s that has %s" % (package, ", ".join(missing)))
    return SimpleNamespace(**{name: getattr(module, name) for name in names})
