"""TensorRT, on NVIDIA's GPUs: an engine file that `pose build-engine` made on this machine."""

import collections
import contextlib
import threading
import time
from typing import Any, Callable, Deque, Dict, List, NamedTuple, Sequence, Tuple

import numpy as np

from pose_estimation_ros.core.errors import CudaError, ModelError
from pose_estimation_ros.inference.backends.base import Backend
from pose_estimation_ros.inference.backends.model_file import ModelFile
from pose_estimation_ros.inference.trt.api import (
    TensorInfo,
    input_and_outputs,
    make_log,
    open_engine,
)
from pose_estimation_ros.inference.trt.batch_sizes import Bucket, bucket_sizes, parts
from pose_estimation_ros.inference.trt.cache import refuse_foreign
from pose_estimation_ros.inference.trt.gpu import ask_gpu

FLOAT_BYTES = 4
COPIES = ("copy in", "copy out")
SLOTS = 2  # while one part of a batch is on the device, the next is made ready


class Slot(NamedTuple):
    """Where one part of a batch waits on the host. arrays: page-locked, by tensor; none where such memory is slow.

    marks: events before and after the copy in, and before and after the copy out; none unless copies are timed.
    """

    arrays: Dict[str, np.ndarray]
    done: int  # event
    marks: Sequence[int] = ()


class TensorRTBackend(Backend):
    """Run one engine with a single float32 input (N, 3, h, w) and float32 outputs, N free or fixed.

    A batch runs at the next larger of the sizes 1, 2, 4, 8 ... up to the engine's largest, beyond that in parts; rows
    that it lacks run on what lies in memory. All device memory is taken once, here. graphs: how many of the sizes run
    as a CUDA graph, which takes an execution context for each; before TensorRT 8.6 there can only be one.

    Raises ModelError: no TensorRT, or an engine of another machine, version or model, or with other tensors;
    CudaError, also when called: no driver, too little memory, or a fault of the device.
    """

    name = "tensorrt"

    def __init__(self, model: ModelFile) -> None:
        trt, self._cuda, machine = model.gpu or ask_gpu()
        self._path, self._thread = model.path, threading.get_ident()
        refuse_foreign(model.sidecar, dict(machine, **model.sources))
        self.precision = model.sidecar["precision_built"]
        self._engine = open_engine(trt, make_log(trt), model.content, model.path)
        self._input, self._outputs = input_and_outputs(model.path, self._engine.tensors)
        self.input_shape = self._input.shape
        self.output_shapes = {output.name: output.shape for output in self._outputs}
        self._closing = contextlib.ExitStack()
        self._buckets: List[Bucket] = []
        try:
            self._set_up()
        except ModelError:
            self.close()
            raise

    def _set_up(self) -> None:
        fixed = self._input.shape[0]
        sizes = [fixed] if fixed else bucket_sizes(self._engine.largest_shape(self._input.name)[0])
        self._stream = self._own(self._cuda.new_stream(), self._cuda.destroy_stream)
        self._addresses = {
            tensor.name: self._own(self._cuda.allocate(FLOAT_BYTES * count(tensor, sizes[-1])), self._cuda.free)
            for tensor in self._engine.tensors
        }
        contexts = self._new_contexts(len(sizes))
        alone = len(set(map(id, contexts))) == len(contexts)
        # A context may not be given another shape while it runs: shared, it takes one part at a time.
        self._slots = [self._new_slot(sizes[-1]) for _ in range(SLOTS if alone else 1)]
        self._buckets = [self._new_bucket(size, context, alone) for size, context in zip(sizes, contexts)]

    def _own(self, thing: Any, give_back: Callable[[Any], None]) -> Any:
        self._closing.callback(give_back, thing)
        return thing

    def _new_slot(self, size: int) -> Slot:
        tensors = self._engine.tensors if self._cuda.pinned_memory_pays else []
        arrays = {
            tensor.name: self._own(self._cuda.pinned_array((size,) + tensor.shape[1:]), self._cuda.free_pinned)
            for tensor in tensors
        }
        return Slot(arrays, self._own(self._cuda.new_event(), self._cuda.destroy_event))

    def _new_contexts(self, number: int) -> List[Any]:
        """One for each bucket, in shared memory, or the same for all where TensorRT gives no more than one."""
        scratch = self._engine.scratch_size if number > 1 else 0
        if scratch:
            scratch = self._own(self._cuda.allocate(scratch), self._cuda.free)
        contexts = [self._engine.new_context(scratch)]
        self._closing.callback(contexts.clear)  # before the memory that they use
        while len(contexts) < number and contexts[-1] is not None:
            contexts.append(self._engine.new_context(scratch))
        return contexts[:1] * number if contexts[-1] is None else list(contexts)

    def _new_bucket(self, size: int, context: Any, alone: bool) -> Bucket:
        """Runs it once, because TensorRT sets itself up then; then captures it, if no other bucket has its context."""
        bucket = Bucket(size, context, None)
        self._run(bucket)
        self._cuda.synchronize(self._stream)
        if not alone:
            return bucket
        try:
            graph = self._cuda.capture(self._stream, lambda: self._engine.enqueue(context, self._stream))
        except CudaError:  # some layers cannot be captured; they run call by call
            return bucket
        return bucket._replace(graph=self._own(graph, self._cuda.destroy_graph))

    @property
    def graphs(self) -> int:
        return sum(bucket.graph is not None for bucket in self._buckets)

    def time_copies(self) -> None:
        """copies_ms has the way to the device and back, and on the host to and from page-locked memory.

        By events on the stream, so nothing waits that would not wait otherwise. Where a batch runs in parts, the host's
        share of one part's copies is beside the other's network.
        """
        if not self.copies_ms:
            self.copies_ms = dict.fromkeys(COPIES, 0.0)
            self._slots = [slot._replace(marks=[self._new_mark() for _ in range(4)]) for slot in self._slots]

    def _new_mark(self) -> int:
        return self._own(self._cuda.new_event(timed=True), self._cuda.destroy_event)

    def run(self, batch: np.ndarray) -> Dict[str, np.ndarray]:
        self._check(batch)
        results = {output.name: np.empty((len(batch),) + output.shape[1:], np.float32) for output in self._outputs}
        under_way: Deque[Tuple] = collections.deque()
        for turn, (start, size, bucket) in enumerate(parts(len(batch), self._buckets)):
            if len(under_way) == len(self._slots):
                self._finish(*under_way.popleft())
            slot = self._slots[turn % len(self._slots)]
            part = {name: result[start : start + size] for name, result in results.items()}
            under_way.append((slot, part, self._begin(slot, part, bucket, batch[start : start + size])))
        while under_way:
            self._finish(*under_way.popleft())
        return results

    def _begin(self, slot: Slot, part: Dict[str, np.ndarray], bucket: Bucket, images: np.ndarray) -> np.ndarray:
        """Puts copy in, network and copy out on the stream. Returns what must live until _finish()."""
        size, name = len(images), self._input.name
        if slot.arrays:
            images = self._copy(COPIES[0], slot.arrays[name][:size], images)
        images = np.ascontiguousarray(images, np.float32)
        self._mark(slot, 0)
        self._cuda.copy_to_device(self._addresses[name], images, self._stream)
        self._mark(slot, 1)
        self._run(bucket)
        self._mark(slot, 2)
        for name, result in part.items():
            target = slot.arrays[name][:size] if slot.arrays else result
            self._cuda.copy_to_host(target, self._addresses[name], self._stream)
        self._mark(slot, 3)
        self._cuda.record(slot.done, self._stream)
        return images

    def _mark(self, slot: Slot, number: int) -> None:
        if slot.marks:
            self._cuda.record(slot.marks[number], self._stream)

    def _copy(self, way: str, target: np.ndarray, source: np.ndarray) -> np.ndarray:
        """Fills target, which it returns, on the host."""
        start_s = time.perf_counter()
        target[:] = source
        if self.copies_ms:
            self.copies_ms[way] += 1e3 * (time.perf_counter() - start_s)
        return target

    def _run(self, bucket: Bucket) -> None:
        if bucket.graph is not None:
            self._cuda.launch(bucket.graph, self._stream)
            return
        free = self._input.shape[0] is None
        shapes = {self._input.name: (bucket.size,) + self._input.shape[1:]} if free else {}
        self._engine.prepare(bucket.context, shapes, self._addresses)
        self._engine.enqueue(bucket.context, self._stream)

    def _finish(self, slot: Slot, part: Dict[str, np.ndarray], _images: np.ndarray) -> None:
        self._cuda.wait(slot.done)
        for way, (before, after) in zip(COPIES, zip(slot.marks[::2], slot.marks[1::2])):
            self.copies_ms[way] += self._cuda.elapsed_ms(before, after)
        for name, result in part.items():
            if slot.arrays:
                self._copy(COPIES[1], result, slot.arrays[name][: len(result)])

    def _check(self, batch: np.ndarray) -> None:
        self._check_thread()
        if not self._buckets:
            raise ModelError("%s: is closed" % self._path)
        if batch.shape[1:] != self.input_shape[1:]:
            raise ModelError("%s: expected a batch (N, %d, %d, %d), got %s" % (
                (self._path,) + self.input_shape[1:] + (batch.shape,)))  # fmt: skip

    def _check_thread(self) -> None:
        if threading.get_ident() != self._thread:
            raise ModelError("%s: expected calls from the thread that opened it, got another's" % self._path)

    def close(self) -> None:
        if self._engine is None:
            return
        self._check_thread()
        self._buckets = []
        with contextlib.suppress(CudaError):  # after a fault nothing can be freed but by the end of the process
            self._closing.close()
        self._engine = None


def count(tensor: TensorInfo, batch: int) -> int:
    return batch * int(np.prod(tensor.shape[1:]))
