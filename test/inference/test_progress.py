import io
import sys

import pytest

from pose_estimation_ros.inference import progress as module
from pose_estimation_ros.inference.progress import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """Every look at the clock is four seconds after the last one."""
    times = iter(range(0, 4000, 4))
    monkeypatch.setattr(module.time, "monotonic", lambda: next(times))


def test_nothing_to_do(capsys):
    assert list(progress([], 0)) == [] and capsys.readouterr().err == ""


@pytest.mark.parametrize("total, shown", [(7, "7"), (None, "?")])
def test_a_log_file_gets_a_line_now_and_then(clock, capsys, total, shown):
    assert list(progress(range(7), total, "images")) == list(range(7))
    assert capsys.readouterr().err == "3/%s images\n6/%s images\n" % (shown, shown)


@pytest.mark.parametrize("terminal", [False, True])
def test_a_process_whose_output_another_one_reads_gets_none(clock, monkeypatch, terminal):
    monkeypatch.setenv(module.OFF, "1")
    monkeypatch.setattr(sys, "stderr", Terminal() if terminal else io.StringIO())
    assert list(progress(range(7), 7)) == list(range(7)) and sys.stderr.getvalue() == ""


def test_a_terminal_gets_a_bar(monkeypatch):
    pytest.importorskip("tqdm", reason="draws the bar")
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert list(progress(range(3), 3)) == [0, 1, 2]
    assert "\r" in sys.stderr.getvalue() and "frames" in sys.stderr.getvalue()


def test_a_terminal_without_tqdm_gets_lines(clock, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(sys, "stderr", Terminal())
    list(progress(range(3), 3))
    assert sys.stderr.getvalue() == "3/3 frames\n"
