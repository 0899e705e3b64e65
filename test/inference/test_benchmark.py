import ctypes
import itertools

import numpy as np
import pytest

from pose_estimation_ros.cli.benchmark import make_message
from pose_estimation_ros.core.errors import ConfigError, PoseError
from pose_estimation_ros.core.timing import take_turns
from pose_estimation_ros.imaging.encodings import decode_image
from pose_estimation_ros.imaging.video import VideoWriter
from pose_estimation_ros.inference import benchmark as module
from pose_estimation_ros.inference.backends.base import Backend
from pose_estimation_ros.inference.backends.open import open_model
from pose_estimation_ros.inference.benchmark import (
    ENCODERS,
    FRAME_PARTS,
    WARM_UP,
    Benchmark,
    image_fields,
    run_benchmark,
    time_frame,
    to_text,
)
from pose_estimation_ros.inference.build import build_pipeline
from pose_estimation_ros.inference.options import PipelineOptions

ON_A_CPU = [part for part in FRAME_PARTS if not part.startswith("copy")]


@pytest.fixture
def bench(tmp_path, color_model):
    """A function that times a clip of so many frames; keywords are options of the pipeline or of the benchmark."""

    def run(frames, **settings):
        writer = VideoWriter(str(tmp_path / "clip.mp4"), 10)
        for index in range(frames):
            writer.write(np.full((128, 96, 3), 10 * index, np.uint8))
        writer.close()
        options = {name: settings.pop(name) for name in set(settings) & set(PipelineOptions._fields)}
        options = PipelineOptions(**dict({"model": color_model, "detector": "full_frame"}, **options))
        benchmark = Benchmark(str(tmp_path / "clip.mp4"), options, rounds=3)._replace(**settings)
        return run_benchmark(benchmark, make_message)

    return run


def test_the_parts_of_a_frame_add_up_to_its_total(color_model, blob, monkeypatch):
    """All but two gaps, between the pipeline's own watch and this one; by a clock that moves 1 ms when it is read."""
    monkeypatch.setattr("time.perf_counter", itertools.count(0, 1e-3).__next__)
    options, frame = PipelineOptions(model=color_model, detector="full_frame"), np.zeros((128, 96, 3), np.uint8)
    blob(frame, (48, 64), (255, 255, 255))
    with build_pipeline(options) as pipeline:
        parts, people = time_frame(pipeline, frame, 0.0, "rgb8", make_message)
    assert people == 1 and sorted(parts) == sorted(ON_A_CPU)
    assert min(parts.values()) >= 0 and min(parts["network"], parts["warp"], parts["decode"]) > 0
    assert sum(parts[part] for part in ON_A_CPU[:-1]) == pytest.approx(parts["total"] - 2)


def test_against_another_model(bench, color_model, monkeypatch):
    measured = []

    def three_times_as_long(calls, rounds):
        measured.append(take_turns(calls, rounds))
        return measured[0] * 0 + [[3.0, 1.0], [6.0, 2.0], [9.0, 3.0]]

    monkeypatch.setattr(module, "take_turns", three_times_as_long)
    (at,) = bench(WARM_UP + 1, batches=[2], against=color_model)["network"]
    assert [row["model"] for row in at["models"]] == [color_model, color_model]
    assert [row["p50_ms"] for row in at["models"]] == [6, 2] and (measured[0] > 0).all()
    assert (at["low"], at["ratio"], at["high"]) == pytest.approx((3, 3, 3))


def test_copies_of_a_device_are_told_apart_from_its_network(color_model):
    options = PipelineOptions(model=color_model, detector="full_frame")
    with build_pipeline(options) as pipeline:
        network, running = pipeline.backend, {"copy in": 7.0, "copy out": 1.0}

        class Device(Backend):
            name, copies_ms = "device", running

            def __call__(self, batch):
                running["copy in"] += 0.25
                running["copy out"] += 0.125
                return network(batch)

            def close(self):
                network.close()

        pipeline._backends, pipeline._estimator.backend = [Device()], Device()
        parts, _ = time_frame(pipeline, np.zeros((64, 48, 3), np.uint8), 0.0, "bgr8", make_message)
    assert (parts["copy in"], parts["copy out"]) == (0.25, 0.125)
    assert parts["network"] == pytest.approx(pipeline.parts_ms["network"] - 0.375)
    assert sorted(parts) == sorted(FRAME_PARTS)


def test_an_engine(bench, gpu, color_model, save_engine):
    """Copies between warp and decode, and of the network alone; beside a model on the CPU, which has none."""
    gpu()
    result = bench(WARM_UP + 1, model=save_engine(color_model), batches=[2], against=color_model)
    assert result["backend"] == "tensorrt" and list(result["parts"]) == list(FRAME_PARTS)
    (at,) = result["network"]
    assert {"copy in", "copy out"} < set(at["models"][0]) and not {"copy in", "copy out"} & set(at["models"][1])
    lines = to_text(result).split("\n\n")[2].splitlines()
    assert lines[0].split("  ")[-2:] == ["copy in ms", "copy out ms"] and lines[2].split()[-2:] == ["-", "-"]


def test_a_device_that_fails_has_no_copies_any_more(bench, gpu, color_model, save_engine):
    cudart, _ = gpu()
    path, waited = save_engine(color_model), []
    synchronize = cudart._cudaEventSynchronize

    def fail(event):
        waited.append(event)
        return 700 if len(waited) == WARM_UP + 2 else synchronize(event)

    cudart._cudaEventSynchronize = fail
    cudart.cudaEventSynchronize = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(
        cudart._counted("cudaEventSynchronize")
    )
    result = bench(WARM_UP + 3, model=path, fallback=True, batches=[])
    assert result["backend"].startswith("onnxruntime (after: ")
    assert result["parts"]["copy in"]["p50_ms"] == 0 < result["parts"]["copy in"]["p99_ms"]


@pytest.mark.parametrize(
    "device, unloadable, name",
    [("auto", [], "onnxruntime (cuda)"), ("auto", ["CUDAExecutionProvider"], "onnxruntime (after: ")],
)
def test_it_says_what_ran(bench, ort_gpu, device, unloadable, name):
    ort_gpu().unloadable = unloadable
    result = bench(WARM_UP + 1, batches=[1], rounds=1, device=device)
    assert (result["device"], result["precision"], bool(result["fault"])) == (device, "fp32", bool(unloadable))
    assert result["backend"].startswith(name) and result["network"][0]["models"][0]["backend"].startswith(name)


def test_options_reach_the_network_alone(bench, monkeypatch, color_model):
    given = []

    def spy(model, task, **options):
        given.append(options)
        return open_model(model, task)

    monkeypatch.setattr(module, "open_model", spy)
    monkeypatch.setattr(module, "build_pipeline", lambda options: build_pipeline(PipelineOptions(model=color_model)))
    bench(WARM_UP + 1, batches=[1], device="openvino", threads=1, fallback=True)
    assert given == [dict(threads=1, fallback=True, device="openvino")]


@pytest.mark.parametrize("encoding", sorted(ENCODERS))
def test_messages_decode_to_the_frame(encoding):
    image = np.random.RandomState(0).randint(0, 256, (5, 7, 3)).astype(np.uint8)
    if encoding == "mono8":
        image[:] = image[..., :1]
    np.testing.assert_array_equal(decode_image(**image_fields(image, encoding)), image)


@pytest.mark.parametrize(
    "frames, settings, expected",
    [
        (WARM_UP, {}, "expected more than %d frames, got %d" % (WARM_UP, WARM_UP)),
        (0, {"against": "no_such_model"}, "no_such_model"),
        (0, {"against": "no_such_model", "batches": []}, "no_such_model"),
    ],
)
def test_what_is_refused(bench, frames, settings, expected):
    with pytest.raises(PoseError, match=expected):
        bench(frames, **settings)


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"input": 5}, "expected input to be a name or path, got 5"),
        ({"options": {"threads": 1}}, "expected options to be PipelineOptions"),
        ({"options": None}, "expected options to be PipelineOptions"),
        ({"frames": 0}, "expected frames to be a whole number of 1 or more, got 0"),
        ({"frames": "3"}, "expected frames to be"),
        ({"batches": 1}, "expected batches to be a list, each item a whole number in 1..1024, got 1"),
        ({"batches": [-1]}, "expected batches to be"),
        ({"batches": "12"}, "expected batches to be"),
        ({"rounds": 0}, "expected rounds to be a whole number of 1 or more, got 0"),
        ({"against": 5}, "expected against to be a name or path, or None, got 5"),
        ({"encoding": "x"}, "expected encoding to be one of bgr8, bgra8, mono8, rgb8, got 'x'"),
    ],
)
def test_settings_are_checked_before_anything_is_opened(monkeypatch, settings, words):
    monkeypatch.setattr(module, "open_source", None)
    with pytest.raises(ConfigError, match=words):
        run_benchmark(Benchmark("clip.mp4")._replace(**settings), make_message)
