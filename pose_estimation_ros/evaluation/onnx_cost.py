"""What a network costs, counted in its ONNX graph, in the convention of HRNet's tool and of all papers but LitePose's.

Counted are multiply-adds of convolutions and linear layers, without bias; batch norm, activations, resizing, and
products of two activations (attention) count nothing, as in training.models.counting. Gi = MACs / 2^30.
"""

from __future__ import annotations

import tempfile
from math import prod
from pathlib import Path
from typing import NamedTuple, Sequence

import numpy as np
import onnx
from onnx import TensorProto

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.inference.backends.find import onnx_file
from pose_estimation_ros.inference.backends.open import open_backend

NUMBERS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE, TensorProto.INT8)
STATISTICS = slice(3, 5)  # of a batch norm's inputs: mean and variance, which are measured, not learned


class Cost(NamedTuple):
    """Of one image. parameters: numbers in the file; its batch norms are part of the convolutions before them, so that
    the training network has one more for each of their channels. macs: multiply-adds.
    """

    parameters: int
    macs: int


def onnx_cost(path: str | Path, input_shape: Sequence[int]) -> Cost:
    """Of an .onnx file with one input, given as (1, ...), of which all sizes are known. Raises ModelError."""
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
    measured = {name for node in graph.node if node.op_type == "BatchNormalization" for name in node.input[STATISTICS]}
    learned = [t for t in graph.initializer if t.data_type in NUMBERS and t.name not in measured]
    return sum(prod(tensor.dims) for tensor in learned)


def constants(graph: onnx.GraphProto) -> set[str]:
    """Names of what does not depend on the input: weights, as they are or as a cast or dequantisation of them."""
    names = {tensor.name for tensor in graph.initializer}
    for node in graph.node:
        if all(name in names for name in node.input if name):
            names.update(node.output)
    return names


def shapes_of_a_run(model: onnx.ModelProto, names: set[str], input_shape: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Shapes of these values for such an input: all values become outputs, and the network runs once.

    ONNX' own shape inference gives up at what a network works out of its shapes, as ELPN's attention does.
    """
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    (entry,) = [value for value in model.graph.input if value.name not in shapes]
    image = np.zeros(input_shape, onnx.helper.tensor_dtype_to_np_dtype(entry.type.tensor_type.elem_type))
    shapes[entry.name] = image.shape
    present = {output.name for output in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in sorted(names - present - set(shapes)))
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "with_all_outputs.onnx"))
        onnx.save(model, path)
        with open_backend(onnx_file(path), threads=1) as backend:
            return {name: value.shape for name, value in backend(image).items()} | shapes


def layer_macs(node: onnx.NodeProto, shapes: dict[str, tuple[int, ...]]) -> int:
    given, weight, made = (shapes[name] for name in (*node.input[:2], node.output[0]))
    return MACS[node.op_type](given, weight, made)


# Of the shapes given, weight, made. A convolution's kernel acts per output value, a transposed one's per input value.
MACS = {
    "Conv": lambda _given, weight, made: prod(made) * prod(weight[1:]),
    "ConvTranspose": lambda given, weight, _made: prod(given) * prod(weight[1:]),
    "Gemm": lambda given, weight, _made: prod(given) * prod(weight) // given[-1],
    "MatMul": lambda given, _weight, made: prod(made) * given[-1],
}
