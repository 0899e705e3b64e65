"""What a timing was taken on, as far as the platform tells: what it does not tell is "unknown", never a guess."""

import glob
import os
import platform
import re
import sys
from typing import Any, Dict, List, Tuple

UNKNOWN = "unknown"
LIBRARIES = ("numpy", "cv2", "onnxruntime", "tensorrt", "openvino")
CPU = "sys/devices/system/cpu/cpu%d/cpufreq/"
# A TX2's and other Jetsons' GPUs; names differ from one L4T to the next.
GPU_CLOCKS = (
    "sys/devices/gpu.0/devfreq/*/cur_freq",
    "sys/class/devfreq/*gpu*/cur_freq",
    "sys/class/devfreq/*gv11b/cur_freq",
)
NVPMODEL = ("var/lib/nvpmodel/status", "etc/nvpmodel.conf")
THERMAL = "sys/class/thermal/"
NO_SENSORS = ("PMIC-Die",)  # TX2, Nano and Xavier give it a constant 100 degrees
POSSIBLE_C = (-50, 150)  # a Jetson's zone that is switched off tells -256 degrees, or nothing
# Cooling devices that slow something down, in contrast to fans; Jetsons' alerts, and the kernel's own.
SLOWING = r"throttle|balanced|^(?:thermal-)?(?:cpufreq|devfreq)|^Processor$"


def describe_machine(root: str = "/") -> Dict[str, Any]:
    """board, cpu, cores (that this process may use), governor, cpu_mhz (now and at most, per core), gpu_mhz,
    power_mode, and versions of Python and of the libraries loaded so far.

    root: where /proc, /sys, /etc and /var are.
    """
    return {
        "board": _read(root, "proc/device-tree/model", "sys/devices/virtual/dmi/id/product_name"),
        "cpu": _cpu_name(root),
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
    """power_mode, gpu_mhz, temperatures_c {zone: its hottest sensor} and throttled [what heat slows down] now.

    For asking again and again: some 20 small files.
    """
    return {
        "power_mode": _power_mode(root),
        "gpu_mhz": _mhz(_read(root, *GPU_CLOCKS), 1e6),
        "temperatures_c": _temperatures(root),
        "throttled": _throttled(root),
    }


def versions() -> Dict[str, str]:
    """Of the libraries that this process has loaded."""
    return {name: str(getattr(sys.modules[name], "__version__", UNKNOWN)) for name in LIBRARIES if name in sys.modules}


def _read(root: str, *patterns: str) -> str:
    """The first of these files that can be read, without what ends it."""
    for path in (path for pattern in patterns for path in sorted(glob.glob(os.path.join(root, pattern)))):
        try:
            with open(path) as file:
                return file.read().strip("\0 \n") or UNKNOWN
        except (OSError, UnicodeDecodeError):
            continue
    return UNKNOWN


def _temperatures(root: str) -> Dict[str, float]:
    found: Dict[str, float] = {}
    for zone, millidegrees in _typed(root, "thermal_zone*", "temp"):
        degrees = millidegrees / 1e3
        if zone not in NO_SENSORS and POSSIBLE_C[0] < degrees < POSSIBLE_C[1]:
            found[zone] = max(degrees, found.get(zone, degrees))
    return found


def _throttled(root: str) -> List[str]:
    states = _typed(root, "cooling_device*", "cur_state")
    return sorted({kind for kind, state in states if state > 0 and re.search(SLOWING, kind)})


def _typed(root: str, folders: str, file: str) -> List[Tuple[str, int]]:
    """(type, value) of the kernel's thermal devices; a zone that is switched off cannot be read."""
    paths = sorted(glob.glob(os.path.join(root, THERMAL, folders)))
    read = [(_read(path, "type"), _read(path, file)) for path in paths]
    return [(kind, int(value)) for kind, value in read if re.match(r"-?\d+$", value)]


def _cpu_name(root: str) -> str:
    """x86 names its CPU in every entry, ARM a "Hardware" at the end or nothing."""
    found = re.search(r"^(?:model name|Hardware)\s*:\s*(.+)$", _read(root, "proc/cpuinfo"), re.MULTILINE)
    return found.group(1).strip() if found else UNKNOWN


def _mhz(text: str, unit_per_mhz: float) -> Any:
    return round(int(text) / unit_per_mhz) if text.isdigit() else UNKNOWN


def _same(values: List[str]) -> str:
    return ", ".join(sorted(set(values)))


def _power_mode(root: str) -> str:
    """Of nvpmodel: its number, which it keeps in its status file, and the name that its configuration gives it."""
    number = re.search(r"\d+", _read(root, NVPMODEL[0]))
    if not number:
        return UNKNOWN
    mode = int(number.group())
    name = re.search(r"<\s*POWER_MODEL\s+ID=%d\s+NAME=(\S+?)\s*>" % mode, _read(root, NVPMODEL[1]))
    return "%d %s" % (mode, name.group(1)) if name else str(mode)
