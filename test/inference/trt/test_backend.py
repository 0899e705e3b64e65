"""The backend over a fake engine that runs the ONNX file, and a fake CUDA that is as lazy as a GPU."""

import os
import shutil
import sys
import threading
import types

import numpy as np
import pytest

from pose_estimation_ros.core.errors import CudaError, ModelError
from pose_estimation_ros.inference.backends.find import engine_file, find_model, onnx_file
from pose_estimation_ros.inference.backends.open import open_backend, open_model
from pose_estimation_ros.inference.trt.backend import TensorRTBackend
from pose_estimation_ros.inference.trt.cache import read_sidecar, store

VERSIONS = ["8.2.1", "8.6.1", "10.3.0"]


def images(count, seed=0):
    return np.random.RandomState(seed).uniform(0, 255, (count, 3, 64, 48)).astype(np.float32)


def run_onnx(path, batch):
    with open_backend(onnx_file(path), threads=1) as backend:
        return backend(batch)["heatmaps"]


@pytest.mark.parametrize("count", [0, 1, 3, 8, 9, 21])
@pytest.mark.parametrize("version", VERSIONS)
def test_any_number_of_images_as_on_onnx_runtime(gpu, color_model, save_engine, version, count):
    gpu(version)
    with TensorRTBackend(engine_file(save_engine(color_model))) as backend:
        found = [backend(images(count, seed))["heatmaps"] for seed in range(3)]
    for seed, heatmaps in enumerate(found):  # compared when all are there: no result may be a view of a buffer
        assert heatmaps.shape == (count, 17, 16, 12) and heatmaps.dtype == np.float32
        assert np.allclose(heatmaps, run_onnx(color_model, images(count, seed)), atol=1e-5)


@pytest.mark.parametrize("max_batch", [1, 3])
@pytest.mark.parametrize("major, minor, integrated", [(6, 2, 1), (8, 7, 1), (6, 1, 0)], ids=["TX2", "Orin", "card"])
def test_batches_over_the_largest_are_split(gpu, color_model, save_engine, max_batch, major, minor, integrated):
    cudart, _ = gpu(major=major, minor=minor, integrated=integrated)
    batch = images(11)
    with TensorRTBackend(engine_file(save_engine(color_model, max_batch))) as backend:
        assert np.allclose(backend(batch)["heatmaps"], run_onnx(color_model, batch), atol=1e-5)
    assert ("cudaHostAlloc" in cudart.calls) == (major != 6 or not integrated)


@pytest.mark.parametrize("count, size", [(1, 1), (2, 2), (3, 4), (4, 4), (5, 8), (8, 8)])
def test_a_batch_runs_at_the_next_larger_size(gpu, color_model, save_engine, monkeypatch, count, size):
    gpu("8.2.1")
    with TensorRTBackend(engine_file(save_engine(color_model))) as backend:
        sizes, run = [], backend._run
        monkeypatch.setattr(backend, "_run", lambda bucket: (sizes.append(bucket.size), run(bucket)))
        backend(images(count))
    assert sizes == [size]


@pytest.mark.parametrize(
    "version, cuda, can_be_captured, max_batch, graphs",
    [
        ("10.3.0", 12060, True, 8, 4),
        ("10.3.0", 12060, False, 8, 0),  # a layer that cannot be captured
        ("8.6.1", 11040, True, 8, 0),  # one context for all sizes
        ("8.2.1", 10020, True, 8, 0),
        ("8.2.1", 10020, True, 1, 1),
        ("8.6.1", 11040, True, 1, 1),
    ],
)
def test_one_graph_per_size_where_each_has_its_context(
    gpu, color_model, save_engine, version, cuda, can_be_captured, max_batch, graphs
):
    cudart, _ = gpu(version, can_be_captured, cuda=cuda)
    batch = images(3)
    with TensorRTBackend(engine_file(save_engine(color_model, max_batch))) as backend:
        assert backend.graphs == graphs
        before = cudart.calls.count("cudaGraphLaunch")
        assert np.allclose(backend(batch)["heatmaps"], run_onnx(color_model, batch), atol=1e-5)
        assert (cudart.calls.count("cudaGraphLaunch") > before) == (graphs > 0)


def test_memory_is_taken_once(gpu, color_model, save_engine):
    cudart, _ = gpu()
    with TensorRTBackend(engine_file(save_engine(color_model))) as backend:
        cudart.calls.clear()
        for count in (1, 8, 20):
            backend(images(count))
    taking = {"cudaMalloc", "cudaHostAlloc", "cudaStreamCreateWithFlags", "cudaEventCreateWithFlags"}
    until_closed = cudart.calls[: cudart.calls.index("cudaFree")]
    assert not taking & set(until_closed) and "cudaMemcpyAsync" in until_closed


IN_BYTES, OUT_BYTES = 3 * 64 * 48 * 4, 17 * 16 * 12 * 4  # of one image


@pytest.mark.parametrize("major, minor", [(6, 2), (8, 7)], ids=["TX2", "Orin"])
@pytest.mark.parametrize("count", [0, 1, 3, 8, 21])
@pytest.mark.parametrize("version", VERSIONS)
def test_copies_are_timed_by_the_devices_clock(
    gpu, color_model, save_engine, monkeypatch, version, count, major, minor
):
    """The fake device takes 1 ms for a byte in and 2 ms for one out; the host's clock stands still."""
    cudart, _ = gpu(version, major=major, minor=minor)
    monkeypatch.setattr("time.perf_counter", lambda: 0.0)
    with TensorRTBackend(engine_file(save_engine(color_model))) as backend:
        backend(images(2))
        assert backend.copies_ms == {}
        backend.time_copies(), backend.time_copies()
        assert backend.copies_ms == {"copy in": 0, "copy out": 0}
        found = [backend(images(count))["heatmaps"] for _ in range(2)]
        assert backend.copies_ms == {"copy in": 2 * count * IN_BYTES, "copy out": 2 * 2 * count * OUT_BYTES}
    assert np.allclose(found, run_onnx(color_model, images(count)), atol=1e-5)


def test_the_hosts_part_of_the_copies_counts(gpu, color_model, save_engine, monkeypatch):
    """One tick, a second, for each time that images or results pass page-locked memory."""
    gpu()
    ticks = iter(range(100))
    with TensorRTBackend(engine_file(save_engine(color_model))) as backend:
        backend.time_copies()
        monkeypatch.setattr("time.perf_counter", lambda: next(ticks))
        backend(images(11))  # two parts
    assert backend.copies_ms == {"copy in": 11 * IN_BYTES + 2000, "copy out": 2 * 11 * OUT_BYTES + 2000}


def test_copies_are_not_timed_unless_asked_for(gpu, color_model, save_engine):
    cudart, _ = gpu()
    with TensorRTBackend(engine_file(save_engine(color_model))) as backend:
        cudart.calls.clear()
        backend(images(3))
    assert cudart.calls.count("cudaEventRecord") == 1 and "cudaEventElapsedTime" not in cudart.calls


def test_a_fixed_batch(gpu, save_onnx, save_spec, save_engine):
    gpu()
    nodes = [("MaxPool", ["images"], ["heatmaps"], {"kernel_shape": [4, 4], "strides": [4, 4]})]
    path = save_onnx("fixed", nodes, {"images": [3, 3, 64, 48]}, {"heatmaps": [3, 3, 16, 12]}, {})
    save_spec(path)
    with TensorRTBackend(engine_file(save_engine(path, max_batch=None))) as backend:
        assert backend.input_shape == (3, 3, 64, 48) and backend.graphs == 1
        found = backend(images(7))["heatmaps"]
    assert np.array_equal(found, images(7).reshape(7, 3, 16, 4, 12, 4).max((3, 5)))


def test_a_view_of_another_type_is_as_good(gpu, color_model, save_engine):
    gpu()
    batch = images(3).astype(np.uint8)[::-1, :, :, ::-1]
    with TensorRTBackend(engine_file(save_engine(color_model))) as backend:
        found = backend(batch)["heatmaps"]
    assert np.allclose(found, run_onnx(color_model, batch.astype(np.float32)), atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 3, 48, 64), (3, 64, 48), (1, 1, 64, 48), (0,)])
def test_a_wrong_shape(gpu, color_model, save_engine, shape):
    gpu()
    with TensorRTBackend(engine_file(save_engine(color_model))) as backend:
        with pytest.raises(ModelError, match=r"expected a batch \(N, 3, 64, 48\), got \("):
            backend(np.zeros(shape, np.float32))


def test_closing(gpu, color_model, save_engine):
    cudart, _ = gpu()
    backend = TensorRTBackend(engine_file(save_engine(color_model)))
    assert cudart.live
    backend.close()
    assert not cudart.live
    backend.close()
    with pytest.raises(ModelError, match="is closed"):
        backend(images(1))


def test_another_thread_is_refused(gpu, color_model, save_engine):
    gpu()
    errors = []

    def use(call):
        try:
            call()
        except ModelError as error:
            errors.append(str(error))

    with TensorRTBackend(engine_file(save_engine(color_model))) as backend:
        for call in (lambda: backend(images(1)), backend.close):
            thread = threading.Thread(target=use, args=[call])
            thread.start()
            thread.join()
        backend(images(1))
    assert len(errors) == 2 and all("expected calls from the thread that opened it" in error for error in errors)


@pytest.mark.parametrize("function", ["cudaStreamCreateWithFlags", "cudaMalloc", "cudaHostAlloc", "cudaMemcpyAsync"])
def test_a_fault_of_any_call_names_it_and_leaks_nothing(gpu, color_model, save_engine, function):
    cudart, _ = gpu()
    path = save_engine(color_model)
    if function != "cudaMemcpyAsync":
        cudart.failing[function] = 2
        with pytest.raises(CudaError, match=r"%s: out of memory \(CUDA error 2\)" % function):
            TensorRTBackend(engine_file(path))
        return
    with TensorRTBackend(engine_file(path)) as backend:
        cudart.failing[function] = 2
        with pytest.raises(CudaError, match=function):
            backend(images(1))


def test_too_little_memory_for_the_last_of_many_things(gpu, color_model, save_engine):
    """Whatever fails while it is opened, what was taken before is given back (the fixture looks)."""
    cudart, _ = gpu()
    path = save_engine(color_model)
    with TensorRTBackend(engine_file(path)):
        takes = cudart.calls.count("cudaMalloc")
    original, taken = cudart._cudaMalloc, []
    for allowed in range(takes):
        del taken[:]
        cudart._cudaMalloc = original
        counted = cudart._counted("cudaMalloc")

        def limited(out, size, counted=counted, allowed=allowed):
            taken.append(size)
            return 2 if len(taken) > allowed else counted(out, size)

        import ctypes

        cudart.cudaMalloc = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_void_p), ctypes.c_size_t)(limited)
        with pytest.raises(CudaError, match="cudaMalloc: out of memory"):
            TensorRTBackend(engine_file(path))
        assert not cudart.live


@pytest.mark.parametrize("version", VERSIONS)
def test_a_fault_in_flight(gpu, color_model, save_engine, version):
    cudart, _ = gpu(version)
    backend = TensorRTBackend(engine_file(save_engine(color_model)))
    backend(images(2))
    cudart.failing["cudaEventSynchronize"] = 700
    for _ in range(2):  # such an error stays
        with pytest.raises(CudaError, match=r": an illegal memory access was encountered \(CUDA error 700\)"):
            backend(images(2))
    backend.close()


def test_an_engine_that_refuses_to_run(gpu, color_model, save_engine):
    _, trt = gpu("8.6.1")
    with TensorRTBackend(engine_file(save_engine(color_model))) as backend:
        trt._executes_badly = True
        with pytest.raises(CudaError, match="TensorRT refused execution: the device is on fire"):
            backend(images(1))


def _stub(monkeypatch, _path):
    monkeypatch.setitem(sys.modules, "tensorrt", types.ModuleType("tensorrt"))


def _none(monkeypatch, _path):
    monkeypatch.setitem(sys.modules, "tensorrt", None)


def _other(monkeypatch, _path):
    sys.modules["tensorrt"].__version__ = "10.9.0"


def _no_runtime(monkeypatch, _path):
    def fail(_log):
        raise TypeError("pybind11::init(): factory function returned nullptr")

    monkeypatch.setattr(sys.modules["tensorrt"], "Runtime", fail)


def _cut(monkeypatch, path):
    with open(path, "r+b") as file:
        file.truncate(20)


def _changed_model(monkeypatch, path):
    with open(path.replace(".engine", ".onnx"), "ab") as file:
        file.write(b"\0")


@pytest.mark.parametrize(
    "spoil, words",
    [
        (_none, "expected TensorRT's Python module .*pip install"),
        (_stub, "empty stub that has no Runtime"),
        (_other, "built for something else: tensorrt '10.3.0', here '10.9.0'"),
        (_no_runtime, "TensorRT 10.3.0 cannot start.*factory function returned nullptr"),
        (_cut, "half written or replaced"),
        (_changed_model, "built for something else: onnx_sha256"),
        (lambda _patch, path: os.remove(path + ".json"), r"\.engine\.json does not exist"),
    ],
)
def test_engines_that_cannot_be_opened(gpu, color_model, save_engine, monkeypatch, spoil, words):
    gpu()
    path = save_engine(color_model)
    spoil(monkeypatch, path)
    with pytest.raises(ModelError, match=words):
        TensorRTBackend(engine_file(path))


def test_content_that_tensorrt_refuses(gpu, color_model, save_engine):
    gpu()
    path = save_engine(color_model)
    store(path, b"rubbish", read_sidecar(path))
    with pytest.raises(ModelError, match="engine that TensorRT 10.3.0 loads, got: Version tag does not match"):
        TensorRTBackend(engine_file(path))


def test_no_driver(gpu, color_model, save_engine):
    cudart, _ = gpu()
    path = save_engine(color_model)
    cudart.devices = 0
    with pytest.raises(
        CudaError, match="this machine has no usable NVIDIA driver or GPU: .*driver version is insufficient"
    ):
        TensorRTBackend(engine_file(path))


def test_tensors_of_other_kinds(gpu, save_onnx, save_spec, save_engine):
    gpu()
    shapes = {"a": ["n", 3, 64, 48], "b": ["n", 3, 64, 48]}
    path = save_onnx("sum", [("Add", ["a", "b"], ["heatmaps"], {})], shapes, {"heatmaps": ["n", 3, 64, 48]}, {})
    save_spec(path)
    with pytest.raises(ModelError, match="expected one input"):
        TensorRTBackend(engine_file(save_engine(path)))


def test_open_model_takes_the_spec_from_the_sidecar(gpu, color_model, save_engine):
    gpu()
    path = save_engine(color_model)
    shutil.move(color_model, color_model + ".away")
    shutil.move(color_model.replace(".onnx", ".json"), color_model + ".json.away")
    backend, spec = open_model(path, "top_down")
    with backend:
        assert (backend.name, spec.name, spec.skeleton.name) == ("tensorrt", "tiny", "coco17")
        assert backend.input_shape == (None, 3, 64, 48)
        assert backend.output_shapes == {"heatmaps": (None, 17, 16, 12)}


def test_an_engine_by_name_is_the_newest_of_this_machine(gpu, color_model, save_engine, monkeypatch, tmp_path):
    gpu()
    cache = tmp_path / "cache" / "pose_estimation_ros" / "engines"
    cache.mkdir(parents=True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("pose_estimation_ros.inference.backends.find.model_folders", lambda: [str(tmp_path)])
    for number, changes in enumerate([{}, {}, {"tensorrt": "8.2.1"}]):
        built = save_engine(color_model, **changes)
        for ending in ("", ".json"):
            shutil.move(built + ending, str(cache / ("%d.engine%s" % (number, ending))))
        os.utime(str(cache / ("%d.engine" % number)), (number, number))
    assert find_model("color_model.engine").path == str(cache / "1.engine")
    with open(color_model, "ab") as file:
        file.write(b"\0")
    with pytest.raises(ModelError, match="no engine is built for this machine yet: run `pose build-engine"):
        find_model("color_model.engine")


def test_the_bytes_that_were_checked_are_the_bytes_that_are_loaded(gpu, color_model, save_engine, monkeypatch):
    """An engine that is replaced between check and load, with its sidecar or without, is not loaded."""
    from pose_estimation_ros.inference.trt import backend as tensorrt_backend

    gpu()
    path, loaded = save_engine(color_model), []
    with open(path, "rb") as file:
        checked = file.read()
    model = find_model(path)
    with open(path, "wb") as file:
        file.write(b"another engine")
    real_open = tensorrt_backend.open_engine
    monkeypatch.setattr(tensorrt_backend, "open_engine", lambda *args: loaded.append(args[2]) or real_open(*args))
    with TensorRTBackend(model) as backend:
        assert loaded == [checked] and backend(np.zeros((1, 3, 64, 48), np.float32))
