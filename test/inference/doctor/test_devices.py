import os

import pytest

from pose_estimation_ros.inference.doctor import devices
from pose_estimation_ros.inference.doctor.finding import BROKEN, MISSING, OK, Finding


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Return a function that lays files out as a system would, and returns {name: finding} of its devices."""
    gpu = Finding("devices", "module", "NVIDIA H100")
    monkeypatch.setattr(devices, "probe", lambda libraries: [gpu for _library in libraries])

    def examine(files):
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return {it.name: it for it in devices.devices(str(tmp_path))}

    return examine


def test_a_machine_that_tells_nothing(root):
    found = root({})
    assert list(found) == ["CPU", "8 bits", "GPU"]
    assert found["CPU"].value.startswith("unknown, ") and found["8 bits"].value.startswith("no dot products")
    assert found["GPU"].value.startswith("none") and {it.state for it in found.values()} == {OK}


def test_a_pc_with_a_graphics_card(root):
    cpu = "model name\t: Intel Xeon\nflags\t\t: fpu avx512_vnni\n"
    found = root({"proc/cpuinfo": cpu, "dev/nvidia0": ""})
    assert found["CPU"].value.startswith("Intel Xeon, ") and found["8 bits"].value == "avx512_vnni"
    assert found["GPU"].value == "NVIDIA H100"


@pytest.mark.parametrize("device", devices.GPU_DEVICES)
def test_a_jetson(root, device):
    found = root({
        device: "",
        "proc/device-tree/model": "NVIDIA Jetson TX2\0",
        "etc/nv_tegra_release": "# R32 (release), REVISION: 7.1, GCID: 29818004, BOARD: t186ref, EABI: aarch64\n",
        "var/lib/nvpmodel/status": "pmode:0003\n",
        "etc/nvpmodel.conf": "< POWER_MODEL ID=3 NAME=MAXP_CORE_ARM >\n",
    })  # fmt: skip
    assert found["board"].value == "NVIDIA Jetson TX2" and found["power mode"].value == "3 MAXP_CORE_ARM"
    assert found["Jetson"].value == "R32 (release), REVISION: 7.1" and found["GPU"].value == "NVIDIA H100"


def test_a_graphics_card_without_cuda_names_the_remedy(tmp_path, monkeypatch):
    """The library is looked for in a process of its own; here its folders are empty, as on a PC without CUDA."""
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "nvidia0").write_text("")
    broken = devices.CUDA._replace(facts="[m.Cuda(library=m.ctypes.CDLL(None))]")
    monkeypatch.setattr(devices, "CUDA", broken)
    found = devices.devices(str(tmp_path))[-1]
    assert (found.name, found.state, found.remedy) == ("GPU", BROKEN, devices.CUDA.remedy)
    assert "CudaError" in found.value and "expected the function" in found.value


def test_no_camera(tmp_path):
    found = devices.cameras(str(tmp_path / "none"), str(tmp_path))
    assert [(it.value, it.state) for it in found] == [("none", MISSING)] and "docs/how-to" in found[0].remedy


def test_cameras_with_and_without_access(tmp_path, monkeypatch):
    for number, name in ((0, "Webcam"), (2, "RealSense")):
        (tmp_path / ("video%d" % number)).write_text("")
        (tmp_path / "system" / ("video%d" % number)).mkdir(parents=True)
        (tmp_path / "system" / ("video%d" % number) / "name").write_text(name)
    monkeypatch.setattr(os, "access", lambda path, _mode: path.endswith("video0"))
    found = devices.cameras(str(tmp_path / "system"), str(tmp_path))
    assert [(it.name, it.value.split(",")[0], it.state) for it in found] == [
        ("0", "Webcam", OK),
        ("2", "RealSense", BROKEN),
    ]
    assert "usermod" in found[1].remedy and found[1].value.endswith("no access")
