import json
import platform

import numpy
import pytest

from pose_estimation_ros.inference.machine import UNKNOWN, describe_machine, versions

CONF = "< POWER_MODEL ID=0 NAME=MAXN >\nCPU_ONLINE CORE_0 1\n< POWER_MODEL ID=3 NAME=MAXP_CORE_ARM >\n"


@pytest.fixture
def root(tmp_path):
    """A function that lays files out as a system would, and describes that."""

    def describe(files):
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return describe_machine(str(tmp_path))

    return describe


def test_what_the_platform_does_not_tell_is_unknown(root):
    found = root({})
    for name in ("board", "cpu", "load", "governor", "cpu_mhz_max", "gpu_mhz", "power_mode"):
        assert found[name] == UNKNOWN
    assert set(found["cpu_mhz"]) == {UNKNOWN}


def test_a_tx2(root):
    """Files as JetPack 4.6 has them."""
    cpu = "sys/devices/system/cpu/cpu0/cpufreq/"
    files = {
        "proc/device-tree/model": "quill\0",
        "proc/cpuinfo": "processor\t: 0\nmodel name\t: ARMv8 Processor rev 3 (v8l)\nBogoMIPS\t: 62.50\n",
        "etc/nvpmodel.conf": CONF,
        "var/lib/nvpmodel/status": "pmode:0003\n",
        cpu + "scaling_governor": "schedutil\n",
        cpu + "scaling_cur_freq": "2035200\n",
        cpu + "scaling_max_freq": "2035200\n",
        "sys/devices/gpu.0/devfreq/17000000.gp10b/cur_freq": "1300500000\n",
    }
    found = root(files)
    assert (found["board"], found["cpu"]) == ("quill", "ARMv8 Processor rev 3 (v8l)")
    assert found["power_mode"] == "3 MAXP_CORE_ARM"
    assert "schedutil" in found["governor"] and found["cpu_mhz"][0] == found["cpu_mhz_max"] == 2035
    assert found["gpu_mhz"] == 1300


@pytest.mark.parametrize(
    "files, expected",
    [
        ({"var/lib/nvpmodel/status": ""}, UNKNOWN),
        ({"var/lib/nvpmodel/status": "pmode:0001"}, "1"),
        ({"var/lib/nvpmodel/status": "pmode:0001", "etc/nvpmodel.conf": CONF}, "1"),
        ({"var/lib/nvpmodel/status": "pmode:0000", "etc/nvpmodel.conf": CONF}, "0 MAXN"),
    ],
)
def test_power_modes(root, files, expected):
    assert root(files)["power_mode"] == expected


def test_an_unreadable_clock_is_unknown(root):
    assert root({"sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "<unknown>"})["cpu_mhz"][0] == UNKNOWN


def test_this_machine_can_be_described_and_written():
    found = json.loads(json.dumps(describe_machine()))
    assert found["versions"]["python"] == platform.python_version() and found["cores"] >= 1


def test_versions_are_those_of_loaded_libraries():
    assert versions()["numpy"] == numpy.__version__
    assert "no_such_library" not in versions()
