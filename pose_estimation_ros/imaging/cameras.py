"""List the cameras of this machine, for messages about one that cannot be opened."""

import os
from typing import List, NamedTuple

SYSTEM = "/sys/class/video4linux"  # where Linux lists its cameras; there is none on other systems


class CameraDevice(NamedTuple):
    """Name a camera of this machine.

    Attributes:
        number: number by which OpenCV opens it.
        name: name that its driver gives.
        path: its device.
        readable: whether this user may open it.
    """

    number: int
    name: str
    path: str
    readable: bool


def list_cameras(system: str = SYSTEM, devices: str = "/dev") -> List[CameraDevice]:
    """Return the cameras of this machine in order of their numbers.

    Args:
        system: folder in which the kernel lists them.
        devices: folder of the devices.
    """
    cameras = []
    for folder in os.listdir(system) if os.path.isdir(system) else ():
        digits, path = folder[len("video") :], os.path.join(devices, folder)
        if not folder.startswith("video") or not digits.isdecimal() or not os.path.exists(path):
            continue  # a container sees the cameras of its host, but not their devices
        if _text(system, folder, "index") in ("0", ""):  # a camera has several devices; the others give no pictures
            name = _text(system, folder, "name") or folder
            cameras.append(CameraDevice(int(digits), name, path, os.access(path, os.R_OK | os.W_OK)))
    return sorted(cameras)


def describe_cameras(cameras: List[CameraDevice]) -> str:
    """Return in words which cameras there are.

    Args:
        cameras: the cameras of this machine.
    """
    if not cameras:
        return "this machine has no camera"
    text = "cameras of this machine: " + ", ".join("%d (%.60s)" % (camera.number, camera.name) for camera in cameras)
    forbidden = [camera.path for camera in cameras if not camera.readable]
    if forbidden:
        text += "; this user may not open %s: sudo usermod -aG video $USER, then log in again" % ", ".join(forbidden)
    return text


def cameras_hint() -> str:
    """Return the end of a message about a camera that cannot be opened: "; " and which cameras there are."""
    return "; " + describe_cameras(list_cameras())


def _text(*path: str) -> str:
    """Return the content of a file of the kernel, "" if there is none."""
    try:
        with open(os.path.join(*path), errors="replace") as file:
            return " ".join(file.read().split())
    except OSError:
        return ""
