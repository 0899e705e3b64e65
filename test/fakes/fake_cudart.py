"""Replace libcudart in tests: called through ctypes like the real one, with host memory as the device's memory.

Streams are lazy: work on a stream runs when the caller waits for the stream or for a later event. Code that reads a
result too early, or overwrites an array before it was copied, therefore gets wrong numbers, as on a GPU. Addresses and
handles are larger than 32 bits, and every use of memory is checked.
"""

import ctypes
from ctypes import POINTER, c_float, c_int, c_size_t, c_uint, c_ulonglong, c_void_p

NO_DRIVER, NO_MEMORY, ILLEGAL_ADDRESS, CAPTURE_INVALID, INVALID_VALUE, UNKNOWN = 35, 2, 700, 901, 1, 999
INVALID_HANDLE, NOT_READY, WITHOUT_TIMES = 400, 600, 2
WORDS = {
    NO_DRIVER: b"CUDA driver version is insufficient for CUDA runtime version",
    NO_MEMORY: b"out of memory",
    ILLEGAL_ADDRESS: b"an illegal memory access was encountered",
}
FIRST_HANDLE = 0x7F0000000000
MEMORY = 4 << 32
ATTRIBUTES = {75: "major", 76: "minor", 18: "integrated"}
OUT = POINTER(c_void_p)


class Stream:
    """Hold the work that is waiting on a stream, and the work of a graph that is being captured."""

    def __init__(self):
        self.queue, self.captured, self.is_captured_well = [], None, True


class Event:
    """Hold the time in ms at which the device reached the event; None before that."""

    def __init__(self, without_times):
        self.keeps_time, self.stream, self.mark, self.ms = not without_times, None, None, None


class FakeCudart:
    """Simulate the functions of libcudart that the runtime uses.

    Attributes:
        failing: {function: error code of its next call}; the code 700 stays, as on a GPU.
        calls: Names of all functions that were called.
        live: {handle or address: object} of all that was allocated and not yet freed.
        device_ms: Time on the device. Only copies take time: 1 ms per byte to the device, 2 ms per byte from it.
    """

    def __init__(self, devices=1, major=8, minor=7, integrated=1, cuda=12060):
        self.devices, self.major, self.minor, self.integrated, self.version = devices, major, minor, integrated, cuda
        self.failing, self.calls, self.live, self.sticky = {}, [], {}, 0
        self.device_ms = 0.0
        self._next_handle = FIRST_HANDLE
        self._words = {}
        signatures = {
            "cudaRuntimeGetVersion": [POINTER(c_int)],
            "cudaGetDeviceCount": [POINTER(c_int)],
            "cudaSetDevice": [c_int],
            "cudaDeviceGetAttribute": [POINTER(c_int), c_int, c_int],
            "cudaGetDeviceProperties": [c_void_p, c_int],
            "cudaMemGetInfo": [POINTER(c_size_t), POINTER(c_size_t)],
            "cudaMalloc": [OUT, c_size_t],
            "cudaFree": [c_void_p],
            "cudaHostAlloc": [OUT, c_size_t, c_uint],
            "cudaFreeHost": [c_void_p],
            "cudaMemcpyAsync": [c_void_p, c_void_p, c_size_t, c_int, c_void_p],
            "cudaStreamCreateWithFlags": [OUT, c_uint],
            "cudaStreamSynchronize": [c_void_p],
            "cudaStreamDestroy": [c_void_p],
            "cudaEventCreateWithFlags": [OUT, c_uint],
            "cudaEventRecord": [c_void_p, c_void_p],
            "cudaEventSynchronize": [c_void_p],
            "cudaEventElapsedTime": [POINTER(c_float), c_void_p, c_void_p],
            "cudaEventDestroy": [c_void_p],
            "cudaStreamBeginCapture": [c_void_p, c_int],
            "cudaStreamEndCapture": [c_void_p, OUT],
            "cudaGraphDestroy": [c_void_p],
            "cudaGraphLaunch": [c_void_p, c_void_p],
            "cudaGraphExecDestroy": [c_void_p],
            "cudaGetLastError": [],
        }
        if cuda >= 11040:
            signatures["cudaGraphInstantiateWithFlags"] = [OUT, c_void_p, c_ulonglong]
        else:
            signatures["cudaGraphInstantiate"] = [OUT, c_void_p, c_void_p, c_void_p, c_size_t]
        for name, types in signatures.items():
            setattr(self, name, ctypes.CFUNCTYPE(c_int, *types)(self._counted(name)))
        self.cudaGetErrorString = ctypes.CFUNCTYPE(c_void_p, c_int)(self._error_string)

    def _counted(self, name):
        function = getattr(self, "_" + name)

        def call(*args):
            self.calls.append(name)
            try:
                code = self.sticky or self.failing.pop(name, 0) or function(*args) or self.sticky
            except Exception as error:  # ctypes would print it and return 0
                code, self._words[UNKNOWN] = UNKNOWN, ctypes.create_string_buffer(repr(error).encode())
            if code == ILLEGAL_ADDRESS:
                self.sticky = code
            return code

        return call

    def _error_string(self, code):
        text = self._words.setdefault(code, ctypes.create_string_buffer(WORDS.get(code, b"error %d" % code)))
        return ctypes.addressof(text)

    # ---- called by the fake engine ----

    def enqueue(self, stream, work):
        """Put a function on the stream, or into the graph that is being captured."""
        stream = self.live[stream]
        (stream.queue if stream.captured is None else stream.captured).append(work)

    def spoil_capture(self, stream):
        self.live[stream].is_captured_well = False

    def is_capturing(self, stream):
        return self.live[stream].captured is not None

    def check(self, address, size):
        """Tell whether the bytes lie in allocated memory; if not, all later calls fail, as on a GPU."""
        for start, thing in self.live.items():
            if isinstance(thing, ctypes.Array) and start <= address and address + size <= start + len(thing):
                return True
        self.sticky = ILLEGAL_ADDRESS
        return False

    # ---- the functions of libcudart ----

    def _new(self, out, thing):
        handle = ctypes.addressof(thing) if isinstance(thing, ctypes.Array) else self._next_handle
        self._next_handle += 1
        self.live[handle] = thing
        out[0] = handle
        return 0

    def _give_back(self, handle):
        return 0 if self.live.pop(handle, None) is not None else INVALID_VALUE

    def _cudaGetLastError(self):
        return 0

    def _cudaRuntimeGetVersion(self, out):
        out[0] = self.version
        return 0

    def _cudaGetDeviceCount(self, out):
        out[0] = self.devices
        return 0 if self.devices else NO_DRIVER

    def _cudaSetDevice(self, device):
        return 0 if device < self.devices else 101

    def _cudaDeviceGetAttribute(self, out, attribute, device):
        out[0] = getattr(self, ATTRIBUTES[attribute])
        return 0

    def _cudaGetDeviceProperties(self, properties, device):
        ctypes.memmove(properties, b"Fake GPU\0", 9)
        return 0

    def _cudaMemGetInfo(self, free, total):
        free[0], total[0] = MEMORY - (1 << 32), MEMORY
        return 0

    def _cudaMalloc(self, out, size):
        if size > MEMORY:
            return NO_MEMORY
        return self._new(out, ctypes.create_string_buffer(b"\xff" * size, size))  # NaN: nobody may rely on zeros

    def _cudaHostAlloc(self, out, size, flags):
        return self._cudaMalloc(out, size)

    def _cudaFree(self, address):
        return self._give_back(address)

    def _cudaFreeHost(self, address):
        return self._give_back(address)

    def _cudaMemcpyAsync(self, target, source, size, kind, stream):
        device, host = (target, source) if kind == 1 else (source, target)
        if not self.check(device, size):
            return ILLEGAL_ADDRESS
        is_pinned = any(
            start <= host < start + len(thing) for start, thing in self.live.items() if isinstance(thing, ctypes.Array)
        )
        if is_pinned:
            self.enqueue(stream, lambda: self._move(target, source, size, kind))
        elif kind == 1:  # the driver has copied the bytes when the call returns
            content = ctypes.string_at(source, size)
            self.enqueue(stream, lambda: self._move(target, content, size, kind))
        else:
            self._drain(self.live[stream])
            self._move(target, source, size, kind)
        return 0

    def _move(self, target, source, size, kind):
        ctypes.memmove(target, source, size)
        self.device_ms += kind * size

    def _cudaStreamCreateWithFlags(self, out, flags):
        return self._new(out, Stream())

    def _drain(self, stream, end=None):
        while stream.queue:
            work = stream.queue.pop(0)
            work()
            if work is end:
                break

    def _cudaStreamSynchronize(self, stream):
        self._drain(self.live[stream])
        return 0

    def _cudaStreamDestroy(self, stream):
        return self._give_back(stream)

    def _cudaEventCreateWithFlags(self, out, flags):
        return self._new(out, Event(bool(flags & WITHOUT_TIMES)))

    def _cudaEventRecord(self, event, stream):
        event = self.live[event]

        def mark():
            event.ms = self.device_ms

        event.stream, event.mark, event.ms = self.live[stream], mark, None
        self.enqueue(stream, mark)
        return 0

    def _cudaEventSynchronize(self, event):
        event = self.live[event]
        if event.stream and event.mark in event.stream.queue:
            self._drain(event.stream, event.mark)
        return 0

    def _cudaEventElapsedTime(self, out, start, end):
        start, end = self.live[start], self.live[end]
        if not start.keeps_time or not end.keeps_time or not (start.stream and end.stream):
            return INVALID_HANDLE
        if start.ms is None or end.ms is None:
            return NOT_READY
        out[0] = end.ms - start.ms
        return 0

    def _cudaEventDestroy(self, event):
        return self._give_back(event)

    def _cudaStreamBeginCapture(self, stream, mode):
        self.live[stream].captured, self.live[stream].is_captured_well = [], True
        return 0

    def _cudaStreamEndCapture(self, handle, out):
        stream = self.live[handle]
        works, stream.captured = stream.captured, None
        return self._new(out, ("graph", works)) if stream.is_captured_well else CAPTURE_INVALID

    def _cudaGraphInstantiateWithFlags(self, out, graph, flags):
        return self._new(out, ("executable", self.live[graph][1]))

    def _cudaGraphInstantiate(self, out, graph, error_node, log, size):
        return self._cudaGraphInstantiateWithFlags(out, graph, 0)

    def _cudaGraphDestroy(self, graph):
        return self._give_back(graph)

    def _cudaGraphLaunch(self, executable, stream):
        for work in self.live[executable][1]:
            self.enqueue(stream, work)
        return 0

    def _cudaGraphExecDestroy(self, executable):
        return self._give_back(executable)
