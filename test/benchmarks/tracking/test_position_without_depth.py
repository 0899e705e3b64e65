"""Check that benchmarks/tracking/position_without_depth.py prints its tables, and that its people are what they say."""

import sys

import numpy as np

from benchmarks.tracking import position_without_depth as benchmark
from pose_estimation_ros.core.space.people_3d import FROM_GROUND, FROM_HEIGHT


def test_the_tables_have_their_rows(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["position_without_depth.py", "--people", "4"])
    monkeypatch.setattr(benchmark, "CASES", benchmark.CASES[:3])
    benchmark.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line[:25].strip() for line in lines] == [
        "by body height", "no error", "standing", "walking",
        "by the feet on the ground", "no error", "standing", "walking",
        lines[-1][:25].strip(),
    ]  # fmt: skip
    assert "ms of processor time per person" in lines[-1]


def test_without_errors_both_ways_are_right():
    people = benchmark.sample(benchmark.CASES[0], 8)
    for source in (FROM_HEIGHT, FROM_GROUND):
        figures = benchmark.figures(
            people, benchmark.guessed(benchmark.CASES[0], people, source == FROM_GROUND), source
        )
        assert figures[0] > 20 and figures[4] < 6


def test_postures():
    """Bones keep their lengths, and hips are where the posture says, in body heights."""
    random, index = np.random.RandomState(0), benchmark.JOINT
    for name, least, most in (("standing", 0.4, 0.5), ("sitting", 0.2, 0.3), ("bent", 0.4, 0.5)):
        joints = benchmark.posture_of(name, random)
        above = joints[benchmark.HIPS, 1].mean() - joints[benchmark.ANKLES, 1].mean()
        assert least < above < most
        thigh = np.linalg.norm(joints[index["left_hip"]] - joints[index["left_knee"]])
        trunk = np.linalg.norm(joints[benchmark.HIPS].mean(0) - joints[benchmark.SHOULDERS].mean(0))
        assert abs(thigh - benchmark.THIGH) < 1e-9 and abs(trunk - 0.29) < 1e-9
