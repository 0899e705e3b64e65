"""Check that benchmarks/speed/bench_core.py agrees with its references and prints its table."""

import importlib
import os

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), *[".."] * 3))


def test_the_benchmark_agrees_with_its_references_and_prints_a_row_for_each(monkeypatch, capsys):
    monkeypatch.syspath_prepend(os.path.join(ROOT, "benchmarks", "speed"))
    bench_core = importlib.import_module("bench_core")
    for name in ("REPEATS", "GROUP_REPEATS", "SLOW_REPEATS"):
        monkeypatch.setattr(bench_core, name, 1)
    monkeypatch.setattr(bench_core, "CROWDS", ((1, 17), (3, 133)))
    bench_core.main()
    rows = ["median", "decode", "crop", "group", "group", "group", "dark", "dark", "simcc", "simcc", "300", "300"]
    rows += ["draw", "draw"]
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == rows
