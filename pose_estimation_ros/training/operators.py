"""``pose check-operators MODEL.onnx --tensorrt 8.2``: which operators of a model a TensorRT will refuse.

From the tables of the parser that TensorRT uses (onnx-tensorrt, docs/operators.md of release/8.2-GA, 8.5-GA, 8.6-GA,
10.1-GA and of 10.15, its docs/Changelog.md, and what builtin_op_importers.cpp of 8.2 asserts). What a table does not
tell, such as an operator in shapes that a kernel does not have, only building shows: `pose build-engine`.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Callable, Iterator, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pose_estimation_ros.core.errors import ConfigError, ModelError
from pose_estimation_ros.training.export.tensorrt_operators import (
    INITIALIZERS,
    INTEGER_SINCE,
    OPERATORS_SINCE,
    OPSETS,
    RESIZE_MODES,
    TYPES_SINCE,
    Version,
)

FOLDED_SHAPES: Version = (9, 0)  # from which a condition that asks for a known shape is none


class Refusal(NamedTuple):
    """One reason of one node; operator "opset" and no node where it is the whole model."""

    node: str
    operator: str
    reason: str


class Model(NamedTuple):
    """types: ONNX element type of every tensor that is known. shapes: of those, None where a side is free. dequantised:
    tensors that a DequantizeLinear makes.
    """

    constants: dict[str, np.ndarray]
    dequantised: set[str]
    types: dict[str, int]
    shapes: dict[str, tuple]


Rule = Callable[[onnx.NodeProto, Model, Version], str]  # the reason, or ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="ONNX file")
    parser.add_argument("--tensorrt", default="8.2", metavar="VERSION", help="8.2 (the TX2's, the default) to 11")


def main(args: argparse.Namespace) -> int:
    found = refused(args.model, args.tensorrt)
    for refusal in found:
        print(f"{refusal.operator} {refusal.node}: {refusal.reason}")
    print(f"{args.model}: TensorRT {args.tensorrt} refuses {len(found)} nodes" if found else "all operators are known")
    return 1 if found else 0


def refused(path: str | Path, tensorrt: str) -> list[Refusal]:
    """What TensorRT ``tensorrt``, such as "8.2" or "10.13.2", will not parse, in the file's order; [] if nothing.

    Between the versions of the tables the older one counts. Raises ConfigError for a version before 8.2 or none,
    ModelError for a file that is no ONNX model.
    """
    version = parse_version(tensorrt)
    try:
        model = onnx.shape_inference.infer_shapes(onnx.load(str(path)))
    except Exception as error:  # protobuf's DecodeError and onnx's own share no other base
        raise ModelError(f"{path}: expected an ONNX model, got: {error}") from error
    if not model.graph.node:  # an empty file is an empty message of protobuf
        raise ModelError(f"{path}: expected an ONNX model, got one without nodes")
    most = max(opset for since, opset in OPSETS.items() if since <= version)
    opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), most)
    found = [Refusal("", "opset", f"expected at most {most}, got {opset}")] if opset > most else []
    facts = Model({t.name: numpy_helper.to_array(t) for t in model.graph.initializer}, set(), {}, {})
    return found + list(refused_nodes(model.graph, facts, version))


def parse_version(text: str) -> Version:
    match = re.match(r"(\d+)(?:\.(\d+))?(\.\d+)*$", text)
    version = (int(match[1]), int(match[2] or 0)) if match else (0, 0)
    if version < min(OPSETS):
        raise ConfigError(f"expected a TensorRT version of 8.2 or later, such as 10.3, got {text!r}")
    return version


def refused_nodes(graph: onnx.GraphProto, model: Model, version: Version) -> Iterator[Refusal]:
    """Of a graph and of the branches and loops in it, which see the outer graph's tensors."""
    model = with_graph(model, graph)
    for node in graph.node:
        for rule in RULES:
            if reason := rule(node, model, version):
                yield Refusal(node.name or node.output[0], node.op_type, reason)
                break
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from refused_nodes(attribute.g, model, version)


def with_graph(model: Model, graph: onnx.GraphProto) -> Model:
    constants = {**model.constants, **{t.name: numpy_helper.to_array(t) for t in graph.initializer}}
    for node in graph.node:
        if node.op_type == "Constant":
            (value,) = node.attribute
            is_tensor = value.type == onnx.AttributeProto.TENSOR
            given = numpy_helper.to_array(value.t) if is_tensor else np.array(helper.get_attribute_value(value))
            constants[node.output[0]] = given
    types, shapes = dict(model.types), dict(model.shapes)
    types.update({t.name: t.data_type for t in graph.initializer})
    for info in (*graph.input, *graph.output, *graph.value_info):
        types[info.name] = info.type.tensor_type.elem_type
        if info.type.tensor_type.HasField("shape"):
            shapes[info.name] = tuple(
                d.dim_value if d.HasField("dim_value") else None for d in info.type.tensor_type.shape.dim
            )
    dequantised = {node.output[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    return Model(constants, model.dequantised | dequantised, types, shapes)


def unknown_operator(node: onnx.NodeProto, model: Model, version: Version) -> str:
    if node.domain not in ("", "ai.onnx"):
        return f"{node.domain} is not ONNX's: it would take a plugin of this name"
    since = OPERATORS_SINCE.get(node.op_type)
    if since is None:
        return "no TensorRT has it"
    return f"only TensorRT {dotted(since)} and later have it" if since > version else ""


def unknown_type(node: onnx.NodeProto, model: Model, version: Version) -> str:
    quantises = node.op_type in ("QuantizeLinear", "DequantizeLinear")  # rule of their own
    for name in () if quantises else (*node.input, *node.output):
        kind = model.types.get(name, TensorProto.UNDEFINED)
        since = TYPES_SINCE.get(kind)
        if since is None or since > version:
            word = TensorProto.DataType.Name(kind)
            return f"{name} is {word}, which " + (
                f"came with {dotted(since)}" if since else "no TensorRT computes with"
            )
    return ""


def integer_arithmetic(node: onnx.NodeProto, model: Model, version: Version) -> str:
    kind = model.types.get(node.input[0]) if node.input else None
    if kind not in (TensorProto.INT32, TensorProto.INT64) or node.op_type in ("ConstantOfShape", "DequantizeLinear"):
        return ""
    if all(name in model.constants for name in node.input):  # folded by the parser's user, or no arithmetic at all
        return ""
    since = INTEGER_SINCE.get(node.op_type)
    word = TensorProto.DataType.Name(kind)
    return f"does not compute with {word}" if since is None or since > version else ""


def free_parameter(node: onnx.NodeProto, model: Model, version: Version) -> str:
    for index, until in INITIALIZERS.get(node.op_type, {}).items():
        name = node.input[index] if index < len(node.input) else ""
        if name and name not in model.constants and name not in model.dequantised and version < until:
            return f"input {index} ({name}) must be a constant before TensorRT {dotted(until)}"
    return ""


def resize_mode(node: onnx.NodeProto, model: Model, version: Version) -> str:
    if node.op_type != "Resize":
        return ""
    given = {a.name: a.s.decode() for a in node.attribute if a.type == onnx.AttributeProto.STRING}
    for name, known in RESIZE_MODES.items():
        if name in given and given[name] not in known:
            return f"{name} {given[name]!r}: expected one of {', '.join(known)}"
    if any(a.name == "antialias" and a.i for a in node.attribute):
        return "no antialiasing"
    return ""


def quantisation(node: onnx.NodeProto, model: Model, version: Version) -> str:
    if node.op_type not in ("QuantizeLinear", "DequantizeLinear"):
        return ""
    if len(node.input) < 3:
        return "a zero point must be given before TensorRT 10" if version < (10, 0) else ""
    data, scale, zero = node.input
    kind, points = model.types.get(zero), model.constants.get(zero)
    if kind == TensorProto.UINT8:
        return "uint8: int8 is expected"
    if kind == TensorProto.INT32:
        return "int32: a bias must stay float32"
    if points is not None and np.any(points != 0):
        return f"zero point {points.ravel()[np.flatnonzero(points)[0]]}: 0 is expected"
    return scales_per_channel(node, model) if scale in model.constants else ""


def scales_per_channel(node: onnx.NodeProto, model: Model) -> str:
    data, scales = node.input[0], model.constants[node.input[1]]
    if not (scales > 0).all():
        return "scales must be over 0"
    if scales.size == 1:
        return ""
    if node.op_type == "QuantizeLinear" and data not in model.constants:
        return "a scale per channel is for weights, activations have one"
    axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
    shape = model.constants[data].shape if data in model.constants else model.shapes.get(data)
    if shape and shape[axis] not in (None, scales.size):
        return f"{scales.size} scales for {shape[axis]} channels"
    return ""


def branches(node: onnx.NodeProto, model: Model, version: Version) -> str:
    if node.op_type != "If" or version >= FOLDED_SHAPES or node.input[0] in model.constants:
        return ""  # one branch alone is parsed
    then, other = ([o for o in a.g.output] for a in sorted(node.attribute, key=lambda a: a.name, reverse=True))
    for a, b in zip(then, other):
        ranks = [len(o.type.tensor_type.shape.dim) for o in (a, b)]
        if ranks[0] != ranks[1]:
            return f"branches of {ranks[0]} and {ranks[1]} dimensions"
        if a.name == b.name:
            return f"both branches call their output {a.name}"
    return ""


def dotted(version: Version) -> str:
    return ".".join(map(str, version))


RULES: list[Rule] = [
    unknown_operator, quantisation, unknown_type, integer_arithmetic, free_parameter, resize_mode, branches,
]  # fmt: skip
