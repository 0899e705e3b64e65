"""Count the parameters and multiply-adds of a network in its ONNX graph.

The convention is that of HRNet's tool and of all papers but LitePose's.

Multiply-adds of convolutions and linear layers are counted, without bias. Batch norm, activations, resizing, and
products of two activations (attention) are not, as in training.models.counting. Gi = MACs / 2^30.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from onnx import TensorProto

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.inference.backends.find import onnx_file
from pose_estimation_ros.inference.backends.open import open_backend

NUMBERS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE, TensorProto.INT8)
STATISTICS = slice(3, 5)  # a batch norm's inputs mean and variance, which are measured, not learned

Shape = tuple[int, ...]


class Cost(NamedTuple):
    """Hold the cost of one image.

    Attributes:
        parameters: numbers in the file. Its batch norms are part of the convolutions before them, so that the training
            network has one more for each of their channels.
        macs: multiply-adds.
    """

    parameters: int
    macs: int


def onnx_cost(path: str | Path, input_shape: Sequence[int]) -> Cost:
    """Count the cost of a network.

    Args:
        path: an .onnx file with one input.
        input_shape: shape of that input, (1, ...).

    Raises:
        ModelError: the file is no ONNX model.
    """
    try:
        model = onnx.load(str(path))
    except Exception as error:  # protobuf's and the file system's have no common base
        raise ModelError(f"{path}: expected an ONNX file, got: {error}") from error
    weights = constants(model.graph)
    layers = [node for node in model.graph.node if node.op_type in MACS and weights & set(node.input[:2])]
    shapes = shapes_of_a_run(
        model, {name for node in layers for name in (*node.input[:2], node.output[0])}, input_shape
    )
    return Cost(parameters(model.graph), sum(layer_macs(node, shapes) for node in layers))


def parameters(graph: onnx.GraphProto) -> int:
    """Count the learned numbers of a graph."""
    measured = {name for node in graph.node if node.op_type == "BatchNormalization" for name in node.input[STATISTICS]}
    learned = [t for t in graph.initializer if t.data_type in NUMBERS and t.name not in measured]
    return sum(prod(tensor.dims) for tensor in learned)


def constants(graph: onnx.GraphProto) -> set[str]:
    """Return the names of values that do not depend on the input: weights, and what is computed from weights alone."""
    names = {tensor.name for tensor in graph.initializer}
    for node in graph.node:
        if all(name in names for name in node.input if name):
            names.update(node.output)
    return names


def shapes_of_a_run(model: onnx.ModelProto, names: set[str], input_shape: Sequence[int]) -> dict[str, Shape]:
    """Find the shapes of values by a run of the network in which they are outputs.

    ONNX' own shape inference gives up where a network computes with shapes, as ELPN's attention does.

    Args:
        model: the network.
        names: names of the values.
        input_shape: shape of its only input.

    Returns:
        Shapes by name.
    """
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    (entry,) = [value for value in model.graph.input if value.name not in shapes]
    take_float(model.graph, entry)
    image = np.zeros(input_shape, np.float32)
    shapes[entry.name] = image.shape
    present = {output.name for output in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in sorted(names - present - set(shapes)))
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "with_all_outputs.onnx"))
        onnx.save(model, path)
        with open_backend(onnx_file(path), threads=1, device="cpu") as backend:
            return {name: value.shape for name, value in backend(image).items()} | shapes


def take_float(graph: onnx.GraphProto, entry: onnx.ValueInfoProto) -> None:
    """Let an input of another type, such as MoveNet's int32, take float32, as backends give it."""
    kind = entry.type.tensor_type.elem_type
    if kind == onnx.TensorProto.FLOAT:
        return
    name = f"{entry.name}_float"
    graph.node.insert(0, onnx.helper.make_node("Cast", [name], [entry.name], to=kind))
    entry.name, entry.type.tensor_type.elem_type = name, onnx.TensorProto.FLOAT


def layer_macs(node: onnx.NodeProto, shapes: dict[str, Shape]) -> int:
    """Count the multiply-adds of a layer, given the shapes of all values.

    Args:
        node: the layer.
        shapes: shapes by name of the value.
    """
    source, weight, target = (shapes[name] for name in (*node.input[:2], node.output[0]))
    return MACS[node.op_type](source, weight, target)


# By the shapes of a layer's input, weight and output. A convolution's kernel acts once per output value, a transposed
# one's once per input value.
MACS: dict[str, Callable[[Shape, Shape, Shape], int]] = {
    "Conv": lambda _source, weight, target: prod(target) * prod(weight[1:]),
    "ConvTranspose": lambda source, weight, _target: prod(source) * prod(weight[1:]),
    "Gemm": lambda source, weight, _target: prod(source) * prod(weight) // source[-1],
    "MatMul": lambda source, _weight, target: prod(target) * source[-1],
}
