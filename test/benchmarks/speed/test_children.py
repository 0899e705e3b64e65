"""Benchmarks that wait for answers of other processes."""

import subprocess
import sys

import pytest

from benchmarks.speed.children import require_running


def start(code):
    return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)


def test_a_process_that_has_ended_ends_the_benchmark_with_its_exit_code():
    lasting, ending = start("input()"), start("raise SystemExit(3)")
    require_running([lasting])
    ending.wait()
    with pytest.raises(SystemExit, match="exit code 3 of .*raise SystemExit"):
        require_running([lasting, ending])
    lasting.communicate(b"\n")
