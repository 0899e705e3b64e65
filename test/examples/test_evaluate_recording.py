import re

import pytest

from pose_estimation_ros.__main__ import main

pytest.importorskip("rosbags", reason="reads bags")


def test_a_recording_of_the_clip(run_example, clip, tmp_path):
    assert main(["make-bag", clip, "--out", str(tmp_path / "bag")]) == 0
    (line,) = run_example("evaluate_recording.py", "bag", "out").splitlines()
    found = re.match(r"out/\S*lite0_fpn_coco: (\d+) people, (\d+) frames with nobody$", line)
    assert int(found.group(1)) >= 16 and int(found.group(2)) == 0
    assert (tmp_path / "out" / "report.html").is_file()


def test_a_recording_that_is_not_there(run_example):
    assert "none" in run_example("evaluate_recording.py", "none", "out", status=1)
