"""Define what every network offers once it is open, whatever library runs it."""

from typing import Callable, Dict, Optional, Tuple

import numpy as np

from pose_estimation_ros.inference.non_finite import NonFinite, mark_non_finite, total

CPU_ENGINES = ("onnxruntime", "openvino")  # what runs .onnx files, the default first


class Backend:
    """A network ready to run: a callable ``batch (N, 3, h, w) float32 -> {output name: (N, ...) float32}``.

    Subclasses implement ``run``. A call marks what is not finite in its outputs: a heatmap channel, keypoint or box
    with a NaN or an infinite number is NaN throughout, and has to be taken as not found. non_finite: count of these
    since the network was opened. blind: whether an output of the last batch had no finite value at all.

    name: such as "onnxruntime". precision: of its arithmetic, "fp32", "fp16" or "int8", "" where nobody has told
    (open_backend does). input_shape and output_shapes: tuples, None where a dimension is free. fault: why it
    serves in another's place, "" while all is well. copies_ms: {"copy in", "copy out"} of all calls since
    time_copies(), which are part of the calls' time; empty before, and where there is no device to copy to.
    Belongs to the thread that opened it. Use it as a context manager or call ``close()``.
    """

    name = ""
    precision = ""
    input_shape: Tuple = ()
    output_shapes: Dict[str, Tuple] = {}
    fault = ""
    copies_ms: Dict[str, float] = {}
    non_finite = NonFinite()
    blind = False

    def __call__(self, batch: np.ndarray) -> Dict[str, np.ndarray]:
        outputs, found = mark_non_finite(self.run(batch))
        self.blind = bool(found.batches_without_finite)
        if found.values:
            self.non_finite = total([self.non_finite, found])
        return outputs

    def run(self, batch: np.ndarray) -> Dict[str, np.ndarray]:
        """Compute the outputs of a batch (N, 3, h, w) float32, as the network gives them."""
        raise NotImplementedError

    def time_copies(self) -> None:
        """From now on copies_ms tells; for benchmarks, because it may cost a little time."""

    def close(self) -> None:
        """Frees the engine; closing twice is no error."""
        raise NotImplementedError

    def __enter__(self) -> "Backend":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def run_in_parts(run: Callable, batch: np.ndarray, size: Optional[int]) -> Dict[str, np.ndarray]:
    """run on parts of ``size`` images, the last one filled up with zeros; on all at once where size is None."""
    size = size or max(len(batch), 1)
    missing = -len(batch) % size or size * (not len(batch))
    if missing:
        batch = np.concatenate([batch, np.zeros((missing,) + batch.shape[1:], batch.dtype)])
    batch = np.ascontiguousarray(batch)
    parts = [run(batch[start : start + size]) for start in range(0, len(batch), size)]
    count = len(batch) - missing
    return {name: np.concatenate([part[name] for part in parts])[:count] for name in parts[0]}
