"""Write tiny networks like conftest.py's color_model in each precision, for the tests of the engine builder."""

import numpy as np
import onnx
from onnx import helper, numpy_helper

FLOAT, HALF = onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16
COLORS = (0, 1, 2)  # channel of RGB that keypoint k % 3 looks for


def weight(colors=COLORS, dtype=np.float32):
    """Return the kernels (17, 3, 1, 1) that select a color for each keypoint."""
    values = np.zeros((17, 3, 1, 1), dtype)
    values[np.arange(17), [colors[k % 3] for k in range(17)]] = 1 / 255.0
    return values


def save(path, nodes, tensors, batch="n"):
    """Write a network from images (n, 3, 64, 48) to heatmaps (n, 17, 16, 12), and return its path."""
    shapes = ("images", [batch, 3, 64, 48]), ("heatmaps", [batch, 17, 16, 12])
    infos = [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in shapes]
    graph = helper.make_graph(nodes, "tiny", infos[:1], infos[1:], [numpy_helper.from_array(v, k) for k, v in tensors])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 7
    onnx.save(model, str(path))
    return str(path)


def fp32(path, colors=COLORS, batch="n"):
    """Write the network in float32."""
    conv = helper.make_node("Conv", ["images", "weight"], ["heatmaps"], "conv", strides=[4, 4])
    return save(path, [conv], [("weight", weight(colors))], batch)


def fp16(path, colors=COLORS):
    """Write the network in float16, with casts at its input and output."""
    nodes = [
        helper.make_node("Cast", ["images"], ["half"], "in", to=HALF),
        helper.make_node("Conv", ["half", "weight"], ["made"], "conv", strides=[4, 4]),
        helper.make_node("Cast", ["made"], ["heatmaps"], "out", to=FLOAT),
    ]
    return save(path, nodes, [("weight", weight(colors, np.float16))])


def int8(path, colors=COLORS):
    """Write the network with an input quantised to int8."""
    nodes = [
        helper.make_node("QuantizeLinear", ["images", "scale", "zero"], ["q"], "q"),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["dq"], "dq"),
        helper.make_node("Conv", ["dq", "weight"], ["heatmaps"], "conv", strides=[4, 4]),
    ]
    scales = [("scale", np.float32(255 / 127.0)), ("zero", np.int8(0))]
    return save(path, nodes, scales + [("weight", weight(colors))])


def unknown_operator(path):
    """Write a network with two operators that TensorRT does not know."""
    nodes = [
        helper.make_node("Relu", ["images"], ["a"], "relu_0"),
        helper.make_node("Det", ["a"], ["b"], "det_1"),
        helper.make_node("Mystery", ["b"], ["heatmaps"], "odd_2", domain="my.ops"),
    ]
    return save(path, nodes, [])
