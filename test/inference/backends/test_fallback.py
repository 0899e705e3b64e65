"""ONNX Runtime in an engine's place: when it is opened, and in the middle of its work."""

import json
import os
import shutil
import sys

import numpy as np
import pytest

from pose_estimation_ros.core.errors import CudaError, ModelError
from pose_estimation_ros.inference.backends.find import find_model, onnx_file
from pose_estimation_ros.inference.backends.open import open_backend, open_model
from pose_estimation_ros.inference.build import build_pipeline
from pose_estimation_ros.inference.options import PipelineOptions

BATCH = np.random.RandomState(0).uniform(0, 255, (3, 3, 64, 48)).astype(np.float32)


def run_onnx(path):
    with open_backend(onnx_file(path), threads=1, device="cpu") as backend:
        return backend(BATCH)["heatmaps"]


def test_an_engine_that_works(gpu, color_model, save_engine):
    gpu()
    backend, spec = open_model(save_engine(color_model), "top_down", fallback=True)
    with backend:
        assert (backend.name, backend.fault, spec.name) == ("tensorrt", "", "tiny")
        assert backend.input_shape == (None, 3, 64, 48) and list(backend.output_shapes) == ["heatmaps"]
        assert np.allclose(backend(BATCH)["heatmaps"], run_onnx(color_model), atol=1e-5)


def test_precision_and_device_are_those_of_what_runs(gpu, color_model, save_engine):
    cudart, _ = gpu()
    engine = save_engine(color_model)
    sidecar = engine + ".json"
    with open(sidecar) as file:
        fields = dict(json.load(file), precision_built="fp16")
    with open(sidecar, "w") as file:
        json.dump(fields, file)
    backend, _ = open_model(engine, "top_down", fallback=True)
    with backend:
        assert backend.precision == "fp16" and backend.on_gpu
        cudart.failing["cudaEventSynchronize"] = 700
        backend(BATCH)
        assert backend.precision == "fp32" and not backend.on_gpu


def test_a_fault_in_flight_costs_no_batch(gpu, color_model, save_engine):
    cudart, _ = gpu()
    backend, _ = open_model(save_engine(color_model), "top_down", fallback=True)
    with backend:
        backend(BATCH)
        cudart.failing["cudaEventSynchronize"] = 700
        for _ in range(2):
            assert np.allclose(backend(BATCH)["heatmaps"], run_onnx(color_model), atol=1e-5)
        assert "illegal memory access" in backend.fault
        assert backend.name == "onnxruntime (after: %s)" % backend.fault


def test_a_fault_in_flight_where_the_model_has_lost_its_spec(gpu, color_model, save_engine):
    cudart, _ = gpu()
    backend, _ = open_model(save_engine(color_model), "top_down", fallback=True)
    os.remove(color_model.replace(".onnx", ".json"))
    with backend:
        cudart.failing["cudaEventSynchronize"] = 700
        assert np.allclose(backend(BATCH)["heatmaps"], run_onnx(color_model), atol=1e-5)


def test_copies_are_the_engines_as_long_as_it_works(gpu, color_model, save_engine):
    cudart, _ = gpu()
    backend, _ = open_model(save_engine(color_model), "top_down", fallback=True)
    with backend:
        assert backend.copies_ms == {}
        backend.time_copies()
        backend(BATCH)
        assert backend.copies_ms["copy in"] > 0 and backend.copies_ms["copy out"] > 0
        cudart.failing["cudaEventSynchronize"] = 700
        backend(BATCH)
        assert backend.copies_ms == {}


@pytest.mark.parametrize("device", ["auto", "engine"])
@pytest.mark.parametrize("is_built", [True, False])
def test_the_cpu_serves_even_where_onnx_runtime_has_a_gpu(gpu, ort_gpu, color_model, save_engine, is_built, device):
    cudart, _ = gpu()
    asked, path = ort_gpu().asked, save_engine(color_model)
    if not is_built:
        _half(cudart, path)
    backend, _ = open_model(path, "top_down", 1, fallback=True, device=device)
    with backend:
        cudart.failing["cudaEventSynchronize"] = 700
        assert np.allclose(backend(BATCH)["heatmaps"], run_onnx(color_model), atol=1e-5)
        assert backend.fault and backend.name == "onnxruntime (after: %s)" % backend.fault
    assert asked == []


def test_a_fault_without_a_model_to_go_on_with(gpu, color_model, save_engine):
    cudart, _ = gpu()
    path = save_engine(color_model)
    os.remove(color_model)
    backend, _ = open_model(path, "top_down", fallback=True)
    cudart.failing["cudaEventSynchronize"] = 700
    with backend, pytest.raises(CudaError, match="illegal memory access"):
        backend(BATCH)


def test_another_error_is_not_hidden(gpu, color_model, save_engine):
    gpu()
    backend, _ = open_model(save_engine(color_model), "top_down", fallback=True)
    with backend, pytest.raises(ModelError, match="expected a batch"):
        backend(BATCH[:, :1])
    assert backend.fault == ""


def _no_driver(cudart, _path):
    cudart.devices = 0


def _no_tensorrt(_cudart, _path):
    sys.modules["tensorrt"] = None  # the fixture gpu puts back what was there


def _foreign(_cudart, _path):
    sys.modules["tensorrt"].__version__ = "10.9.0"


def _half(_cudart, path):
    with open(path, "r+b") as file:
        file.truncate(9)


def _missing(_cudart, path):
    os.remove(path)


@pytest.mark.parametrize(
    "spoil, words",
    [
        (_no_driver, "has no usable NVIDIA driver"),
        (_no_tensorrt, "expected TensorRT's Python module"),
        (_foreign, "tensorrt '10.3.0', here '10.9.0'"),
        (_half, "expected sha256"),
        (_missing, "no engine is built for this machine yet"),
    ],
)
def test_an_engine_that_cannot_be_opened(gpu, color_model, save_engine, spoil, words):
    cudart, _ = gpu()
    path = save_engine(color_model)
    spoil(cudart, path)
    with pytest.raises(ModelError, match=words):
        open_model(path, "top_down")
    backend, spec = open_model(path, "top_down", threads=1, fallback=True)
    with backend:
        assert words in backend.fault and backend.name.startswith("onnxruntime (after: ") and spec.name == "tiny"
        assert np.allclose(backend(BATCH)["heatmaps"], run_onnx(color_model), atol=1e-5)


def test_an_engine_never_built_is_its_model(color_model, tmp_path, monkeypatch):
    monkeypatch.setattr("pose_estimation_ros.inference.backends.find.model_folders", lambda: [str(tmp_path)])
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    backend, spec = open_model("color_model.engine", "top_down", fallback=True)
    with backend:
        assert spec.name == "tiny" and "expected TensorRT's Python module" in backend.fault
    with pytest.raises(ModelError, match="got 'nonsense.onnx'|got 'nonsense'"):
        open_model("nonsense.engine", "top_down", fallback=True)


def test_which_model_an_engine_is_of(gpu, color_model, save_engine, tmp_path, monkeypatch):
    """What the sidecar names, then what lies beside it, then a known model of that name."""
    gpu()
    path, elsewhere = save_engine(color_model), str(tmp_path / "elsewhere" / "color_model.onnx")
    os.mkdir(os.path.dirname(elsewhere))
    shutil.copy(color_model, elsewhere)
    known = tmp_path / "known"
    monkeypatch.setattr("pose_estimation_ros.inference.backends.find.model_folders", lambda: [str(known)])
    save_engine(color_model, onnx_path=elsewhere)
    assert find_model(path).onnx_path == elsewhere
    os.remove(elsewhere)
    assert find_model(path).onnx_path == color_model
    known.mkdir()
    shutil.move(color_model, str(known / "color_model.onnx"))
    assert find_model(path).onnx_path == str(known / "color_model.onnx")
    os.remove(str(known / "color_model.onnx"))
    assert find_model(path).onnx_path is None


def test_a_pipeline_says_its_fault_and_sees_the_same_people(gpu, color_model, save_engine, blob):
    cudart, _ = gpu()
    frame = np.zeros((64, 48, 3), np.uint8)
    blob(frame, (20, 30), (255, 255, 255))
    options = PipelineOptions(model=save_engine(color_model), detector="full_frame", smoothing=False, fallback=True)
    with build_pipeline(options) as pipeline:
        before = pipeline(frame, 0.0)
        assert (pipeline.backend_name, pipeline.fault) == ("tensorrt", "")
        cudart.failing["cudaMemcpyAsync"] = 700
        after = pipeline(frame, 0.1)
        assert pipeline.backend_name.startswith("onnxruntime (after: cudaMemcpyAsync")
        assert pipeline.fault.startswith("cudaMemcpyAsync")
    assert np.allclose(before.xy, after.xy, atol=1e-3) and before.track_id.tolist() == after.track_id.tolist() == [1]
    with pytest.raises(ModelError, match="^model file nowhere/x.engine does not exist$"):
        build_pipeline(options._replace(model="nowhere/x.engine", fallback=False))
