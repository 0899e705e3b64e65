"""What opening a model gives, and how often one start looks at its files, the GPU and TensorRT."""

import builtins
import collections
import hashlib
import os
import shutil
import sys

import numpy as np
import pytest

from pose_estimation_ros.core.errors import ConfigError, CudaError, ModelError
from pose_estimation_ros.inference.backends.find import engine_file, onnx_file
from pose_estimation_ros.inference.backends.model_file import ModelFile
from pose_estimation_ros.inference.backends.open import open_backend, open_model


def test_open_model_gives_a_running_network_and_its_spec(color_model):
    backend, spec = open_model(color_model, "top_down")
    with backend:
        assert spec.skeleton.name == "coco17" and backend.name == "onnxruntime"
        assert backend(np.zeros((2, 3, 64, 48), np.float32))["heatmaps"].shape == (2, 17, 16, 12)


def test_what_an_engine_needs_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    path = tmp_path / "m.engine"
    path.write_bytes(b"engine")
    with pytest.raises(ModelError, match="expected TensorRT's Python module"):
        open_backend(ModelFile(str(path), "engine", None, {}, None))
    with pytest.raises(ModelError, match="m.engine.json does not exist"):
        open_model(str(path), "top_down")


@pytest.fixture
def counted(monkeypatch):
    """A function that calls another one and counts meanwhile: hashes and openings of files, imports of TensorRT."""

    def run(call, files):
        contents = {}
        for path in files:
            with open(path, "rb") as file:
                contents[file.read()] = os.path.basename(path)
        counts = collections.Counter()
        sha256, import_module, open_file = hashlib.sha256, builtins.__import__, builtins.open

        def count_hash(content=b""):
            counts["hash " + contents.get(bytes(content), "of another content")] += 1
            return sha256(content)

        def count_import(name, *args, **kwargs):
            counts["import " + name] += name == "tensorrt"
            return import_module(name, *args, **kwargs)

        def count_open(path, *args, **kwargs):
            counts["open " + os.path.basename(str(path))] += 1
            return open_file(path, *args, **kwargs)

        with monkeypatch.context() as patch:
            patch.setattr(hashlib, "sha256", count_hash)
            patch.setattr(builtins, "__import__", count_import)
            patch.setattr(builtins, "open", count_open)
            return call(), counts

    return run


def moved(engine, path):
    """Move an engine and its sidecar to a path, which is returned."""
    for ending in ("", ".json"):
        shutil.move(engine + ending, str(path) + ending)
    return str(path)


@pytest.mark.parametrize("by_name", [False, True])
@pytest.mark.parametrize("changes, serves", [({}, "tensorrt"), ({"device": "another"}, "onnxruntime (after: ")])
def test_one_start_looks_at_everything_once(
    gpu, color_model, save_engine, counted, monkeypatch, tmp_path, by_name, changes, serves
):
    cudart, _ = gpu()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("pose_estimation_ros.inference.backends.find.model_folders", lambda: [str(tmp_path)])
    path = save_engine(color_model, **changes)
    if by_name:
        cache = tmp_path / "cache" / "pose_estimation_ros" / "engines"
        cache.mkdir(parents=True)
        path = moved(path, cache / "0.engine")
        moved(save_engine(color_model, max_batch=1, device="another"), cache / "1.engine")
    asked = "color_model.engine" if by_name else path
    cudart.calls.clear()
    (backend, _spec), counts = counted(lambda: open_model(asked, "top_down", 1, fallback=True), [path, color_model])
    with backend:
        assert backend.name.startswith(serves)
    is_read = int(not by_name or not changes)  # the sidecar alone says that one in the cache is for another machine
    assert counts["hash " + os.path.basename(path)] == counts["open " + os.path.basename(path)] == is_read
    assert counts["open 1.engine"] == 0
    assert counts["hash color_model.onnx"] == counts["import tensorrt"] == 1
    assert cudart.calls.count("cudaGetDeviceProperties") == 1


def test_an_onnx_file_is_hashed_once(color_model, counted):
    (backend, _spec), counts = counted(lambda: open_model(color_model, "top_down", 1), [color_model])
    with backend:
        assert counts["open 1.engine"] == 0
    assert counts["hash color_model.onnx"] == counts["open color_model.onnx"] == 1


BATCH = np.random.RandomState(0).uniform(0, 255, (3, 3, 64, 48)).astype(np.float32)
GPU = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
ON_CUDA, ON_TENSORRT = "onnxruntime (cuda)", "onnxruntime (tensorrt-ep)"
NO_PROVIDER, NOT_LOADED = "pip install onnxruntime-gpu", "expected ONNX Runtime 1.23.2"
MISSING_OPENVINO = "device openvino needs openvino"


@pytest.mark.parametrize(
    "device, offered, unloadable, fallback, name, fault",
    [
        ("auto", [], [], False, "onnxruntime", ""),
        ("auto", [], [], True, "onnxruntime", ""),
        ("auto", GPU, [], False, ON_CUDA, ""),
        ("auto", GPU, GPU[1:2], False, "onnxruntime", NOT_LOADED),
        ("cpu", GPU, [], False, "onnxruntime", ""),
        ("cpu", [], [], True, "onnxruntime", ""),
        ("cuda", GPU, [], False, ON_CUDA, ""),
        ("cuda", GPU, [], True, ON_CUDA, ""),
        ("cuda", [], [], False, None, NO_PROVIDER),
        ("cuda", [], [], True, "onnxruntime", NO_PROVIDER),
        ("cuda", GPU, GPU[1:2], False, None, NOT_LOADED),
        ("cuda", GPU, GPU[1:2], True, "onnxruntime", NOT_LOADED),
        ("tensorrt-ep", GPU, [], False, ON_TENSORRT, ""),
        ("tensorrt-ep", GPU[1:], [], False, None, NO_PROVIDER),
        ("tensorrt-ep", GPU, GPU[:1], False, None, NOT_LOADED),
        ("tensorrt-ep", GPU, GPU[:1], True, "onnxruntime", NOT_LOADED),
        ("openvino", GPU, [], False, None, MISSING_OPENVINO),
        ("openvino", GPU, [], True, "onnxruntime", MISSING_OPENVINO),
    ],
)
def test_what_runs_on_each_device(
    ort_gpu, color_model, monkeypatch, device, offered, unloadable, fallback, name, fault
):
    """A name of None stands for an error. The outputs are those of the CPU, which is opened before there is a GPU."""
    with open_backend(onnx_file(color_model), 1) as plain:
        expected = plain(BATCH)["heatmaps"]
    gpu = ort_gpu()
    gpu.offered, gpu.unloadable = offered or ["CPUExecutionProvider"], unloadable
    monkeypatch.setitem(sys.modules, "openvino", None)
    if name is None:
        with pytest.raises(ModelError, match=fault):
            open_model(color_model, "top_down", 1, fallback, device)
        return
    backend, _spec = open_model(color_model, "top_down", 1, fallback, device)
    with backend:
        assert fault in backend.fault and bool(fault) == bool(backend.fault) and backend.precision == "fp32"
        assert backend.name == (name + " (after: %s)" % backend.fault if fault else name)
        assert np.array_equal(backend(BATCH)["heatmaps"], expected)


@pytest.mark.parametrize("device, fallback", [("auto", False), ("cuda", True), ("tensorrt-ep", True)])
def test_the_cpu_answers_the_batch_in_which_a_gpu_fails(ort_gpu, color_model, device, fallback):
    gpu = ort_gpu()
    backend, _spec = open_model(color_model, "top_down", 1, fallback, device)
    with backend:
        before = backend(BATCH)["heatmaps"]
        gpu.fault = RuntimeError("Error in execution: CUDA failure 700: an illegal memory access was encountered")
        for _ in range(2):
            assert np.array_equal(backend(BATCH)["heatmaps"], before)
        assert "illegal memory access" in backend.fault and backend.name.startswith("onnxruntime (after: ")


def test_without_fallback_the_fault_of_a_gpu_is_raised(ort_gpu, color_model):
    gpu = ort_gpu()
    backend, _spec = open_model(color_model, "top_down", 1, device="cuda")
    gpu.fault = RuntimeError("Error in execution: CUDA failure 2: out of memory")
    with backend, pytest.raises(CudaError, match="out of memory"):
        backend(BATCH)


def test_a_corrupt_file_is_no_fault_of_the_gpu(ort_gpu, tmp_path):
    ort_gpu()
    path = tmp_path / "m.onnx"
    path.write_bytes(b"\x08\x07" * 50)
    with pytest.raises(ModelError, match="expected an ONNX model"):
        open_backend(ModelFile(str(path), "onnx", None, {}, str(path)))


@pytest.mark.parametrize("device", ["cpu", "cuda", "tensorrt-ep", "openvino"])
@pytest.mark.parametrize("fallback", [False, True])
def test_an_engine_is_refused_where_onnx_models_run(gpu, color_model, save_engine, device, fallback):
    gpu()
    path = save_engine(color_model)
    for model in (path, "x.engine", engine_file(path)):
        with pytest.raises(ConfigError, match="expected an .onnx model for device %s, got .*.engine" % device):
            open_model(model, "top_down", 1, fallback, device)


@pytest.mark.parametrize("device", ["gpu", "onnxruntime", "", None])
def test_an_unknown_device_is_refused(color_model, device):
    with pytest.raises(ConfigError, match="expected device to be one of auto, cpu, cuda, .*, got "):
        open_model(color_model, "top_down", device=device)


@pytest.mark.parametrize("name", ["color_model", "color_model.onnx", "color_model.engine", "{folder}/color_model.onnx"])
def test_the_device_engine_takes_the_newest_engine_of_a_model(
    gpu, color_model, save_engine, monkeypatch, tmp_path, name
):
    gpu()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("pose_estimation_ros.inference.backends.find.model_folders", lambda: [str(tmp_path)])
    name = name.format(folder=tmp_path)
    with pytest.raises(ModelError, match="no engine is built for this machine yet: run `pose build-engine "):
        open_model(name, "top_down", device="engine")
    backend, _spec = open_model(name, "top_down", device="engine", fallback=True)
    with backend:
        assert backend.name.startswith("onnxruntime (after: ") and "no engine is built" in backend.fault
    cache = tmp_path / "cache" / "pose_estimation_ros" / "engines"
    cache.mkdir(parents=True)
    moved(save_engine(color_model), cache / "0.engine")
    backend, _spec = open_model(name, "top_down", device="engine")
    with backend:
        assert backend.name == "tensorrt" and backend.fault == ""


def test_an_onnx_file_is_refused_on_the_device_engine(color_model):
    with pytest.raises(ConfigError, match="expected an .engine model for device engine, got .*color_model.onnx"):
        open_backend(onnx_file(color_model), device="engine")
