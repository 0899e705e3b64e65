"""Check that benchmarks/speed/bench_core.py runs and prints its table."""

import os
import subprocess
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), *[".."] * 3))


def test_the_benchmark_agrees_with_its_references_and_prints_a_row_for_each():
    path = os.path.join(ROOT, "benchmarks", "speed", "bench_core.py")
    environment = dict(os.environ, PYTHONPATH=ROOT)
    out = subprocess.check_output([sys.executable, path], env=environment, universal_newlines=True)
    assert [line.split()[0] for line in out.splitlines()] == ["median", "decode", "crop", "group", "group", "group"]
