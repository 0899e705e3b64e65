"""The ctypes layer over a libcudart of Python functions: ctypes converts in both directions, as with the real one."""

import ctypes
import os
import sys

import numpy as np
import pytest
from fake_cudart import FakeCudart

from pose_estimation_ros.core.errors import CudaError
from pose_estimation_ros.inference.trt import cuda_library
from pose_estimation_ros.inference.trt.cuda import Cuda
from pose_estimation_ros.inference.trt.cuda_library import SIGNATURES, load_library


def test_what_the_device_is():
    cuda = Cuda(library=FakeCudart(major=6, minor=2, cuda=10020))
    assert (cuda.version, cuda.device_name, cuda.compute_capability) == ("10.2", "Fake GPU", "6.2")
    assert cuda.memory() == (3 << 32, 4 << 32)  # over 32 bits


@pytest.mark.parametrize("number, text", [(11040, "11.4"), (12060, "12.6"), (13000, "13.0")])
def test_versions(number, text):
    assert Cuda(library=FakeCudart(cuda=number)).version == text


@pytest.mark.parametrize(
    "name, major, minor, integrated, pays",
    [("Nano", 5, 3, 1, False), ("TX2", 6, 2, 1, False), ("Xavier", 7, 2, 1, True), ("Orin", 8, 7, 1, True),
     ("GTX 1080", 6, 1, 0, True), ("H100", 9, 0, 0, True)],
)  # fmt: skip
def test_kind_of_host_memory(name, major, minor, integrated, pays):
    assert Cuda(library=FakeCudart(major=major, minor=minor, integrated=integrated)).pinned_memory_pays is pays


@pytest.mark.parametrize("is_pinned", [False, True])
@pytest.mark.parametrize("shape", [(1,), (3, 5), (2, 3, 4)])
def test_a_round_trip_through_the_device(shape, is_pinned):
    library = FakeCudart()
    cuda = Cuda(library=library)
    sent = np.random.RandomState(0).rand(*shape).astype(np.float32)
    if is_pinned:
        source, received = cuda.pinned_array(shape), cuda.pinned_array(shape)
        source[:] = sent
    else:
        source, received = sent.copy(), np.empty_like(sent)
    stream, event, address = cuda.new_stream(), cuda.new_event(), cuda.allocate(sent.nbytes)
    assert min(stream, event, address) > 1 << 32
    cuda.copy_to_device(address, source, stream)
    cuda.copy_to_host(received, address, stream)
    cuda.record(event, stream)
    cuda.wait(event)
    assert np.array_equal(received, sent)
    cuda.free(address), cuda.destroy_event(event), cuda.destroy_stream(stream)
    if is_pinned:
        cuda.free_pinned(source), cuda.free_pinned(received)
    assert library.live == {}


def test_time_between_events_is_the_devices():
    library = FakeCudart()
    cuda = Cuda(library=library)
    stream, address, array = cuda.new_stream(), cuda.allocate(40), cuda.pinned_array((10,))
    events = [cuda.new_event(timed=True) for _ in range(3)]
    cuda.record(events[0], stream)
    cuda.copy_to_device(address, array, stream)
    cuda.record(events[1], stream)
    cuda.copy_to_host(array, address, stream)
    cuda.record(events[2], stream)
    with pytest.raises(CudaError, match="cudaEventElapsedTime: error 600"):  # not there yet
        cuda.elapsed_ms(*events[:2])
    cuda.wait(events[2])
    assert [cuda.elapsed_ms(*pair) for pair in zip(events, events[1:])] == [40, 80]
    without = cuda.new_event()
    cuda.record(without, stream)
    with pytest.raises(CudaError, match="cudaEventElapsedTime: error 400"):  # one that keeps no time
        cuda.elapsed_ms(events[0], without)


@pytest.mark.parametrize("version", [10020, 12060])
def test_a_graph_runs_what_was_captured_each_time_it_is_launched(version):
    library, done = FakeCudart(cuda=version), []
    cuda = Cuda(library=library)
    stream = cuda.new_stream()
    graph = cuda.capture(stream, lambda: library.enqueue(stream, lambda: done.append("run")))
    cuda.synchronize(stream)
    assert done == []
    for _ in range(2):
        cuda.launch(graph, stream)
    cuda.synchronize(stream)
    assert done == ["run", "run"]
    cuda.destroy_graph(graph), cuda.destroy_stream(stream)
    assert library.live == {}


def test_a_capture_that_fails_leaves_a_stream_that_works():
    library, done = FakeCudart(), []
    cuda = Cuda(library=library)
    stream = cuda.new_stream()

    def fail():
        raise CudaError("refused")

    with pytest.raises(CudaError, match="refused"):
        cuda.capture(stream, fail)
    with pytest.raises(CudaError, match=r"cudaStreamEndCapture: error 901 \(CUDA error 901\)"):
        cuda.capture(stream, lambda: library.spoil_capture(stream))
    library.enqueue(stream, lambda: done.append("run"))
    cuda.synchronize(stream)
    assert done == ["run"]


@pytest.mark.parametrize("function", ["cudaMalloc", "cudaHostAlloc", "cudaStreamCreateWithFlags", "cudaMemGetInfo"])
def test_every_error_has_its_function_and_cudas_words(function):
    library = FakeCudart()
    cuda = Cuda(library=library)
    calls = {
        "cudaMalloc": lambda: cuda.allocate(1 << 10),
        "cudaHostAlloc": lambda: cuda.pinned_array((2, 2)),
        "cudaStreamCreateWithFlags": cuda.new_stream,
        "cudaMemGetInfo": cuda.memory,
    }
    library.failing[function] = 2
    with pytest.raises(CudaError, match=r"%s: out of memory \(CUDA error 2\)" % function):
        calls[function]()
    calls[function]()  # and the next one is answered


def test_no_driver_and_no_such_device():
    with pytest.raises(
        CudaError, match="this machine has no usable NVIDIA driver or GPU: cudaGetDeviceCount: CUDA driver version"
    ):
        Cuda(library=FakeCudart(devices=0))
    with pytest.raises(CudaError, match="CUDA device 1 does not exist"):
        Cuda(device=1, library=FakeCudart(devices=1))


def test_no_library_says_where_it_was_looked_for(monkeypatch):
    monkeypatch.setattr(cuda_library, "candidates", lambda: ["libnothing.so"])
    with pytest.raises(CudaError, match=r"no libcudart.so, .*so.10.2 in .*/usr/local/cuda/lib64.*pip install"):
        load_library()


def test_pips_libraries_are_found(tmp_path, monkeypatch):
    folder = tmp_path / "nvidia" / "cuda_runtime" / "lib"
    folder.mkdir(parents=True)
    (folder / "libcudart.so.12").write_bytes(b"")
    monkeypatch.setattr(cuda_library, "FOLDERS", (str(tmp_path / "nvidia" / "*" / "lib"),))
    assert cuda_library.candidates()[-1] == str(folder / "libcudart.so.12")


def test_a_library_without_graphs_is_refused():
    library = FakeCudart()
    del library.cudaStreamBeginCapture
    with pytest.raises(CudaError, match="expected the function cudaStreamBeginCapture"):
        Cuda(library=library)


@pytest.mark.parametrize("name", cuda_library.LIBRARIES)
def test_the_real_library_has_every_function(name, monkeypatch):
    """An installed library, or one that tensorrt_bindings.py has fetched, says cleanly that no driver is there."""
    fetched = os.path.join(sys.prefix, "tensorrt", "nvidia-*", "nvidia", "*", "lib")
    monkeypatch.setattr(cuda_library, "FOLDERS", cuda_library.FOLDERS + (fetched,))
    for path in [path for path in cuda_library.candidates() if os.path.basename(path) == name]:
        try:
            library = ctypes.CDLL(path)
        except OSError:
            continue
        assert [function for function in SIGNATURES if not hasattr(library, function)] == []
        try:
            assert Cuda(library=library).version
        except CudaError as error:
            assert "this machine has no usable NVIDIA driver or GPU: cudaGetDeviceCount" in str(error)
        return
    pytest.skip("no %s here" % name)
