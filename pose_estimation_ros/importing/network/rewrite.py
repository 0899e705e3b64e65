"""Rewrite a foreign graph: one float32 input "images" (N, 3, h, w), RGB 0..255, and outputs with this package's names.

Normalisation is in nodes of their own before the network. Folding the mean into the first convolution would change
its zero padding from the mean colour to black.
"""

from typing import Callable, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np
import onnx
from onnx import helper, numpy_helper

from pose_estimation_ros.importing.model_import import Channels
from pose_estimation_ros.importing.network.foreign_file import Foreign, Tensor, opset_of
from pose_estimation_ros.importing.network.nodes import OLDEST_IR, PREFIX, Nodes, prefixed, pruned

INPUT = "images"
FLOAT = onnx.TensorProto.FLOAT
INTEGERS = (onnx.TensorProto.UINT8, onnx.TensorProto.INT32)
Side = Union[int, str, None]


class Entry(NamedTuple):
    """Describe what a foreign network wants to get.

    Attributes:
        tensor: its input.
        channels_last: whether that is (N, h, w, 3).
        size_wh: size of the input, px.
        batch: number of pictures, None where it is free.
        color: order of the channels, "rgb" or "bgr".
        mean: subtracted from each channel.
        std: divisor of each channel.
    """

    tensor: Tensor
    channels_last: bool
    size_wh: Tuple[int, int]
    batch: Optional[int]
    color: str
    mean: Channels
    std: Channels


def rewrite(
    foreign: Foreign, entry: Entry, outputs: Sequence[str], build: Callable[[Nodes, Sequence[str]], None]
) -> onnx.ModelProto:
    """Put nodes before and behind a foreign graph.

    Args:
        foreign: the model; it stays as it is.
        entry: what it wants to get.
        outputs: names of its outputs that are read.
        build: adds the nodes that make the new outputs of the foreign ones, float32, whose names it gets.

    Returns:
        The new model; its outputs have no shapes yet, see with_shapes.
    """
    model = onnx.ModelProto()
    model.CopyFrom(foreign.model)
    graph, nodes = model.graph, Nodes(opset_of(model))
    prefixed(graph)
    _enter(nodes, entry, _skip_casts(model, entry))
    before = len(nodes.nodes)
    types = {tensor.name: tensor.dtype for tensor in foreign.outputs}
    names = [PREFIX + name if types[name] == FLOAT else nodes.cast(PREFIX + name, FLOAT) for name in outputs]
    build(nodes, names)
    inner = list(graph.node)
    del graph.node[:], graph.input[:], graph.output[:]
    graph.node.extend(nodes.nodes[:before] + inner + nodes.nodes[before:])
    graph.initializer.extend(nodes.constants)
    width, height = entry.size_wh
    graph.input.append(helper.make_tensor_value_info(INPUT, FLOAT, [entry.batch or "batch", 3, height, width]))
    results = [node.output[0] for node in nodes.nodes if node.output[0] and node.name == "output_" + node.output[0]]
    graph.output.extend(helper.make_tensor_value_info(name, FLOAT, None) for name in results)
    _store_as_float(graph)
    pruned(graph)
    _tidy(model)
    return model


def _store_as_float(graph: onnx.GraphProto) -> None:
    """Store weights in float32 that a graph keeps in float16 and casts; TensorRT wants constants for weights."""
    halves = {tensor.name: tensor for tensor in graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT16}
    for node in list(graph.node):
        if node.op_type == "Cast" and node.input[0] in halves and node.attribute[0].i == FLOAT:
            values = numpy_helper.to_array(halves[node.input[0]]).astype(np.float32)
            graph.initializer.append(numpy_helper.from_array(values, node.output[0]))
            graph.node.remove(node)


def _skip_casts(model: onnx.ModelProto, entry: Entry) -> bool:
    """Let a graph that turns its whole numbers into float32 first take float32, in place, and tell whether it does.

    TensorRT refuses uint8 inside of a graph.
    """
    name = PREFIX + entry.tensor.name
    readers = [node for node in model.graph.node if name in node.input]
    to_float = [node.op_type == "Cast" and node.attribute[0].i == FLOAT for node in readers]
    if entry.tensor.dtype not in INTEGERS or not all(to_float) or _nested(model):
        return False
    for node in readers:
        node.op_type = "Identity"
        del node.attribute[:]
    return True


def _enter(nodes: Nodes, entry: Entry, as_float: bool) -> None:
    """Add the nodes that turn "images" into the input of the foreign graph."""
    x = INPUT
    if entry.color == "bgr":
        x = nodes.reordered(x, 1, (2, 1, 0))
    if any(entry.mean):
        x = nodes.add("Sub", x, _per_channel(entry.mean))
    if any(value != 1 for value in entry.std):
        x = nodes.add("Div", x, _per_channel(entry.std))
    if entry.channels_last:
        x = nodes.add("Transpose", x, perm=[0, 2, 3, 1])
    if as_float:
        x = nodes.add("Floor", x)
    elif entry.tensor.dtype != FLOAT:
        x = nodes.cast(x, entry.tensor.dtype)
    nodes.named(x, PREFIX + entry.tensor.name)
    nodes.nodes[-1].name = "input"


def _per_channel(values: Channels) -> np.ndarray:
    return np.array(values, np.float32).reshape(1, 3, 1, 1)


def _tidy(model: onnx.ModelProto) -> None:
    """Remove operator sets that nothing uses, and let weights be no inputs."""
    used = {node.domain for node in model.graph.node} | {""} | {function.domain for function in model.functions}
    sets = [
        entry for entry in model.opset_import if entry.domain in used or entry.domain == "ai.onnx" or _nested(model)
    ]
    del model.opset_import[:]
    model.opset_import.extend(sets)
    model.ir_version = max(model.ir_version, OLDEST_IR)


def _nested(model: onnx.ModelProto) -> bool:
    """Tell whether nodes have graphs of their own, which may use further operator sets."""
    return any(attribute.HasField("g") or attribute.graphs for node in model.graph.node for attribute in node.attribute)


def with_shapes(model: onnx.ModelProto, shapes: Mapping[str, Sequence[Side]]) -> onnx.ModelProto:
    """Write the shapes of the outputs into a model.

    Args:
        model: the model; it stays as it is.
        shapes: sides of each output, a name for a free one.

    Returns:
        The new model.
    """
    result = onnx.ModelProto()
    result.CopyFrom(model)
    del result.graph.output[:]
    result.graph.output.extend(helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in shapes.items())
    return result


def with_foreign_outputs(model: onnx.ModelProto, foreign: Foreign, names: Sequence[str]) -> onnx.ModelProto:
    """Let a rewritten model give the foreign outputs, too, for a comparison with the original.

    Args:
        model: the rewritten model; it stays as it is.
        foreign: the original.
        names: names of the original's outputs.

    Returns:
        The new model, whose outputs are the foreign ones with PREFIX.
    """
    result = onnx.ModelProto()
    result.CopyFrom(model)
    del result.graph.output[:]
    types = {tensor.name: tensor.dtype for tensor in foreign.outputs}
    infos: List[onnx.ValueInfoProto] = [helper.make_tensor_value_info(PREFIX + n, types[n], None) for n in names]
    result.graph.output.extend(infos)
    return result
