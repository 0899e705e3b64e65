"""Run engines on TensorRT, on the machine where `pose build-engine` built them."""

import collections
import contextlib
import threading
import time
from typing import Callable, Deque, Dict, List, NamedTuple, Sequence, TypeVar

import numpy as np

from pose_estimation_ros.core.errors import CudaError, ModelError
from pose_estimation_ros.inference.backends.base import Backend, Outputs
from pose_estimation_ros.inference.backends.model_file import ModelFile
from pose_estimation_ros.inference.trt.api import (
    TensorInfo,
    TrtObject,
    input_and_outputs,
    make_log,
    open_engine,
)
from pose_estimation_ros.inference.trt.batch_sizes import Bucket, bucket_sizes, parts
from pose_estimation_ros.inference.trt.cache import refuse_foreign
from pose_estimation_ros.inference.trt.gpu import ask_gpu

FLOAT_BYTES = 4
COPIES = ("copy in", "copy out")
SLOTS = 2  # while one part of a batch is on the device, the next one is prepared
T = TypeVar("T")


class Slot(NamedTuple):
    """Hold the host memory and the events of one part of a batch.

    Attributes:
        arrays: {tensor name: page-locked array}, empty if such memory is slow on this machine.
        done: event at the end of the part.
        marks: events before and after the copy in, and before and after the copy out; empty unless copies are timed.
    """

    arrays: Dict[str, np.ndarray]
    done: int
    marks: Sequence[int] = ()


class Part(NamedTuple):
    """Hold a part of a batch that is on the device.

    Attributes:
        slot: its host memory and events.
        outputs: {output name: rows of the result that belong to the part}.
        images: the input, which must live until the part is done.
    """

    slot: Slot
    outputs: Outputs
    images: np.ndarray


class TensorRTBackend(Backend):
    """Run one engine with a single float32 input (N, 3, h, w) and float32 outputs, N free or fixed.

    A batch runs at the next larger of the sizes 1, 2, 4, 8 ... up to the engine's largest size, a larger batch in
    parts. Missing rows are computed from whatever is in memory. All device memory is allocated when the engine is
    opened. A call raises CudaError after a fault of the device.
    """

    name, on_gpu = "tensorrt", True

    def __init__(self, model: ModelFile) -> None:
        """Open an engine.

        Args:
            model: an engine, as find_model() returns it.

        Raises:
            ModelError: TensorRT is missing, or the engine was built for another machine, version or model, or it has
                other tensors.
            CudaError: the driver is missing, or the device has too little memory or a fault.
        """
        trt, self._cuda, machine = model.gpu or ask_gpu()
        self._path, self._thread = model.path, threading.get_ident()
        refuse_foreign(model.sidecar, dict(machine, **model.sources))
        self.precision = model.sidecar["precision_built"]
        self._engine = open_engine(trt, make_log(trt), model.content, model.path)
        self._input, self._outputs = input_and_outputs(model.path, self._engine.tensors)
        self.input_shape = self._input.shape
        self.output_shapes = {output.name: output.shape for output in self._outputs}
        self._closing, self._is_open = contextlib.ExitStack(), True
        self._buckets: List[Bucket] = []
        try:
            self._set_up()
        except ModelError:
            self.close()
            raise

    def _set_up(self) -> None:
        fixed = self._input.shape[0]
        sizes = [fixed] if fixed else bucket_sizes(self._engine.largest_shape(self._input.name)[0])
        self._stream = self._release_at_close(self._cuda.new_stream(), self._cuda.destroy_stream)
        self._addresses = {tensor.name: self._allocate(FLOAT_BYTES * count(tensor, sizes[-1]))
                           for tensor in self._engine.tensors}  # fmt: skip
        contexts = self._new_contexts(len(sizes))
        separate = len(set(map(id, contexts))) == len(contexts)
        # The shape of a context must not change while it runs: a shared one takes one part at a time.
        self._slots = [self._new_slot(sizes[-1]) for _ in range(SLOTS if separate else 1)]
        self._buckets = [self._new_bucket(size, context, separate) for size, context in zip(sizes, contexts)]

    def _release_at_close(self, resource: T, release: Callable[[T], None]) -> T:
        self._closing.callback(release, resource)
        return resource

    def _allocate(self, size: int) -> int:
        return self._release_at_close(self._cuda.allocate(size), self._cuda.free)

    def _new_slot(self, size: int) -> Slot:
        arrays = {}
        if self._cuda.pinned_memory_pays:
            for tensor in self._engine.tensors:
                array = self._cuda.pinned_array((size,) + tensor.row_shape)
                arrays[tensor.name] = self._release_at_close(array, self._cuda.free_pinned)
        return Slot(arrays, self._release_at_close(self._cuda.new_event(), self._cuda.destroy_event))

    def _new_contexts(self, number: int) -> List[TrtObject]:
        """Make a context for each bucket, in shared memory, or one for all if TensorRT allows no more."""
        scratch = self._engine.scratch_size if number > 1 else 0
        if scratch:
            scratch = self._allocate(scratch)
        contexts = [self._engine.new_context(scratch)]
        self._closing.callback(contexts.clear)  # before the memory that they use
        while len(contexts) < number and contexts[-1] is not None:
            contexts.append(self._engine.new_context(scratch))
        return contexts[:1] * number if contexts[-1] is None else list(contexts)

    def _new_bucket(self, size: int, context: TrtObject, separate: bool) -> Bucket:
        """Run a size once, because TensorRT initialises itself then, and capture it if its context is separate."""
        bucket = Bucket(size, context, None)
        self._run(bucket)
        self._cuda.synchronize(self._stream)
        if not separate:
            return bucket
        try:
            graph = self._cuda.capture(self._stream, lambda: self._engine.enqueue(context, self._stream))
        except CudaError:  # some layers cannot be captured; they run call by call
            return bucket
        return bucket._replace(graph=self._release_at_close(graph, self._cuda.destroy_graph))

    @property
    def graphs(self) -> int:
        """Count the batch sizes that run as a CUDA graph; each needs a context, and TensorRT < 8.6 allows only one."""
        return sum(bucket.graph is not None for bucket in self._buckets)

    def time_copies(self) -> None:
        """Begin to fill copies_ms: between host and device, and on the host to and from page-locked memory.

        Events on the stream measure the times, which adds no waiting. If a batch runs in parts, the copies of one part
        on the host run beside the network of the other part.
        """
        if not self.copies_ms:
            self.copies_ms = dict.fromkeys(COPIES, 0.0)
            self._slots = [slot._replace(marks=[self._new_mark() for _ in range(4)]) for slot in self._slots]

    def _new_mark(self) -> int:
        return self._release_at_close(self._cuda.new_event(timed=True), self._cuda.destroy_event)

    def run(self, batch: np.ndarray) -> Outputs:
        """Compute the outputs of a batch (N, 3, h, w) float32."""
        self._check(batch)
        results = {output.name: np.empty((len(batch),) + output.row_shape, np.float32) for output in self._outputs}
        running: Deque[Part] = collections.deque()
        for turn, (start, size, bucket) in enumerate(parts(len(batch), self._buckets)):
            if len(running) == len(self._slots):
                self._finish(running.popleft())
            slot = self._slots[turn % len(self._slots)]
            outputs = {name: result[start : start + size] for name, result in results.items()}
            running.append(self._begin(slot, outputs, bucket, batch[start : start + size]))
        while running:
            self._finish(running.popleft())
        return results

    def _begin(self, slot: Slot, outputs: Outputs, bucket: Bucket, images: np.ndarray) -> Part:
        """Put copy in, network and copy out of a part on the stream."""
        size, name = len(images), self._input.name
        if slot.arrays:
            images = self._copy(COPIES[0], slot.arrays[name][:size], images)
        images = np.ascontiguousarray(images, np.float32)
        self._mark(slot, 0)
        self._cuda.copy_to_device(self._addresses[name], images, self._stream)
        self._mark(slot, 1)
        self._run(bucket)
        self._mark(slot, 2)
        for name, result in outputs.items():
            target = slot.arrays[name][:size] if slot.arrays else result
            self._cuda.copy_to_host(target, self._addresses[name], self._stream)
        self._mark(slot, 3)
        self._cuda.record(slot.done, self._stream)
        return Part(slot, outputs, images)

    def _mark(self, slot: Slot, number: int) -> None:
        if slot.marks:
            self._cuda.record(slot.marks[number], self._stream)

    def _copy(self, direction: str, target: np.ndarray, source: np.ndarray) -> np.ndarray:
        """Copy source to target on the host, add the time to copies_ms, and return target."""
        start_s = time.perf_counter()
        target[:] = source
        if self.copies_ms:
            self.copies_ms[direction] += 1e3 * (time.perf_counter() - start_s)
        return target

    def _run(self, bucket: Bucket) -> None:
        if bucket.graph is not None:
            self._cuda.launch(bucket.graph, self._stream)
            return
        free = self._input.shape[0] is None
        shapes = {self._input.name: (bucket.size,) + self._input.row_shape} if free else {}
        self._engine.prepare(bucket.context, shapes, self._addresses)
        self._engine.enqueue(bucket.context, self._stream)

    def _finish(self, part: Part) -> None:
        """Wait for a part, add its copy times, and copy its outputs from page-locked memory to the result."""
        slot = part.slot
        self._cuda.wait(slot.done)
        for direction, (before, after) in zip(COPIES, zip(slot.marks[::2], slot.marks[1::2])):
            self.copies_ms[direction] += self._cuda.elapsed_ms(before, after)
        for name, result in part.outputs.items():
            if slot.arrays:
                self._copy(COPIES[1], result, slot.arrays[name][: len(result)])

    def _check(self, batch: np.ndarray) -> None:
        """Raise ModelError for a call from another thread, a closed engine or a batch of another shape."""
        self._check_thread()
        if not self._is_open:
            raise ModelError("%s is closed" % self._path)
        if batch.shape[1:] != self.input_shape[1:]:
            raise ModelError("%s: expected a batch (N, %d, %d, %d), got %s" % (
                (self._path,) + self.input_shape[1:] + (batch.shape,)))  # fmt: skip

    def _check_thread(self) -> None:
        if threading.get_ident() != self._thread:
            raise ModelError("%s: expected calls from the thread that opened it, got one of another" % self._path)

    def close(self) -> None:
        """Free the engine and its memory; closing twice is no error."""
        if not self._is_open:
            return
        self._check_thread()
        self._buckets, self._is_open = [], False
        with contextlib.suppress(CudaError):  # after a fault only the end of the process frees anything
            self._closing.close()
        del self._engine


def count(tensor: TensorInfo, batch: int) -> int:
    """Count the numbers in a tensor.

    Args:
        tensor: tensor of an engine.
        batch: number of images.
    """
    return batch * int(np.prod(tensor.row_shape))
