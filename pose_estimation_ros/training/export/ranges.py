"""Find the ranges and means of a network's tensors on calibration images: what int8 covers. Needs no torch."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

import numpy as np
import onnx
import onnxruntime

from pose_estimation_ros.core.errors import DataError

Range = tuple[float, float]  # lowest and highest value


class Seen(NamedTuple):
    """Hold what was seen of a tensor on calibration images.

    Attributes:
        ends: Lowest and highest value.
        mean: Mean of each channel, (C,) float64; of a tensor without channels, (1,).
    """

    ends: Range
    mean: np.ndarray


def symmetric(low: float, high: float) -> Range:
    """Return the smallest range around zero that holds both values.

    Args:
        low: Lowest value.
        high: Highest value.

    Returns:
        The range (-x, x).
    """
    largest = max(-low, high)
    return -largest, largest


def observe(model: onnx.ModelProto, op_types: Collection[str], batches: Iterable[np.ndarray]) -> dict[str, Seen]:
    """Find the ranges and means of the float32 tensors that enter or leave operators of some types.

    Args:
        model: Network with one input.
        op_types: Types of operators, such as "Conv".
        batches: Inputs of the network, (N, 3, h, w) float32; a network for a fixed number of images gets as many at a
            time, the last of them repeated where some are missing.

    Returns:
        What was seen, by the names of the tensors.

    Raises:
        DataError: There is no batch, or a tensor has a value that is not finite.
    """
    watched = onnx.shape_inference.infer_shapes(model)
    names = _watch(watched.graph, op_types)
    session = onnxruntime.InferenceSession(watched.SerializeToString(), providers=["CPUExecutionProvider"])
    seen: dict[str, Seen] = {}
    count = 0
    for batch in _parts(batches, model.graph.input[0].type.tensor_type.shape.dim[0].dim_value):
        for name, values in zip(names, session.run(names, {model.graph.input[0].name: batch})):
            if not np.isfinite(values).all():
                raise DataError(f"expected finite values in the network, got {name} with NaN or infinity")
            seen[name] = _with_values(seen.get(name), count, values, len(batch))
        count += len(batch)
    if not count:
        raise DataError("expected images to calibrate on, got none")
    return seen


def _with_values(before: Seen | None, count: int, values: np.ndarray, more: int) -> Seen:
    """Add the values of one batch to what was seen of a tensor.

    Args:
        before: What was seen before, None for nothing.
        count: Number of images before.
        values: The tensor.
        more: Number of images of the batch.
    """
    axes = tuple(axis for axis in range(values.ndim) if axis != 1)
    now = Seen((float(values.min()), float(values.max())), np.atleast_1d(values.mean(axes, dtype=np.float64)))
    if before is None:
        return now
    (low, high), (other_low, other_high) = before.ends, now.ends
    mean = (before.mean * count + now.mean * more) / (count + more)
    return Seen((min(low, other_low), max(high, other_high)), mean)


def _parts(batches: Iterable[np.ndarray], count: int) -> Iterator[np.ndarray]:
    """Split batches into those of a fixed number of images, 0 for any number."""
    for batch in batches:
        size = count or len(batch)
        for start in range(0, len(batch), size):
            yield batch[np.minimum(np.arange(start, start + size), len(batch) - 1)]


def _watch(graph: onnx.GraphProto, op_types: Collection[str]) -> list[str]:
    """Make the tensors that enter or leave the operators outputs of the graph, and return their names."""
    known = {info.name: info for info in (*graph.value_info, *graph.input, *graph.output)}
    outputs = {info.name for info in graph.output}
    touched = [name for node in graph.node if node.op_type in op_types for name in (*node.input, *node.output)]
    names = [name for name in dict.fromkeys(touched) if name in known and _is_float(known[name])]
    graph.output.extend(known[name] for name in names if name not in outputs)
    return names


def _is_float(info: onnx.ValueInfoProto) -> bool:
    return info.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
