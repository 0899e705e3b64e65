"""ONNX Runtime on a GPU, which test/fakes/fake_onnxruntime.py stands for."""

import os
import re
import sys

import numpy as np
import pytest

from pose_estimation_ros.core.errors import ConfigError, CudaError, ModelError
from pose_estimation_ros.inference.backends.onnxruntime_gpu import OnnxRuntimeGpuBackend, is_offered

CPU = ("CPUExecutionProvider", {})
HEURISTIC = {"cudnn_conv_algo_search": "HEURISTIC"}


def images(count):
    return np.random.RandomState(count).rand(count, 3, 4, 4).astype(np.float32)


@pytest.mark.parametrize("can_update", [True, False])
@pytest.mark.parametrize("device", ["cuda", "tensorrt-ep"])
@pytest.mark.parametrize("fixed", ["n", 1, 3])
def test_any_number_of_images_through_any_batch_size(ort_gpu, mean_model, fixed, device, can_update):
    ort_gpu(can_update=can_update)
    with OnnxRuntimeGpuBackend(mean_model(fixed), 1, device) as backend:
        assert backend.name == "onnxruntime (%s)" % device and backend.copies_ms == {} and backend.on_gpu
        for count in (0, 1, 2, 3, 7, 8, 9, 20, 3):
            result = backend(images(count))["mean"]
            assert result.shape == (count,) and np.allclose(result, images(count).mean((1, 2, 3)))


def test_each_batch_size_takes_memory_once_and_is_copied_once_each_way(ort_gpu, mean_model):
    gpu = ort_gpu()
    with OnnxRuntimeGpuBackend(mean_model("n")) as backend:
        assert sorted(gpu.runs) == [1, 8]  # all libraries load, and there is memory enough
        assert gpu.counts == {"buffers": 2, "in": 2, "out": 2, "bound outputs": 2}
        del gpu.runs[:]
        for count in (5, 1, 3, 2, 20, 4, 3):
            backend(images(count))
        assert gpu.runs == [8, 1, 4, 2, 8, 8, 8, 4, 4]
        assert gpu.counts == {"buffers": 4, "in": 11, "out": 11, "bound outputs": 4}


def test_results_outlast_the_next_batch(ort_gpu, mean_model):
    ort_gpu()
    with OnnxRuntimeGpuBackend(mean_model("n")) as backend:
        first = backend(images(2))["mean"]
        backend(images(2) + 1)
        assert np.allclose(first, images(2).mean((1, 2, 3)))


@pytest.mark.parametrize("version, more", [("1.10.0", {}), ("1.17.3", {}), ("1.18.0", {"use_tf32": "0"})])
def test_the_providers_of_cuda(ort_gpu, mean_model, version, more):
    gpu = ort_gpu(version)
    OnnxRuntimeGpuBackend(mean_model("n")).close()
    assert gpu.asked == [[("CUDAExecutionProvider", dict(HEURISTIC, **more)), CPU]]


def test_the_providers_of_tensorrt_and_its_cache(ort_gpu, mean_model, tmp_path):
    gpu = ort_gpu("1.10.0")
    for batch in ("n", "n", 3):
        OnnxRuntimeGpuBackend(mean_model(batch), device="tensorrt-ep").close()
    names = [[name for name, _options in providers] for providers in gpu.asked]
    assert names == [["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]] * 3
    options = [providers[0][1] for providers in gpu.asked]
    assert all(set(each) == {"trt_engine_cache_enable", "trt_engine_cache_path"} for each in options)
    first, again, other = (each["trt_engine_cache_path"] for each in options)
    assert first == again != other  # another content of the same names of tensors
    engines = tmp_path / "cache" / "pose_estimation_ros" / "engines"
    assert os.path.dirname(first) == str(engines / "onnxruntime") and first.endswith("-1.10.0") and os.path.isdir(first)
    assert os.stat(str(engines)).st_mode & 0o777 == 0o700


def test_a_cache_that_others_can_write_is_refused(ort_gpu, mean_model, tmp_path):
    ort_gpu()
    engines = tmp_path / "cache" / "pose_estimation_ros" / "engines"
    engines.mkdir(parents=True)
    engines.chmod(0o777)
    with pytest.raises(ModelError, match="can be written by everybody"):
        OnnxRuntimeGpuBackend(mean_model("n"), device="tensorrt-ep")


@pytest.mark.parametrize("device", ["cuda", "tensorrt-ep"])
def test_an_onnxruntime_without_the_provider(ort_gpu, mean_model, device):
    gpu = ort_gpu()
    assert is_offered(device)
    gpu.offered = ["AzureExecutionProvider", "CPUExecutionProvider"]
    assert not is_offered(device)
    words = (
        "device %s needs .*pip install onnxruntime-gpu.*onnxruntime 1.23.2 with AzureExecutionProvider, CPU" % device
    )
    with pytest.raises(CudaError, match=words):
        OnnxRuntimeGpuBackend(mean_model("n"), device=device)
    assert gpu.asked == []


def test_without_onnxruntime(ort_gpu, mean_model, monkeypatch):
    path = mean_model("n")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert not is_offered("cuda")
    with pytest.raises(ModelError, match="pip install onnxruntime"):
        OnnxRuntimeGpuBackend(path)


@pytest.mark.parametrize("at_opening", [False, True])
@pytest.mark.parametrize("is_there, reason", [(True, "file too short"), (False, "cannot open shared object file")])
@pytest.mark.parametrize(
    "device, provider, library",
    [("cuda", "CUDAExecutionProvider", "cuda"), ("tensorrt-ep", "TensorrtExecutionProvider", "tensorrt")],
)
def test_a_provider_whose_library_does_not_load(
    ort_gpu, mean_model, tmp_path, capfd, device, provider, library, is_there, reason, at_opening
):
    """ONNX Runtime leaves it out, or has an exception without the reason."""
    gpu = ort_gpu()
    gpu.unloadable = [provider]
    gpu.error_at_opening = RuntimeError("Please install the libraries") if at_opening else None
    path = tmp_path / "onnxruntime" / "capi" / ("libonnxruntime_providers_%s.so" % library)
    path.unlink()
    if is_there:
        path.write_bytes(b"")
    words = "device %s: expected ONNX Runtime 1.23.2 (built for CUDA 12.8) to load %s, got: " % (device, provider)
    with pytest.raises(CudaError, match=re.escape(words) + ".*%s.so: %s" % (library, reason)):
        OnnxRuntimeGpuBackend(mean_model("n"), device=device)
    assert gpu.runs == [] and capfd.readouterr() == ("", "")


def test_a_library_that_loads_without_a_gpu(ort_gpu, gpu, mean_model):
    ort_gpu().unloadable = ["CUDAExecutionProvider"]
    cudart, _ = gpu()
    with pytest.raises(CudaError, match="no reason that can be seen from Python"):
        OnnxRuntimeGpuBackend(mean_model("n"))
    cudart.devices = 0
    with pytest.raises(CudaError, match="this machine has no usable NVIDIA driver or GPU"):
        OnnxRuntimeGpuBackend(mean_model("n"))


def fault(name):
    """Return an exception of ONNX Runtime, or of Python where it has none of this name."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    kind = getattr(state, name, None) or {"RuntimeError": RuntimeError, "MemoryError": MemoryError}[name]
    return kind("CUDNN failure 4: CUDNN_STATUS_INTERNAL_ERROR\nmore")


FAULTS = ["Fail", "EPFail", "RuntimeException", "EngineError", "RuntimeError", "MemoryError"]


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_gpu(ort_gpu, mean_model, name):
    gpu = ort_gpu()
    with OnnxRuntimeGpuBackend(mean_model("n")) as backend:
        gpu.fault = fault(name)
        with pytest.raises(CudaError, match="runs on cuda, got: CUDNN failure 4: CUDNN_STATUS_INTERNAL_ERROR$"):
            backend(images(2))
        gpu.fault = None  # what was bound is not used again
        assert np.allclose(backend(images(2))["mean"], images(2).mean((1, 2, 3)))


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_gpu_at_the_opening(ort_gpu, mean_model, name):
    gpu = ort_gpu()
    gpu.error_at_opening = fault(name)
    with pytest.raises(CudaError, match="loads, got: CUDNN failure 4"):
        OnnxRuntimeGpuBackend(mean_model("n"))
    gpu.error_at_opening, gpu.fault = None, fault(name)
    with pytest.raises(CudaError, match="runs on cuda, got: CUDNN failure 4"):
        OnnxRuntimeGpuBackend(mean_model("n"))


@pytest.mark.parametrize("name", ["InvalidArgument", "InvalidProtobuf", "InvalidGraph", "NoSuchFile"])
def test_a_fault_of_the_model_is_none_of_the_gpu(ort_gpu, mean_model, name):
    gpu = ort_gpu()
    gpu.error_at_opening = fault(name)
    with pytest.raises(ModelError) as error:
        OnnxRuntimeGpuBackend(mean_model("n"))
    assert type(error.value) is ModelError


def test_too_little_memory_is_found_at_the_opening(ort_gpu, mean_model):
    gpu = ort_gpu()
    gpu.largest_batch = 4
    with pytest.raises(CudaError, match="Failed to allocate memory"):
        OnnxRuntimeGpuBackend(mean_model("n"))
    OnnxRuntimeGpuBackend(mean_model(4)).close()


@pytest.mark.parametrize("shape", [(1, 3, 5, 4), (2, 3, 2, 8), (1, 4, 4), (0, 1, 4, 4)])
def test_a_batch_of_another_shape(ort_gpu, mean_model, shape):
    ort_gpu()
    with OnnxRuntimeGpuBackend(mean_model("n")) as backend:
        with pytest.raises(ModelError, match=r"expected a batch \(N, 3, 4, 4\), got \(") as error:
            backend(np.zeros(shape, np.float32))
        assert type(error.value) is ModelError


def test_a_free_size_waits_for_its_first_batch(ort_gpu, save_onnx):
    gpu = ort_gpu()
    nodes = [("ReduceMean", ["images"], ["mean"], {"axes": [1, 2, 3], "keepdims": 0})]
    with OnnxRuntimeGpuBackend(
        save_onnx("free", nodes, {"images": ["n", 3, "h", "w"]}, {"mean": ["n"]}, {})
    ) as backend:
        assert gpu.runs == []
        for height in (4, 6, 4):
            batch = np.random.rand(2, 3, height, 5).astype(np.float32)
            assert np.allclose(backend(batch)["mean"], batch.mean((1, 2, 3)))


def test_a_closed_network_is_refused(ort_gpu, mean_model):
    ort_gpu()
    backend = OnnxRuntimeGpuBackend(mean_model("n"))
    backend.close()
    backend.close()
    with pytest.raises(ModelError, match="mean.onnx is closed"):
        backend(images(1))


def test_what_the_other_backend_refuses(ort_gpu, mean_model, save_onnx):
    ort_gpu()
    with pytest.raises(ConfigError, match="expected threads to be a whole number"):
        OnnxRuntimeGpuBackend(mean_model("n"), threads=-1)
    shapes = {"a": ["n", 3, 4, 4], "b": ["n", 3, 4, 4]}
    path = save_onnx("sum", [("Add", ["a", "b"], ["c"], {})], shapes, {"c": ["n", 3, 4, 4]}, {})
    with pytest.raises(ModelError, match=r"expected one input, got \['a', 'b'\]"):
        OnnxRuntimeGpuBackend(path)
