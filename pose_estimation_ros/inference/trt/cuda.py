"""Call the functions of CUDA's runtime that an engine needs, and check every call.

It works in the primary context of the device, which TensorRT, torch and other libraries in the process share.
"""

import ctypes
from typing import Callable, Optional, Sequence, Tuple

import numpy as np

from pose_estimation_ros.core.errors import CudaError
from pose_estimation_ros.inference.trt.cuda_library import declare, load_library

TO_DEVICE, TO_HOST = 1, 2  # cudaMemcpyKind
MAJOR, MINOR, INTEGRATED = 75, 76, 18  # cudaDeviceAttr
NON_BLOCKING = 1  # stream flag: do not wait for the default stream, which other libraries in the process may use
SLEEP, WITHOUT_TIMES = 1, 2  # event flags: a waiting thread sleeps; the event keeps no time and costs less
THIS_THREAD = 1  # capture mode: calls of other threads do not disturb the capture
PROPERTIES_SIZE = 1 << 14  # cudaDeviceProp is 700 to 1100 bytes, by version; its first 256 are the name


class Cuda:
    """Represent one device and its runtime library.

    Sizes are in bytes; addresses and handles are ints. Every method raises CudaError with the name of the CUDA function
    and CUDA's error text.

    Attributes:
        version: version of the runtime, such as "10.2".
        device_name: name of the device.
        compute_capability: such as "6.2".
    """

    def __init__(self, device: int = 0, library: Optional[ctypes.CDLL] = None) -> None:
        """Open a device.

        Args:
            device: index of the device.
            library: the runtime library, searched for if None.

        Raises:
            CudaError: the library, the driver or the device is missing, or the driver is older than the library.
        """
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
            raise CudaError("this machine has no usable NVIDIA driver or GPU: %s" % error)

    def _attribute(self, number: int) -> int:
        return self._get("cudaDeviceGetAttribute", number, self._device)

    @property
    def pinned_memory_pays(self) -> bool:
        """Tell whether copies from and to page-locked host memory are faster than from and to ordinary memory.

        They are not on TX2 and Nano. Without I/O coherence (integrated GPUs below compute capability 7.2) the CPU does
        not cache such memory, and reading results from it takes several times as long. Sources: NVIDIA, "CUDA for
        Tegra"; cuda-benchmarks, 5.8 s against 0.5 to 0.9 s on a Nano.
        """
        return not self._attribute(INTEGRATED) or self._capability >= (7, 2)

    def memory(self) -> Tuple[int, int]:
        """Return the free and the total bytes of the device's memory."""
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        self._call("cudaMemGetInfo", ctypes.byref(free), ctypes.byref(total))
        return free.value, total.value

    def allocate(self, size: int) -> int:
        """Allocate bytes of device memory and return their address."""
        return self._new("cudaMalloc", size)

    def free(self, address: int) -> None:
        """Free the device memory at an address."""
        self._call("cudaFree", address)

    def pinned_array(self, shape: Sequence[int]) -> np.ndarray:
        """Make a float32 array in page-locked memory, which free_pinned() frees."""
        count = int(np.prod(shape))
        address = self._new("cudaHostAlloc", 4 * count, 0)
        return np.ctypeslib.as_array((ctypes.c_float * count).from_address(address)).reshape(shape)

    def free_pinned(self, array: np.ndarray) -> None:
        """Free an array of pinned_array(); no view of it may be used afterwards."""
        self._call("cudaFreeHost", array.ctypes.data)

    def copy_to_device(self, address: int, array: np.ndarray, stream: int) -> None:
        """Begin to copy a C-contiguous array to the device; from page-locked memory the call does not wait.

        Args:
            address: on the device.
            array: on the host.
            stream: to put the copy on.
        """
        self._call("cudaMemcpyAsync", address, array.ctypes.data, array.nbytes, TO_DEVICE, stream)

    def copy_to_host(self, array: np.ndarray, address: int, stream: int) -> None:
        """Begin to fill a C-contiguous array from the device; into page-locked memory the call does not wait.

        Args:
            array: on the host.
            address: on the device.
            stream: to put the copy on.
        """
        self._call("cudaMemcpyAsync", array.ctypes.data, address, array.nbytes, TO_HOST, stream)

    def new_stream(self) -> int:
        """Create a stream that does not wait for the default stream."""
        return self._new("cudaStreamCreateWithFlags", NON_BLOCKING)

    def synchronize(self, stream: int) -> None:
        """Wait until all work on a stream is done."""
        self._call("cudaStreamSynchronize", stream)

    def destroy_stream(self, stream: int) -> None:
        """Destroy a stream."""
        self._call("cudaStreamDestroy", stream)

    def new_event(self, timed: bool = False) -> int:
        """Create an event, which keeps its time only if timed."""
        return self._new("cudaEventCreateWithFlags", SLEEP if timed else SLEEP | WITHOUT_TIMES)

    def record(self, event: int, stream: int) -> None:
        """Put an event on a stream.

        Args:
            event: handle of the event.
            stream: handle of the stream.
        """
        self._call("cudaEventRecord", event, stream)

    def wait(self, event: int) -> None:
        """Sleep until all work that was put on the stream before the event is done."""
        self._call("cudaEventSynchronize", event)

    def elapsed_ms(self, start: int, end: int) -> float:
        """Return the device time between two timed events in ms.

        Args:
            start: handle of an event that is over.
            end: handle of a later event that is over.
        """
        result = ctypes.c_float()
        self._call("cudaEventElapsedTime", ctypes.byref(result), start, end)
        return result.value

    def destroy_event(self, event: int) -> None:
        """Destroy an event."""
        self._call("cudaEventDestroy", event)

    def capture(self, stream: int, enqueue: Callable[[], None]) -> int:
        """Capture the work that a function puts on a stream as a graph, without running it.

        Args:
            stream: on which the work is captured.
            enqueue: puts the work on the stream.

        Returns:
            The graph, for launch().
        """
        graph = ctypes.c_void_p()
        self._call("cudaStreamBeginCapture", stream, THIS_THREAD)
        try:
            enqueue()
        finally:  # a stream that stays in capture mode could never be used again
            code = self._library.cudaStreamEndCapture(stream, ctypes.byref(graph))
        self._check("cudaStreamEndCapture", code)
        try:
            return self._instantiate(graph)
        finally:
            self._call("cudaGraphDestroy", graph)

    def _instantiate(self, graph: ctypes.c_void_p) -> int:
        if hasattr(self._library, "cudaGraphInstantiateWithFlags"):  # CUDA 11.4 and newer
            return self._new("cudaGraphInstantiateWithFlags", graph, 0)
        return self._new("cudaGraphInstantiate", graph, None, None, 0)

    def launch(self, graph: int, stream: int) -> None:
        """Put the work of a graph on a stream.

        Args:
            graph: from capture().
            stream: handle of the stream.
        """
        self._call("cudaGraphLaunch", graph, stream)

    def destroy_graph(self, graph: int) -> None:
        """Destroy a graph."""
        self._call("cudaGraphExecDestroy", graph)

    def _new(self, name: str, *args: object) -> int:
        """Return the handle or address that the function writes to its first argument."""
        result = ctypes.c_void_p()
        self._call(name, ctypes.byref(result), *args)
        return result.value or 0

    def _get(self, name: str, *args: int) -> int:
        result = ctypes.c_int()
        self._call(name, ctypes.byref(result), *args)
        return result.value

    def _call(self, name: str, *args: object) -> None:
        self._check(name, getattr(self._library, name)(*args))

    def _check(self, name: str, code: int) -> None:
        if code:
            self._library.cudaGetLastError()  # clears the error, which the next call would report otherwise
            text = self._library.cudaGetErrorString(code).decode()
            raise CudaError("%s: %s (CUDA error %d)" % (name, text, code))
