import json
import platform

import numpy
import pytest

from pose_estimation_ros.core.machine import UNKNOWN, describe_heat, describe_machine, dot_products, versions

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


CASCADE_LAKE = "flags\t\t: fpu avx2 avx512f avx512bw avx512vl avx512_vnni\n"
HASWELL = "flags\t\t: fpu avx2 fma\n"


@pytest.mark.parametrize(
    "cpuinfo, found",
    [
        (None, ""),
        ("", ""),
        ("processor\t: 0\n" + HASWELL, ""),
        ("flags\t\t: avx512f avx512bw avx512vl avx512_vbmi\n", ""),  # AVX-512 of Skylake, without VNNI
        (2 * ("processor\t: 0\n" + CASCADE_LAKE), "avx512_vnni"),
        (CASCADE_LAKE + HASWELL, ""),  # a core that lacks it
        ("flags\t\t: fpu avx2 avx_vnni\nbugs\t\t: spectre_v1\n", "avx_vnni"),
        ("vmx flags\t: avx_vnni\n" + HASWELL, ""),
        (
            "Features\t: fp asimd aes crc32 atomics asimdhp cpuid asimdrdm lrcpc dcpop asimddp\n",
            "asimddp",
        ),  # Orin
        ("Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32\n", ""),  # a TX2
    ],
)
def test_dot_products_are_those_of_all_cores(tmp_path, cpuinfo, found):
    if cpuinfo is not None:
        (tmp_path / "proc").mkdir()
        (tmp_path / "proc" / "cpuinfo").write_text(cpuinfo)
    assert dot_products(str(tmp_path)) == found


def test_this_machine_can_be_described_and_written():
    found = json.loads(json.dumps(describe_machine()))
    assert found["versions"]["python"] == platform.python_version() and found["cores"] >= 1


def test_versions_are_those_of_loaded_libraries():
    assert versions()["numpy"] == numpy.__version__
    assert "no_such_library" not in versions()


def thermal(zones=(), coolers=()):
    """Files of the kernel's thermal class."""
    files = {}
    for index, (kind, millidegrees) in enumerate(zones):
        folder = "sys/class/thermal/thermal_zone%d/" % index
        files.update({folder + "type": kind + "\n", folder + "temp": millidegrees + "\n"})
    for index, (kind, state) in enumerate(coolers):
        folder = "sys/class/thermal/cooling_device%d/" % index
        files.update({folder + "type": kind + "\n", folder + "cur_state": "%d\n" % state})
    return files


@pytest.mark.parametrize(
    "zones, coolers, temperatures_c, throttled",
    [
        ([], [], {}, []),
        (  # a TX2
            [("BCPU-therm", "41500"), ("GPU-therm", "39000"), ("Tdiode_tegra", "38250"), ("PMIC-Die", "100000")],
            [("bcpu-throttle-alert", 0), ("pwm-fan", 3), ("gpu-throttle-alert", 1)],
            {"BCPU-therm": 41.5, "GPU-therm": 39.0, "Tdiode_tegra": 38.25},
            ["gpu-throttle-alert"],
        ),
        (  # an Orin: a zone that is off tells nothing or -256 degrees
            [("cpu-thermal", "49718"), ("gpu-thermal", "-256000"), ("cv0-thermal", ""), ("tj-thermal", "50000")],
            [("cpu-throttle-alert", 0), ("hot-surface-alert", 0)],
            {"cpu-thermal": 49.718, "tj-thermal": 50.0},
            [],
        ),
        (  # a PC
            [("acpitz", "27800"), ("acpitz", "29800"), ("x86_pkg_temp", "-3000")],
            [("Processor", 0), ("Processor", 2), ("Fan", 1), ("intel_powerclamp", 1)],
            {"acpitz": 29.8, "x86_pkg_temp": -3.0},
            ["Processor"],
        ),
    ],
)
def test_heat(root, tmp_path, zones, coolers, temperatures_c, throttled):
    root(thermal(zones, coolers))
    found = describe_heat(str(tmp_path))
    assert found["temperatures_c"] == temperatures_c and found["throttled"] == throttled
    assert (found["power_mode"], found["gpu_mhz"]) == (UNKNOWN, UNKNOWN)


def test_power_mode_and_clock_are_those_of_now(root, tmp_path):
    clock = "sys/devices/gpu.0/devfreq/17000000.gp10b/cur_freq"
    for status, hertz, expected in (
        ("0000", "1300500000", ("0 MAXN", 1300)),
        ("0003", "114750000", ("3 MAXP_CORE_ARM", 115)),
    ):
        root({"etc/nvpmodel.conf": CONF, "var/lib/nvpmodel/status": "pmode:" + status, clock: hertz})
        found = describe_heat(str(tmp_path))
        assert (found["power_mode"], found["gpu_mhz"]) == expected


def test_this_machine_s_heat_is_described_and_written():
    assert set(json.loads(json.dumps(describe_heat()))) == {"power_mode", "gpu_mhz", "temperatures_c", "throttled"}
