import json

import numpy as np
import pytest

from pose_estimation_ros.__main__ import main
from pose_estimation_ros.inference.benchmark import STAGES, WARM_UP
from pose_estimation_ros.inference.video import VideoWriter


@pytest.fixture
def bench(tmp_path, color_model, capsys):
    """A function that runs `pose bench` on a clip of so many frames."""

    def run(frames, *options):
        writer = VideoWriter(str(tmp_path / "clip.mp4"), 10)
        for index in range(frames):
            writer.write(np.full((128, 96, 3), 10 * index, np.uint8))
        writer.close()
        arguments = ["bench", str(tmp_path / "clip.mp4"), "--model", color_model, "--detector", "full_frame"]
        status = main(arguments + list(options))
        return (status,) + tuple(capsys.readouterr())

    return run


def test_the_stages_add_up(bench):
    status, out, _ = bench(WARM_UP + 4, "--json")
    result = json.loads(out)
    assert status == 0 and result["frames"] == 4
    for percentile in ("p50_ms", "p99_ms"):
        parts = [result[stage][percentile] for stage in STAGES]
        assert min(parts) >= 0 and max(parts[:-1]) <= parts[-1] + 0.01
    assert all(result[stage]["p50_ms"] <= result[stage]["p99_ms"] for stage in STAGES)


def test_the_table_names_stages_and_backend(bench):
    _, out, _ = bench(WARM_UP + 3, "--frames", "2")
    assert out.startswith("2 frames, ") and "on onnxruntime" in out
    assert [line.split()[0] for line in out.splitlines()[2:]] == STAGES


def test_too_few_frames(bench):
    status, _, err = bench(WARM_UP)
    assert status == 1 and "expected more than %d frames, got %d" % (WARM_UP, WARM_UP) in err
