"""checkpoint.py: a checkpoint is evaluated as the ONNX file that `pose export` makes of it."""

import subprocess

import pytest

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.evaluation.exported import exported


@pytest.mark.parametrize("free_size", [False, True])
def test_the_export_command(tmp_path, monkeypatch, free_size):
    commands = []

    def run(command, **_options):
        commands.append(command)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    path = exported("runs/elpn/best.ckpt", tmp_path, free_size)
    assert path == tmp_path / "elpn_best.onnx"
    (command,) = commands
    assert command[1:] == (
        ["-m", "pose_estimation_ros", "export", "runs/elpn/best.ckpt", "--out", str(tmp_path), "--name", "elpn_best"]
        + ["--free-size"] * free_size
    )


@pytest.mark.parametrize(
    "stderr, said",
    [
        ("", "exit status 1"),
        ("a warning\npose: error: cannot read checkpoint b.ckpt\n", "cannot read checkpoint b.ckpt"),
    ],
)
def test_an_export_that_fails_says_why(tmp_path, monkeypatch, stderr, said):
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 1, "", stderr))
    with pytest.raises(ModelError, match=f"^cannot export a/b.ckpt: {said}$"):
        exported("a/b.ckpt", tmp_path, False)
