import json
import os
import subprocess
import sys

import pytest

from pose_estimation_ros.__main__ import main
from pose_estimation_ros.cli import doctor
from pose_estimation_ros.inference.doctor.finding import Finding

FINDING = Finding("libraries", "numpy", "1.19.4")
# Modules that a robot may lack; the command itself must import none of them, to be able to say so.
ABSENT = ("numpy", "cv2", "onnxruntime", "rclpy", "torch", "tqdm")


@pytest.mark.parametrize("reason, status", [("", 0), ("there is no pose model", 1)])
def test_the_exit_code_tells_whether_poses_can_be_computed(monkeypatch, capsys, reason, status):
    monkeypatch.setattr(doctor, "examine", lambda: [FINDING])
    monkeypatch.setattr(doctor, "obstacle", lambda _findings: reason)
    assert main(["doctor"]) == status
    assert "numpy" in capsys.readouterr().out.splitlines()[1]


def test_json(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "examine", lambda: [FINDING])
    main(["doctor", "--json"])
    assert json.loads(capsys.readouterr().out)["findings"]["libraries"][0]["value"] == "1.19.4"


def test_it_works_where_nothing_is_installed(repository, tmp_path):
    """The command runs in a process that cannot import any library, as those that it starts."""
    for name in ABSENT:
        (tmp_path / (name + ".py")).write_text("raise ImportError('%s is damaged')" % name)
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join([str(tmp_path), str(repository)]))
    done = subprocess.run(
        [sys.executable, "-m", "pose_estimation_ros", "doctor", "--json"],
        cwd=str(tmp_path), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
    )  # fmt: skip
    values = json.loads(done.stdout)
    assert done.returncode == 1 and done.stderr == ""
    assert values["obstacle"] == "numpy and cv2 cannot be imported"
    found = {it["name"]: it for it in values["findings"]["libraries"]}
    assert found["numpy"]["value"] == "ImportError: numpy is damaged" and found["numpy"]["state"] == "broken"
    assert values["findings"]["package"] and values["findings"]["extras"] and values["findings"]["devices"]
