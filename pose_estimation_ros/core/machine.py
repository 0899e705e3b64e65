"""Describe the machine on which a timing was measured. Facts that the platform does not report are "unknown"."""

import glob
import os
import platform
import re
import sys
from typing import Any, Dict, FrozenSet, List, Tuple, Union

UNKNOWN = "unknown"
LIBRARIES = ("numpy", "cv2", "onnxruntime", "tensorrt", "openvino")
CPU = "sys/devices/system/cpu/cpu%d/cpufreq/"
# Dot products of 8-bit numbers with sums of 32 bits, by the kernel's names. The last is that of ARM's SDOT and UDOT.
DOT_PRODUCTS = ("avx512_vnni", "avx_vnni", "asimddp")
# GPUs of the TX2 and other Jetsons; the names differ between releases of L4T.
GPU_CLOCKS = (
    "sys/devices/gpu.0/devfreq/*/cur_freq",
    "sys/class/devfreq/*gpu*/cur_freq",
    "sys/class/devfreq/*gv11b/cur_freq",
)
NVPMODEL = ("var/lib/nvpmodel/status", "etc/nvpmodel.conf")
THERMAL = "sys/class/thermal/"
NO_SENSORS = ("PMIC-Die",)  # TX2, Nano and Xavier report a constant 100 degrees
POSSIBLE_C = (-50, 150)  # a zone of a Jetson that is switched off reports -256 degrees, or nothing
# Types of cooling devices that slow something down, unlike fans: the alerts of Jetsons and those of the kernel.
THROTTLING = r"throttle|balanced|^(?:thermal-)?(?:cpufreq|devfreq)|^Processor$"


def describe_machine(root: str = "/") -> Dict[str, Any]:
    """Describe the board, its clocks and the versions of software.

    Args:
        root: folder that holds proc, sys, etc and var.

    Returns:
        board, cpu, architecture, cores (that this process may use), load, governor, cpu_mhz (of each core),
        cpu_mhz_max, gpu_mhz, power_mode, and versions of Python, the kernel and the libraries loaded so far.
    """
    return {
        "board": _read(root, "proc/device-tree/model", "sys/devices/virtual/dmi/id/product_name"),
        "cpu": cpu_name(root),
        "architecture": platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "load": _read(root, "proc/loadavg"),
        "governor": _same([_read(root, CPU % core + "scaling_governor") for core in range(os.cpu_count() or 1)]),
        "cpu_mhz": [_mhz(_read(root, CPU % core + "scaling_cur_freq"), 1e3) for core in range(os.cpu_count() or 1)],
        "cpu_mhz_max": _mhz(_read(root, CPU % 0 + "scaling_max_freq"), 1e3),
        "gpu_mhz": _mhz(_read(root, *GPU_CLOCKS), 1e6),
        "power_mode": _power_mode(root),
        "versions": dict(versions(), python=platform.python_version(), kernel=platform.release()),
    }


def describe_heat(root: str = "/") -> Dict[str, Any]:
    """Describe the temperatures and what they slow down; cheap enough to be asked often (some 20 small files).

    Args:
        root: folder that holds sys, etc and var.

    Returns:
        power_mode, gpu_mhz, temperatures_c {zone: of its hottest sensor} and throttled [parts that heat slows down].
    """
    return {
        "power_mode": _power_mode(root),
        "gpu_mhz": _mhz(_read(root, *GPU_CLOCKS), 1e6),
        "temperatures_c": _temperatures(root),
        "throttled": _throttled(root),
    }


def dot_products(root: str = "/") -> str:
    """Return the instructions for dot products of 8-bit numbers that all cores have, out of DOT_PRODUCTS; "" for none.

    Without them x86 adds pairs of products in 16 bits, where they saturate.

    Args:
        root: folder that holds proc.
    """
    lines = re.findall(r"^(?:flags|Features)\s*:(.*)$", _read(root, "proc/cpuinfo"), re.MULTILINE)
    shared: FrozenSet[str] = frozenset.intersection(*(frozenset(line.split()) for line in lines or [""]))
    return next((name for name in DOT_PRODUCTS if name in shared), "")


def versions() -> Dict[str, str]:
    """Return the versions of the libraries in LIBRARIES that this process has loaded."""
    return {name: str(getattr(sys.modules[name], "__version__", UNKNOWN)) for name in LIBRARIES if name in sys.modules}


def _read(root: str, *patterns: str) -> str:
    """Return the text of the first of these files that can be read, without its line end."""
    for path in (path for pattern in patterns for path in sorted(glob.glob(os.path.join(root, pattern)))):
        try:
            with open(path) as file:
                return file.read().strip("\0 \n") or UNKNOWN
        except (OSError, UnicodeDecodeError):
            continue
    return UNKNOWN


def _temperatures(root: str) -> Dict[str, float]:
    hottest: Dict[str, float] = {}
    for zone, millidegrees in _thermal_values(root, "thermal_zone*", "temp"):
        degrees = millidegrees / 1e3
        if zone not in NO_SENSORS and POSSIBLE_C[0] < degrees < POSSIBLE_C[1]:
            hottest[zone] = max(degrees, hottest.get(zone, degrees))
    return hottest


def _throttled(root: str) -> List[str]:
    states = _thermal_values(root, "cooling_device*", "cur_state")
    return sorted({kind for kind, state in states if state > 0 and re.search(THROTTLING, kind)})


def _thermal_values(root: str, folders: str, file: str) -> List[Tuple[str, int]]:
    """Return (type, value) of the thermal devices of the kernel, except those that are switched off."""
    paths = sorted(glob.glob(os.path.join(root, THERMAL, folders)))
    values = [(_read(path, "type"), _read(path, file)) for path in paths]
    return [(kind, int(value)) for kind, value in values if re.match(r"-?\d+$", value)]


def cpu_name(root: str = "/") -> str:
    """Return the name of the CPU: x86 writes it in every entry, ARM a "Hardware" at the end or nothing."""
    match = re.search(r"^(?:model name|Hardware)\s*:\s*(.+)$", _read(root, "proc/cpuinfo"), re.MULTILINE)
    return match.group(1).strip() if match else UNKNOWN


def _mhz(text: str, unit_per_mhz: float) -> Union[int, str]:
    return round(int(text) / unit_per_mhz) if text.isdigit() else UNKNOWN


def _same(values: List[str]) -> str:
    return ", ".join(sorted(set(values)))


def _power_mode(root: str) -> str:
    """Return number and name of the power mode, from the status file and the configuration of nvpmodel."""
    number = re.search(r"\d+", _read(root, NVPMODEL[0]))
    if not number:
        return UNKNOWN
    mode = int(number.group())
    name = re.search(r"<\s*POWER_MODEL\s+ID=%d\s+NAME=(\S+?)\s*>" % mode, _read(root, NVPMODEL[1]))
    return "%d %s" % (mode, name.group(1)) if name else str(mode)
