"""Load, fold and check ONNX graphs that get a lower precision, and find where their convolutions begin and end."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Callable, Iterable

import onnx
import onnxruntime

from pose_estimation_ros.core.errors import ModelError

IR_VERSION = 7  # the newest that ONNX Runtime 1.10 (Python 3.6) reads
CONVOLUTIONS = ("Conv", "ConvTranspose")


def load_float32(path: str | Path) -> onnx.ModelProto:
    """Load a model, fold its constants and name its nodes.

    Raises:
        ModelError: The file is not an ONNX model, has a lower precision already, or has operators that are not ONNX's.
    """
    return _read(path, _folded)


def read_float32(path: str | Path) -> onnx.ModelProto:
    """Load a model as it stands in the file; raise ModelError as load_float32 does."""
    return _read(path, lambda model: model)


def _read(path: str | Path, prepare: Callable[[onnx.ModelProto], onnx.ModelProto]) -> onnx.ModelProto:
    try:
        model = onnx.load(str(path))
        _refuse_unfit(model, path)
        return prepare(model)
    except ModelError:
        raise
    except Exception as error:  # protobuf's and ONNX Runtime's own classes share no other base
        raise ModelError(
            f"{path}: expected an ONNX model that ONNX Runtime loads, got: {_first_line(error)}"
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _refuse_unfit(model: onnx.ModelProto, path: str | Path) -> None:
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


def _folded(model: onnx.ModelProto) -> onnx.ModelProto:
    """Fold constants by ONNX Runtime's basic optimisations, which use ONNX's operators alone."""
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(Path(folder, "folded.onnx"))
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        result = onnx.load(options.optimized_model_filepath)
    _name_nodes(result.graph)
    return finished(result)


def _name_nodes(graph: onnx.GraphProto) -> None:
    """Name the nodes that have no name, by none that is taken."""
    taken = {node.name for node in graph.node}
    for number, node in enumerate(graph.node):
        name = f"{node.op_type}_{number}"
        while name in taken:
            name += "_"
        node.name = node.name or name
        taken.add(node.name)


def finished(model: onnx.ModelProto) -> onnx.ModelProto:
    """Remove the operator sets that tools add and nothing uses, and check the model."""
    used = {node.domain for node in model.graph.node} | {""}
    sets = [entry for entry in model.opset_import if entry.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(sets)
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    return model


def outer_nodes(graph: onnx.GraphProto) -> list[str]:
    """Name the nodes that come before the first convolution or after the last one."""
    inner = _reached(graph.node) & _reached(reversed(graph.node), backwards=True)
    return [node.name for node in graph.node if node.name not in inner]


def _reached(nodes: Iterable[onnx.NodeProto], backwards: bool = False) -> set[str]:
    """Name the convolutions and all nodes behind one (backwards: before one)."""
    tensors: set[str] = set()
    names = set()
    for node in nodes:
        sources, results = (node.output, node.input) if backwards else (node.input, node.output)
        if node.op_type in CONVOLUTIONS or not tensors.isdisjoint(sources):
            names.add(node.name)
            tensors.update(results)
    return names


def last_convolutions(graph: onnx.GraphProto) -> list[str]:
    """Name the convolutions whose results no other convolution reads: they make the outputs."""
    names: list[str] = []
    tensors: set[str] = set()
    for node in reversed(graph.node):
        is_seen = not tensors.isdisjoint(node.output)
        if node.op_type in CONVOLUTIONS and not is_seen:
            names.append(node.name)
        if node.op_type in CONVOLUTIONS or is_seen:
            tensors.update(node.input)
    return names
