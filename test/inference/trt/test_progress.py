import sys
import threading
import types

import pytest

from pose_estimation_ros.inference.trt import progress as engine_progress
from pose_estimation_ros.inference.trt.progress import watch_build


class Monitored:
    """As TensorRT 8.6 and later: a module and a builder's configuration."""

    IProgressMonitor = type("IProgressMonitor", (), {})
    progress_monitor = None


def test_without_a_monitor_the_time_is_told(monkeypatch):
    monkeypatch.setattr(engine_progress, "EVERY_S", 0.001)
    told = threading.Event()
    with watch_build(
        types.SimpleNamespace(), types.SimpleNamespace(), lambda line: "building for" in line and told.set()
    ):
        assert told.wait(10)


def test_phases_become_bars_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    trt = Monitored()
    with watch_build(trt, trt, print):
        monitor = trt.progress_monitor
        monitor.phase_start("Building engine", None, 4)
        monitor.phase_start("Timing tactics", "Building engine", 2)
        assert monitor.step_complete("Timing tactics", 0) and monitor.step_complete("Timing tactics", 1)
        monitor.phase_finish("Timing tactics")
        assert monitor.step_complete("Building engine", 1)
        assert monitor.bars["Building engine"].n == 2
    shown = capsys.readouterr().err
    assert "Building engine" in shown and "Timing tactics" in shown and "2/2" not in shown.splitlines()[-1]


def test_ctrl_c_ends_the_build_and_goes_on_afterwards():
    trt = Monitored()
    with pytest.raises(KeyboardInterrupt):
        with watch_build(trt, trt, print):
            monitor = trt.progress_monitor
            monitor.phase_start("Building engine", None, 4)
            monitor.bars["Building engine"].update = lambda _n: (_ for _ in ()).throw(KeyboardInterrupt())
            assert not monitor.step_complete("Building engine", 0), "false asks TensorRT to stop"
