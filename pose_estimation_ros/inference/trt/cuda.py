"""The part of CUDA's runtime that running an engine takes and no more, each call checked.

It works in the device's primary context, which TensorRT, torch and others in the process share.
"""

import ctypes
from typing import Any, Callable, Sequence, Tuple

import numpy as np

from pose_estimation_ros.core.errors import CudaError
from pose_estimation_ros.inference.trt.cuda_library import declare, load_library

TO_DEVICE, TO_HOST = 1, 2  # cudaMemcpyKind
MAJOR, MINOR, INTEGRATED = 75, 76, 18  # cudaDeviceAttr
NON_BLOCKING = 1  # stream flag: waits for nothing on the default stream, which others in the process may use
SLEEP, WITHOUT_TIMES = 1, 2  # event flags: a waiting thread sleeps; the event keeps no time, and costs less
THIS_THREAD = 1  # capture mode: what other threads do meanwhile does no harm
PROPERTIES_SIZE = 1 << 14  # cudaDeviceProp is 700 to 1100 bytes, by version; its first 256 are the name


class Cuda:
    """One device and its runtime library.

    Sizes are bytes, addresses and handles ints. version: of the runtime, such as "10.2"; device_name;
    compute_capability, such as "6.2". Every method raises CudaError with the function's name and CUDA's own words.

    Args: device: index; library: in place of the one that is looked for.
    Raises CudaError: no library, no driver or one older than the library, no such device.
    """

    def __init__(self, device: int = 0, library: Any = None) -> None:
        self._library = declare(library or load_library())
        if device >= self._count_devices():
            raise CudaError("CUDA device %d does not exist" % device)
        self._device = device
        self._call("cudaSetDevice", device)
        self.version = "%d.%d" % divmod(self._get("cudaRuntimeGetVersion") // 10, 100)
        properties = ctypes.create_string_buffer(PROPERTIES_SIZE)
        self._call("cudaGetDeviceProperties", properties, device)
        self.device_name = properties.value.decode()
        self._capability = self._attribute(MAJOR), self._attribute(MINOR)
        self.compute_capability = "%d.%d" % self._capability

    def _count_devices(self) -> int:
        try:
            return self._get("cudaGetDeviceCount")
        except CudaError as error:
            raise CudaError("no usable NVIDIA driver or GPU here: %s" % error)

    def _attribute(self, number: int) -> int:
        return self._get("cudaDeviceGetAttribute", number, self._device)

    @property
    def pinned_memory_pays(self) -> bool:
        """Whether page-locked host memory is the faster end of copies.

        Not on TX2 and Nano: without I/O coherence (integrated GPUs below compute capability 7.2) the CPU does not cache
        such memory, and reading results from it takes several times as long as from ordinary memory (NVIDIA's "CUDA for
        Tegra"; cuda-benchmarks: 5.8 s against 0.5 to 0.9 s on a Nano).
        """
        return not self._attribute(INTEGRATED) or self._capability >= (7, 2)

    def memory(self) -> Tuple[int, int]:
        """Bytes free and in all on the device."""
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        self._call("cudaMemGetInfo", ctypes.byref(free), ctypes.byref(total))
        return free.value, total.value

    def allocate(self, size: int) -> int:
        return self._new("cudaMalloc", size)

    def free(self, address: int) -> None:
        self._call("cudaFree", address)

    def pinned_array(self, shape: Sequence[int]) -> np.ndarray:
        """A float32 array in page-locked memory, to be given back with free_pinned()."""
        count = int(np.prod(shape))
        address = self._new("cudaHostAlloc", 4 * count, 0)
        return np.ctypeslib.as_array((ctypes.c_float * count).from_address(address)).reshape(shape)

    def free_pinned(self, array: np.ndarray) -> None:
        """No view of the array may be used afterwards."""
        self._call("cudaFreeHost", array.ctypes.data)

    def copy_to_device(self, address: int, array: np.ndarray, stream: int) -> None:
        """Begins to copy a C-contiguous array; from pinned memory the call does not wait."""
        self._call("cudaMemcpyAsync", address, array.ctypes.data, array.nbytes, TO_DEVICE, stream)

    def copy_to_host(self, array: np.ndarray, address: int, stream: int) -> None:
        """Begins to fill a C-contiguous array; into pinned memory the call does not wait."""
        self._call("cudaMemcpyAsync", array.ctypes.data, address, array.nbytes, TO_HOST, stream)

    def new_stream(self) -> int:
        return self._new("cudaStreamCreateWithFlags", NON_BLOCKING)

    def synchronize(self, stream: int) -> None:
        self._call("cudaStreamSynchronize", stream)

    def destroy_stream(self, stream: int) -> None:
        self._call("cudaStreamDestroy", stream)

    def new_event(self, timed: bool = False) -> int:
        return self._new("cudaEventCreateWithFlags", SLEEP if timed else SLEEP | WITHOUT_TIMES)

    def record(self, event: int, stream: int) -> None:
        self._call("cudaEventRecord", event, stream)

    def wait(self, event: int) -> None:
        """Sleeps until all that was put on the stream before the event's record is done."""
        self._call("cudaEventSynchronize", event)

    def elapsed_ms(self, start: int, end: int) -> float:
        """Device time between two timed events, both over."""
        result = ctypes.c_float()
        self._call("cudaEventElapsedTime", ctypes.byref(result), start, end)
        return result.value

    def destroy_event(self, event: int) -> None:
        self._call("cudaEventDestroy", event)

    def capture(self, stream: int, enqueue: Callable[[], None]) -> int:
        """The graph of what enqueue() puts on the stream, ready for launch(). Nothing is run."""
        graph = ctypes.c_void_p()
        self._call("cudaStreamBeginCapture", stream, THIS_THREAD)
        try:
            enqueue()
        finally:  # a stream left in capture could never be used again
            code = self._library.cudaStreamEndCapture(stream, ctypes.byref(graph))
        self._check("cudaStreamEndCapture", code)
        try:
            return self._instantiate(graph)
        finally:
            self._call("cudaGraphDestroy", graph)

    def _instantiate(self, graph: Any) -> int:
        if hasattr(self._library, "cudaGraphInstantiateWithFlags"):  # CUDA 11.4 and newer
            return self._new("cudaGraphInstantiateWithFlags", graph, 0)
        return self._new("cudaGraphInstantiate", graph, None, None, 0)

    def launch(self, graph: int, stream: int) -> None:
        self._call("cudaGraphLaunch", graph, stream)

    def destroy_graph(self, graph: int) -> None:
        self._call("cudaGraphExecDestroy", graph)

    def _new(self, name: str, *args: Any) -> int:
        """The handle or address that the function writes to its first argument."""
        result = ctypes.c_void_p()
        self._call(name, ctypes.byref(result), *args)
        return result.value or 0

    def _get(self, name: str, *args: int) -> int:
        result = ctypes.c_int()
        self._call(name, ctypes.byref(result), *args)
        return result.value

    def _call(self, name: str, *args: Any) -> None:
        self._check(name, getattr(self._library, name)(*args))

    def _check(self, name: str, code: int) -> None:
        if code:
            self._library.cudaGetLastError()  # or a passing error would be taken for one of the next call
            words = self._library.cudaGetErrorString(code).decode()
            raise CudaError("%s: %s (CUDA error %d)" % (name, words, code))
