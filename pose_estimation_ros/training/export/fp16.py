"""Make ONNX models in fp16 that are strongly typed: every tensor has the type that it says. Needs no torch.

onnxconverter-common does the same, but it turns the scales of every Resize into fp16 too, which ONNX forbids, or leaves
all of Resize in float32, with two casts each.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pose_estimation_ros.training.export.onnx_graph import finished, outer_nodes

# Squares, exponentials and sums over a whole map overflow in fp16 (65504); Range and Cast set their own types.
FLOAT32_OPS = ("Pow", "Sqrt", "Exp", "Softmax", "ReduceMean", "ReduceSum", "GlobalAveragePool", "Range", "Cast")
FLOAT32_INPUTS = {"Resize": (1, 2)}  # op type: indices of the inputs that ONNX wants in float32
HALF = "_fp16"  # ends the names of tensors in fp16


def to_fp16(model: onnx.ModelProto) -> onnx.ModelProto:
    """Turn weights and arithmetic into float16 from the first to the last convolution.

    Inputs, outputs and FLOAT32_OPS stay float32. A weight over 65504 becomes the largest number of fp16.

    Args:
        model: Network in float32, as onnx_graph.load_float32 gives it.

    Returns:
        A copy in fp16.
    """
    result = onnx.ModelProto()
    result.CopyFrom(model)
    writer = HalfWriter(result)
    graph = result.graph
    del graph.node[:], graph.value_info[:], graph.initializer[:]
    graph.node.extend(writer.nodes)
    used = {name for node in writer.nodes for name in read_names(node)}
    graph.initializer.extend(tensor for name, tensor in writer.weights.items() if name in used)
    return finished(result)


class HalfWriter:
    """Write the nodes of a graph again, with casts where the precision changes.

    Attributes:
        nodes: The nodes that were written.
        weights: The weights by name, those in fp16 too.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        graph = onnx.shape_inference.infer_shapes(model).graph
        self.weights = {tensor.name: tensor for tensor in graph.initializer}
        self.floats = {name for name, tensor in self.weights.items() if tensor.data_type == TensorProto.FLOAT}
        infos = (*graph.input, *graph.output, *graph.value_info)
        self.floats |= {i.name for i in infos if i.type.tensor_type.elem_type == TensorProto.FLOAT}
        self.made = {info.name for info in graph.input} | set(self.weights)
        self.nodes: list[onnx.NodeProto] = []
        outer = set(outer_nodes(graph))
        for node in graph.node:
            self._write(node, node.name not in outer and self._is_half(node))
        for info in graph.output:
            self._need(info.name)

    def _is_half(self, node: onnx.NodeProto) -> bool:
        has_branches = any(attribute.HasField("g") for attribute in node.attribute)
        return node.op_type not in FLOAT32_OPS and not has_branches and bool(self._half_inputs(node))

    def _half_inputs(self, node: onnx.NodeProto) -> list[int]:
        kept = FLOAT32_INPUTS.get(node.op_type, ())
        return [i for i, name in enumerate(node.input) if name in self.floats and i not in kept]

    def _write(self, node: onnx.NodeProto, half: bool) -> None:
        written = onnx.NodeProto()
        written.CopyFrom(node)
        if half:
            for i in self._half_inputs(node):
                written.input[i] += HALF
            for i, name in enumerate(node.output):
                written.output[i] += HALF * (name in self.floats)
        for name in read_names(written):
            self._need(name)
        self.nodes.append(written)
        self.made.update(written.output)

    def _need(self, name: str) -> None:
        """Make a tensor from the one of the other precision, unless it is there."""
        is_half = name.endswith(HALF)
        other = name[: -len(HALF)] if is_half else name + HALF
        if name in self.made or other not in self.made:  # there, optional, or made inside a branch
            return
        if is_half and other in self.weights:
            largest = np.finfo(np.float16).max
            values = numpy_helper.to_array(self.weights[other]).clip(-largest, largest).astype(np.float16)
            self.weights[name] = numpy_helper.from_array(values, name)
        else:
            to = TensorProto.FLOAT16 if is_half else TensorProto.FLOAT
            self.nodes.append(helper.make_node("Cast", [other], [name], name=name + "_cast", to=to))
        self.made.add(name)


def read_names(node: onnx.NodeProto) -> list[str]:
    """Name the tensors that a node reads, inside its branches too."""
    branches = [inner for attribute in node.attribute if attribute.HasField("g") for inner in attribute.g.node]
    return [*node.input, *(name for inner in branches for name in read_names(inner))]
