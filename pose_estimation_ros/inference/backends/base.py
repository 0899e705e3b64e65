"""Define the interface of an open network, whichever library runs it."""

from typing import Callable, Dict, Optional, Tuple

import numpy as np

from pose_estimation_ros.core.fields import check_field, whole
from pose_estimation_ros.inference.non_finite import NonFinite, mark_non_finite, total

DEVICES = ("auto", "cpu", "cuda", "tensorrt-ep", "openvino", "engine")  # what runs a network, the default first
MAX_THREADS = 256  # with many thousands ONNX Runtime takes all memory and ends the process
Shape = Tuple[Optional[int], ...]  # None for a free dimension
Outputs = Dict[str, np.ndarray]


def shape_text(shape: Shape) -> str:
    """Write a shape for a message, such as "(any, 3, 256, 192)"."""
    return "(%s)" % ", ".join("any" if side is None else str(side) for side in shape)


def check_threads(threads: int) -> int:
    """Return a number of CPU threads, 0 = as many as cores. Raises ConfigError where it is out of range."""
    return int(check_field("threads", threads, whole(0, MAX_THREADS)))


class Backend:
    """Run a network: a callable ``batch (N, 3, h, w) float32 -> {output name: (N, ...) float32}``.

    Subclasses implement ``run``. A call marks values that are not finite: a heatmap channel, keypoint or box with a NaN
    or an infinite number becomes NaN throughout and counts as not found. A backend belongs to the thread that opened
    it. Use it as a context manager or call ``close()``.

    Attributes:
        name: of library and device, such as "onnxruntime" for the CPU or "onnxruntime (cuda)".
        precision: precision of the arithmetic, "fp32", "fp16" or "int8", or "" if unknown. open_backend sets it.
        input_shape: shape of the input, None for a free dimension.
        output_shapes: {output name: shape}, None for a free dimension.
        fault: why this backend replaced another one, "" if it did not.
        copies_ms: {"copy in", "copy out"} total host-device copy time since time_copies() was called, in ms. It is
            included in the duration of the calls. Empty before time_copies(), and always but on TensorRT.
        non_finite: number of values that were not finite since the network was opened.
        blind: whether an output of the last batch had no finite value at all.
        on_gpu: whether the network runs on a GPU.
    """

    name = ""
    precision = ""
    input_shape: Shape = ()
    output_shapes: Dict[str, Shape] = {}
    fault = ""
    copies_ms: Dict[str, float] = {}
    non_finite = NonFinite()
    blind = False
    on_gpu = False

    def __call__(self, batch: np.ndarray) -> Outputs:
        """Compute the outputs of a batch (N, 3, h, w) float32 and mark values that are not finite."""
        outputs, non_finite = mark_non_finite(self.run(batch))
        self.blind = bool(non_finite.batches_without_finite)
        if non_finite.values:
            self.non_finite = total([self.non_finite, non_finite])
        return outputs

    def run(self, batch: np.ndarray) -> Outputs:
        """Compute the outputs of a batch (N, 3, h, w) float32, unchanged from the network."""
        raise NotImplementedError

    def time_copies(self) -> None:
        """Begin to fill copies_ms; for benchmarks, because it may cost a little time."""

    def close(self) -> None:
        """Free the network; closing twice is no error."""
        raise NotImplementedError

    def __enter__(self) -> "Backend":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def run_in_parts(run: Callable[[np.ndarray], Outputs], batch: np.ndarray, size: Optional[int]) -> Outputs:
    """Run a network of a fixed batch size on a batch of any size.

    Args:
        run: computes the outputs of ``size`` images.
        batch: (N, 3, h, w) float32.
        size: images per run; the last part is filled up with zeros. None runs the whole batch at once.

    Returns:
        {output name: (N, ...)}.
    """
    size = size or max(len(batch), 1)
    missing = -len(batch) % size or size * (not len(batch))
    if missing:
        batch = np.concatenate([batch, np.zeros((missing,) + batch.shape[1:], batch.dtype)])
    batch = np.ascontiguousarray(batch)
    parts = [run(batch[start : start + size]) for start in range(0, len(batch), size)]
    count = len(batch) - missing
    return {name: np.concatenate([part[name] for part in parts])[:count] for name in parts[0]}
