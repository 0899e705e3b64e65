"""Check that benchmarks/tracking/depth.py prints its table on a small camera."""

import sys

from benchmarks.tracking import depth
from pose_estimation_ros.core.camera import make_camera

SMALL = make_camera([131.25, 0, 79.5, 0, 131.25, 59.5, 0, 0, 1], [], "plumb_bob", (160, 120))


def test_the_table_has_its_rows_and_the_window_beats_the_pixel(monkeypatch, capsys):
    monkeypatch.setattr(depth, "CAMERA", SMALL)
    monkeypatch.setattr(sys, "argv", ["depth.py", "--frames", "1"])
    depth.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line[:26].strip() for line in lines[1:-1:2]] == [
        "exact", "noise and holes", "table and post", "both", "both, noisy keypoints",
    ]  # fmt: skip
    window, one_pixel = (float(line[26:].split()[0]) for line in lines[1:3])
    assert 0 < window < one_pixel
