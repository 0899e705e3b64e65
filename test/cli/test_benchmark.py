import json

import numpy as np
import pytest

from pose_estimation_ros.__main__ import main
from pose_estimation_ros.cli import benchmark as module
from pose_estimation_ros.imaging.video import VideoWriter
from pose_estimation_ros.inference.benchmark import FRAME_PARTS, WARM_UP, Benchmark
from pose_estimation_ros.inference.options import PipelineOptions

ON_A_CPU = [part for part in FRAME_PARTS if not part.startswith("copy")]


@pytest.fixture
def bench(tmp_path, color_model, capsys):
    """A function that runs `pose benchmark` on a clip of so many frames: (status, stdout, stderr)."""

    def run(frames, *options):
        writer = VideoWriter(str(tmp_path / "clip.mp4"), 10)
        for index in range(frames):
            writer.write(np.full((128, 96, 3), 10 * index, np.uint8))
        writer.close()
        arguments = ["benchmark", str(tmp_path / "clip.mp4"), "--model", color_model, "--detector", "full_frame"]
        status = main(arguments + ["--rounds", "3"] + list(options))
        return (status,) + tuple(capsys.readouterr())

    return run


def test_json(bench):
    status, out, _ = bench(WARM_UP + 4, "--json", "-", "--batches", "1", "3")
    result = json.loads(out)
    assert status == 0 and result["frames"] == 4 and list(result["parts"]) == ON_A_CPU
    for times in [*result["parts"].values(), *(at["models"][0] for at in result["network"])]:
        assert 0 <= times["p50_ms"] <= times["p90_ms"] <= times["p99_ms"]
    assert [at["batch"] for at in result["network"]] == [1, 3]
    assert result["machine"]["versions"]["numpy"] == np.__version__


def test_json_in_a_file_is_what_the_table_shows(bench, tmp_path):
    _, out, _ = bench(WARM_UP + 3, "--frames", "2", "--batches", "0", "--json", str(tmp_path / "new" / "a.json"))
    result = json.loads((tmp_path / "new" / "a.json").read_text())
    assert out.startswith("2 frames of clip.mp4, 0.0 people each; ") and " on onnxruntime, " in out
    rows = out.split("\n\n")[1].splitlines()[1:]
    assert [row[:14].strip() for row in rows] == ON_A_CPU
    assert rows[-1].split()[1] == "%.2f" % result["parts"]["total"]["p50_ms"]
    assert result["network"] == [] and "network, batch" not in out


@pytest.mark.parametrize(
    "frames, options, expected",
    [
        (WARM_UP, [], "expected more than %d frames, got %d" % (WARM_UP, WARM_UP)),
        (WARM_UP + 1, ["--against", "no_such_model"], "no_such_model"),
    ],
)
def test_what_is_refused(bench, frames, options, expected):
    status, _, err = bench(frames, *options)
    assert status == 1 and expected in err


@pytest.mark.parametrize("options", [["--json", "."], ["--against", "nix"], ["--against", "nix", "--batches", "0"]])
def test_faults_are_found_before_frames_are_timed(bench, monkeypatch, options):
    monkeypatch.setattr("pose_estimation_ros.inference.benchmark.time_frames", None)
    status, _, err = bench(1, *options)
    assert status == 1 and ("nix" in err or "cannot write '.': Is a directory" in err)


def test_arguments_are_the_fields_of_the_benchmark(monkeypatch):
    seen = []
    monkeypatch.setattr(module, "run_benchmark", lambda benchmark, *_: seen.append(benchmark) or {})
    monkeypatch.setattr(module, "to_text", str)
    words = "x.mp4 --frames 3 --batches 0 2 --rounds 4 --against m --encoding rgb8 --threads 2"
    assert main(["benchmark"] + words.split()) == 0
    assert seen == [Benchmark("x.mp4", PipelineOptions(threads=2), 3, [2], 4, "m", "rgb8")]


def test_without_an_input_the_test_clip(monkeypatch, capsys, repository):
    assert module.default_input() == str(repository / "test" / "data" / "pedestrians.mp4")
    monkeypatch.setattr(module, "demo_clip", lambda: "/no/clip.mp4")
    assert main(["benchmark"]) == 1 and "expected an INPUT" in capsys.readouterr().err
