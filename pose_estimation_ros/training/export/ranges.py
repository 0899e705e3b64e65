"""What values a network's tensors take on given inputs: the ranges that int8 covers. Needs no torch."""

from __future__ import annotations

from typing import Callable, Collection, Iterable

import numpy as np
import onnx
import onnxruntime

from pose_estimation_ros.core.errors import ConfigError, DataError

PERCENT = 99.99
LEVELS = 128  # of int8 magnitudes
BINS = 2048  # of the histogram of magnitudes that entropy looks at
STRIDE = 16  # bins from one threshold that entropy tries to the next

Range = tuple[float, float]


class Histogram:
    """Counts of float32 values, by their upper 16 bits: to 0.8 %, whatever their range, which nobody knows before."""

    ENDS = (np.arange(1 << 16, dtype=np.uint32) << 16 | 0xFFFF).view(np.float32)  # of each count, away from zero

    def __init__(self) -> None:
        self.counts = np.zeros(1 << 16, np.int64)
        self.low, self.high = np.inf, -np.inf

    def add(self, values: np.ndarray) -> None:
        """values: float32 of any shape, at least one, all finite."""
        self.counts += np.bincount(values.ravel().view(np.uint32) >> 16, minlength=1 << 16)
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))

    def sorted(self, magnitudes: bool) -> tuple[np.ndarray, np.ndarray]:
        """Values or their magnitudes, ascending, and how often each was seen."""
        seen = np.flatnonzero(self.counts)
        values, counts = self.ENDS[seen].astype(np.float64).clip(self.low, self.high), self.counts[seen]
        if magnitudes:
            values = np.abs(values)
        order = np.argsort(values, kind="stable")
        return values[order], counts[order]


def minmax(seen: Histogram, symmetric: bool) -> Range:
    """All that was seen."""
    largest = max(-seen.low, seen.high)
    return (-largest, largest) if symmetric else (seen.low, seen.high)


def percentile(seen: Histogram, symmetric: bool) -> Range:
    """The middle 99.99 % of the values; symmetric: of their magnitudes."""
    values, counts = seen.sorted(magnitudes=symmetric)
    share = np.cumsum(counts) / counts.sum()
    if symmetric:
        largest = float(values[np.searchsorted(share, PERCENT / 100)])
        return -largest, largest
    outside = (1 - PERCENT / 100) / 2
    return float(values[np.searchsorted(share, outside)]), float(values[np.searchsorted(share, 1 - outside)])


def entropy(seen: Histogram, symmetric: bool) -> Range:
    """The range whose 128 levels lose the least information: Migacz, 8-bit inference with TensorRT, GTC 2017.

    Of those that reach as far as percentile's or farther: left alone, it resolves the background that most of a map is
    and cuts off peaks, up to 6 % of a tensor of ELPN-V1, of which nothing was left (AP 0.2 in place of 29).
    """
    values, counts = seen.sorted(magnitudes=True)
    if not values[-1]:
        return 0.0, 0.0
    edges = np.linspace(0, values[-1], BINS + 1)
    # Interpolated, because the counts are of wider steps than the bins where values are large.
    bins = np.diff(np.interp(edges, np.append(0, values), np.append(0, np.cumsum(counts))))
    bins[0] = bins[1]  # the zeros of a ReLU are exact at any scale
    least = np.searchsorted(edges, percentile(seen, symmetric=True)[1] * (1 - 1e-9))
    ends = (*range(max(LEVELS, int(least)), BINS, STRIDE), BINS)
    largest = float(edges[min(ends, key=lambda end: lost_information(bins, end))])
    return (-largest, largest) if symmetric else (max(seen.low, -largest), min(seen.high, largest))


def lost_information(bins: np.ndarray, end: int) -> float:
    """Kullback-Leibler divergence from the clipped distribution to its version of 128 levels."""
    reference = bins[:end].copy()
    reference[-1] += bins[end:].sum()
    starts = np.arange(LEVELS) * end // LEVELS
    filled = bins[:end] > 0
    per_filled = np.add.reduceat(bins[:end], starts) / np.maximum(np.add.reduceat(filled.astype(int), starts), 1)
    levels = np.repeat(per_filled, np.diff(np.append(starts, end))) * filled
    p, q = reference / max(reference.sum(), 1), levels / max(levels.sum(), 1)
    some = p > 0
    return float((p[some] * np.log(p[some] / np.maximum(q[some], 1e-9))).sum())


METHODS: dict[str, Callable[[Histogram, bool], Range]] = {
    "percentile": percentile,
    "entropy": entropy,
    "minmax": minmax,
}


def observe(model: onnx.ModelProto, op_types: Collection[str], batches: Iterable[np.ndarray]) -> dict[str, Histogram]:
    """Histograms of the float tensors that enter or leave operators of these types.

    Raises DataError: no batch, or a tensor that is not finite.
    """
    watched = onnx.shape_inference.infer_shapes(model)
    known = {info.name: info for info in (*watched.graph.value_info, *watched.graph.input, *watched.graph.output)}
    outputs = [info.name for info in watched.graph.output]
    touched = [n for node in model.graph.node if node.op_type in op_types for n in (*node.input, *node.output)]
    names = [n for n in dict.fromkeys(touched) if n in known and is_float(known[n])]
    watched.graph.output.extend(known[name] for name in names if name not in outputs)
    session = onnxruntime.InferenceSession(watched.SerializeToString(), providers=["CPUExecutionProvider"])
    histograms = {name: Histogram() for name in names}
    batch = None
    for batch in batches:
        for name, values in zip(names, session.run(names, {model.graph.input[0].name: batch})):
            if not np.isfinite(values).all():
                raise DataError(f"expected finite values in the network, got {name} with NaN or infinity")
            histograms[name].add(values)
    if batch is None:
        raise DataError("expected images to calibrate on, got none")
    return histograms


def is_float(info: onnx.ValueInfoProto) -> bool:
    return info.type.tensor_type.elem_type == onnx.TensorProto.FLOAT


def ranges(histograms: dict[str, Histogram], method: str, symmetric: bool) -> dict[str, Range]:
    """(low, high) of each tensor. method: "percentile", "entropy" or "minmax". Raises ConfigError for another."""
    if method not in METHODS:
        raise ConfigError(f"expected a calibration method out of {', '.join(METHODS)}, got {method!r}")
    return {name: METHODS[method](seen, symmetric) for name, seen in histograms.items()}
