"""Find what computes networks on this machine, and its cameras."""

import os
from typing import List

from pose_estimation_ros.core.machine import UNKNOWN, describe_machine, dot_products
from pose_estimation_ros.imaging.cameras import SYSTEM, list_cameras
from pose_estimation_ros.inference.doctor.finding import BROKEN, MISSING, OK, Finding
from pose_estimation_ros.inference.doctor.probe import Library, probe

# Devices of NVIDIA's drivers: of a graphics card, of WSL, of Jetsons up to JetPack 5 and from 6 on.
GPU_DEVICES = ("dev/nvidia0", "dev/dxg", "dev/nvhost-gpu", "dev/nvgpu")
JETPACK = "etc/nv_tegra_release"
CUDA = Library(
    "devices",
    "pose_estimation_ros.inference.trt.cuda",
    "install the driver and CUDA's runtime, see docs/how-to/choose-a-device.md",
    "[text for cuda in [m.Cuda()] for text in (cuda.device_name, cuda.compute_capability, 'CUDA ' + cuda.version)]",
)
NO_CAMERA = "connect one, see docs/how-to/start-your-camera.md; a container needs --device /dev/video0"
NO_ACCESS = "sudo usermod -aG video $USER, then log in again"


def devices(root: str = "/") -> List[Finding]:
    """Return the CPU, what it can do with numbers of 8 bits, the GPU and the Jetson.

    Args:
        root: folder that holds proc, sys, etc, dev and var.
    """
    machine = describe_machine(root)
    instructions = dot_products(root)
    found = [
        Finding("devices", "CPU", "%(cpu)s, %(architecture)s, %(cores)d cores" % machine),
        Finding("devices", "8 bits", instructions or "no dot products: float32 files are as fast and more accurate"),
    ]
    if machine["board"] != UNKNOWN:
        found.append(Finding("devices", "board", machine["board"]))
    if machine["power_mode"] != UNKNOWN:
        found.append(Finding("devices", "power mode", machine["power_mode"]))
    return found + _jetpack(root) + [_gpu(root)]


def cameras(system: str = SYSTEM, folder: str = "/dev") -> List[Finding]:
    """Return the cameras of this machine; none of them is opened.

    Args:
        system: folder in which the kernel lists them.
        folder: that of the devices.
    """
    found = []
    for camera in list_cameras(system, folder):
        value = "%s, %s" % (camera.name, camera.path)
        state = (OK, "") if camera.readable else (BROKEN, NO_ACCESS)
        found.append(Finding("cameras", str(camera.number), value + ("" if camera.readable else ", no access"), *state))
    return found or [Finding("cameras", "V4L2", "none", MISSING, NO_CAMERA)]


def _jetpack(root: str) -> List[Finding]:
    """Return the release of L4T where this is a Jetson."""
    path = os.path.join(root, JETPACK)
    if not os.path.isfile(path):
        return []
    with open(path, errors="replace") as file:
        return [Finding("devices", "Jetson", ",".join(file.readline().strip("# \n").split(",")[:2]))]


def _gpu(root: str) -> Finding:
    if not any(os.path.exists(os.path.join(root, device)) for device in GPU_DEVICES):
        return Finding("devices", "GPU", "none of NVIDIA's: networks run on the CPU")
    return probe([CUDA])[0]._replace(name="GPU")
