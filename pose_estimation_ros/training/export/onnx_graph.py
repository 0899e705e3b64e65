"""ONNX graphs on their way to a lower precision: loaded, folded, checked; where their convolutions begin and end."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Iterable

import onnx
import onnxruntime

from pose_estimation_ros.core.errors import ModelError

IR_VERSION = 7  # the newest that ONNX Runtime 1.10 (Python 3.6) reads
CONVOLUTIONS = ("Conv", "ConvTranspose")


def load_float32(path: str | Path) -> onnx.ModelProto:
    """The model with its constants folded and its nodes named.

    Raises ModelError: not an ONNX model, of a lower precision already, or with operators that are not ONNX's own.
    """
    try:
        model = onnx.load(str(path))
        refuse_unfit(model, path)
        return folded(model)
    except ModelError:
        raise
    except Exception as error:  # protobuf's and ONNX Runtime's own classes share no other base
        raise ModelError(f"{path}: expected an ONNX model that ONNX Runtime loads, got: {first_line(error)}") from error


def first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def refuse_unfit(model: onnx.ModelProto, path: str | Path) -> None:
    foreign = [f"{node.domain}.{node.op_type} ({node.name})" for node in model.graph.node if node.domain]
    if foreign:
        raise ModelError(f"{path}: expected ONNX's own operators, got {foreign[0]}")
    quantised = [node.name for node in model.graph.node if node.op_type.endswith(("QuantizeLinear", "QLinearConv"))]
    half = [t.name for t in model.graph.initializer if t.data_type == onnx.TensorProto.FLOAT16]
    if quantised or half:
        what = f"int8 at {quantised[0]}" if quantised else f"fp16 at {half[0]}"
        raise ModelError(f"{path}: expected a float32 model to convert, got one with {what}")
    if not any(node.op_type in CONVOLUTIONS for node in model.graph.node):
        raise ModelError(f"{path}: expected a network with convolutions, got none")


def folded(model: onnx.ModelProto) -> onnx.ModelProto:
    """By ONNX Runtime's basic optimisations, which use ONNX's operators alone."""
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(Path(folder, "folded.onnx"))
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        result = onnx.load(options.optimized_model_filepath)
    for number, node in enumerate(result.graph.node):
        node.name = node.name or f"{node.op_type}_{number}"
    return finished(result)


def finished(model: onnx.ModelProto) -> onnx.ModelProto:
    """Without the operator sets that tools add and nothing uses, checked."""
    used = {node.domain for node in model.graph.node} | {""}
    sets = [entry for entry in model.opset_import if entry.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(sets)
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    return model


def outer_nodes(graph: onnx.GraphProto) -> list[str]:
    """Names of the nodes that do not lie between two convolutions, those of the first and last convolution excepted."""
    return [n.name for n in graph.node if n.name not in reached(graph.node) & reached(reversed(graph.node), True)]


def reached(nodes: Iterable[onnx.NodeProto], backwards: bool = False) -> set[str]:
    """Names of the convolutions and of all that comes behind one (backwards: before one)."""
    tensors: set[str] = set()
    names = set()
    for node in nodes:
        given, made = (node.output, node.input) if backwards else (node.input, node.output)
        if node.op_type in CONVOLUTIONS or not tensors.isdisjoint(given):
            names.add(node.name)
            tensors.update(made)
    return names


def last_convolutions(graph: onnx.GraphProto) -> list[str]:
    """Names of the convolutions whose results no other convolution sees: what they answer are the outputs."""
    names: list[str] = []
    tensors: set[str] = set()
    for node in reversed(graph.node):
        is_seen = not tensors.isdisjoint(node.output)
        if node.op_type in CONVOLUTIONS and not is_seen:
            names.append(node.name)
        if node.op_type in CONVOLUTIONS or is_seen:
            tensors.update(node.input)
    return names
