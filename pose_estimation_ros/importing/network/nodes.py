"""Build the nodes that stand before and behind a foreign graph.

They are operators of opset 9 and later, in the form that the opset of the file has, and TensorRT 8.2 reads them. A
foreign name gets a prefix, as both graphs may have an output "keypoints".
"""

from typing import Any, List, Sequence, Set, Tuple, Union

import numpy as np
import onnx
from onnx import helper, numpy_helper

PREFIX = "foreign/"
OLDEST_OPSET = 9
OLDEST_IR = 4  # since then weights need not be inputs
Value = Union[str, np.ndarray]  # name of a tensor, or a constant


class Nodes:
    """Collect nodes and the constants that they read.

    Attributes:
        opset: version of ONNX's operators.
        nodes: in the order in which they run.
        constants: weights of the nodes.
    """

    def __init__(self, opset: int) -> None:
        """Begin without nodes."""
        self.opset = opset
        self.nodes: List[onnx.NodeProto] = []
        self.constants: List[onnx.TensorProto] = []

    def add(self, operator: str, *inputs: Value, **attributes: Any) -> str:
        """Add a node with one output.

        Args:
            operator: such as "Mul".
            *inputs: names or constants.
            **attributes: of the operator.

        Returns:
            The name of the output.
        """
        return self.add_many(operator, 1, *inputs, **attributes)[0]

    def add_many(self, operator: str, count: int, *inputs: Value, **attributes: Any) -> Tuple[str, ...]:
        """Add a node with several outputs.

        Args:
            operator: such as "TopK".
            count: number of outputs.
            *inputs: names or constants.
            **attributes: of the operator.

        Returns:
            The names of the outputs.
        """
        name = "%s_%d" % (operator, len(self.nodes))
        names = [value if isinstance(value, str) else self._constant(value) for value in inputs]
        outputs = tuple("%s_%d" % (name, i) for i in range(count))
        self.nodes.append(helper.make_node(operator, names, list(outputs), name=name, **attributes))
        return outputs

    def take(self, x: Value, axis: int, begin: int, end: int) -> str:
        """Take the indices begin to end - 1 of an axis."""
        if self.opset < 10:
            return self.add("Slice", x, axes=[axis], starts=[begin], ends=[end])
        return self.add("Slice", x, whole(begin), whole(end), whole(axis))

    def at(self, x: Value, axis: int, index: int) -> str:
        """Take one index of an axis, which vanishes."""
        return self.add("Gather", x, np.array(index, np.int64), axis=axis)

    def reordered(self, x: Value, axis: int, order: Sequence[int]) -> str:
        """Take indices of an axis in an order."""
        return self.add("Gather", x, whole(*order), axis=axis)

    def reshaped(self, x: Value, *shape: int) -> str:
        """Give a tensor a shape; 0 keeps a side, -1 is what remains."""
        return self.add("Reshape", x, whole(*shape))

    def unsqueezed(self, x: Value, axis: int) -> str:
        """Add an axis of length 1."""
        return self.add("Unsqueeze", x, axes=[axis]) if self.opset < 13 else self.add("Unsqueeze", x, whole(axis))

    def maximum(self, x: Value, axis: int) -> str:
        """Return the maximum over an axis, which stays with length 1."""
        if self.opset < 18:
            return self.add("ReduceMax", x, axes=[axis], keepdims=1)
        return self.add("ReduceMax", x, whole(axis), keepdims=1)

    def best(self, x: Value, axis: int, count: int) -> Tuple[str, str]:
        """Return the largest values along an axis, best first, and their indices."""
        if self.opset < 10:
            values, indices = self.add_many("TopK", 2, x, axis=axis, k=count)
        else:
            values, indices = self.add_many("TopK", 2, x, whole(count), axis=axis)
        return values, indices

    def cast(self, x: Value, dtype: int) -> str:
        """Convert a tensor to an ONNX element type."""
        return self.add("Cast", x, to=dtype)

    def joined(self, axis: int, *parts: Value) -> str:
        """Concatenate along an axis."""
        return self.add("Concat", *parts, axis=axis)

    def named(self, x: Value, name: str) -> None:
        """Give a tensor the name of an output."""
        inputs = [x if isinstance(x, str) else self._constant(x)]
        self.nodes.append(helper.make_node("Identity", inputs, [name], name="output_" + name))

    def _constant(self, value: np.ndarray) -> str:
        name = "constant_%d" % len(self.constants)
        self.constants.append(numpy_helper.from_array(value, name))
        return name


def whole(*values: int) -> np.ndarray:
    """Make a list of whole numbers, as shapes, axes and indices are."""
    return np.array(values, np.int64)


def numbers(*values: float) -> np.ndarray:
    """Make a list of float32."""
    return np.array(values, np.float32)


def prefixed(graph: onnx.GraphProto) -> None:
    """Put PREFIX before all names of a graph, and of its branches and loops, in place."""
    for named in list(graph.input) + list(graph.output) + list(graph.value_info) + list(graph.initializer):
        named.name = PREFIX + named.name
    for sparse in graph.sparse_initializer:
        sparse.values.name = PREFIX + sparse.values.name
    for note in graph.quantization_annotation:
        note.tensor_name = PREFIX + note.tensor_name
        for entry in note.quant_parameter_tensor_names:
            entry.value = PREFIX + entry.value
    for node in graph.node:
        node.name = node.name and PREFIX + node.name
        node.input[:] = [name and PREFIX + name for name in node.input]
        node.output[:] = [name and PREFIX + name for name in node.output]
        for attribute in node.attribute:
            if attribute.HasField("g"):
                prefixed(attribute.g)
            for inner in attribute.graphs:
                prefixed(inner)


def pruned(graph: onnx.GraphProto) -> None:
    """Remove the nodes and weights that no output of a graph depends on, and sort the nodes, in place."""
    makers = {name: i for i, node in enumerate(graph.node) for name in node.output}
    needed: Set[str] = set()
    waiting = [value.name for value in graph.output]
    while waiting:  # in any order: ONNX Runtime takes files whose nodes are not sorted
        name = waiting.pop()
        if name and name not in needed:
            needed.add(name)
            waiting += _reads(graph.node[makers[name]]) if name in makers else []
    kept = _in_order([node for node in graph.node if needed.intersection(node.output)])
    del graph.node[:]
    graph.node.extend(kept)
    weights = [tensor for tensor in graph.initializer if tensor.name in needed]
    del graph.initializer[:]
    graph.initializer.extend(weights)


def _in_order(nodes: Sequence[onnx.NodeProto]) -> List[onnx.NodeProto]:
    """Put each node behind those whose results it reads, as ONNX wants it and not all exporters do."""
    ordered: List[onnx.NodeProto] = []
    missing = {name for node in nodes for name in node.output if name}
    while nodes:
        waiting = []
        for node in nodes:
            if missing.isdisjoint(_reads(node)):
                ordered.append(node)
                missing.difference_update(node.output)
            else:
                waiting.append(node)
        if len(waiting) == len(nodes):
            return ordered + waiting  # a circle, which ONNX Runtime refuses
        nodes = waiting
    return ordered


def _reads(node: onnx.NodeProto) -> List[str]:
    """List the tensors that a node reads, those of its branches and loops too."""
    names = list(node.input)
    graphs = [a.g for a in node.attribute if a.HasField("g")] + [g for a in node.attribute for g in a.graphs]
    for graph in graphs:
        names += [value.name for value in graph.output] + [name for inner in graph.node for name in _reads(inner)]
    return names
