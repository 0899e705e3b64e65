import re

import pytest

from pose_estimation_ros.__main__ import main

pytest.importorskip("rosbags", reason="reads bags")


def test_a_recording_of_the_clip(run_example, clip, tmp_path):
    assert main(["make-bag", clip, "--out", str(tmp_path / "bag")]) == 0
    lines = run_example("evaluate_recording.py", "bag", "out").splitlines()
    found = re.match(r"out/\S*lite0_fpn_coco: (\d+) poses in (\d+) images$", lines[0])
    assert int(found.group(1)) >= 16 and int(found.group(2)) > 3
    assert re.match(r"jitter of people at rest: (None|\d+\.\d+) px$", lines[1])
    assert lines[2:] == ["out/report.html shows all of it"]
    assert (tmp_path / "out" / "report.html").is_file()


def test_a_recording_that_is_not_there(run_example):
    assert "none" in run_example("evaluate_recording.py", "none", "out", status=1)
