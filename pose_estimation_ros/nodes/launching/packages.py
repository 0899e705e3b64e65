"""Find other ROS packages, and say how to install those that are missing; it needs neither launch nor rclpy."""

import os
from typing import Sequence


def share_folder(package: str) -> str:
    """Return the share folder of an installed ROS package, "" where it is not installed.

    A package is installed in a prefix that AMENT_PREFIX_PATH names if the prefix's ament index lists it (REP-122 and
    ament's design of its resource index).
    """
    for prefix in filter(None, os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)):
        if os.path.isfile(os.path.join(prefix, "share", "ament_index", "resource_index", "packages", package)):
            return os.path.join(prefix, "share", package)
    return ""


def first_installed(packages: Sequence[str]) -> str:
    """Return the first of these packages that is installed, "" where none is."""
    return next((package for package in packages if share_folder(package)), "")


def apt_line(package: str) -> str:
    """Return the command that installs the Debian package of a ROS package."""
    distro = os.environ.get("ROS_DISTRO") or "$ROS_DISTRO"
    return "sudo apt install ros-%s-%s" % (distro, package.replace("_", "-"))
