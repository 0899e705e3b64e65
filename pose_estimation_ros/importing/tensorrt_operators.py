"""Find the operators of an ONNX model that TensorRT 8.2 or 8.5 cannot parse: those of JetPack 4.6 and JetPack 5.

The tables are those of the parser that TensorRT uses: onnx-tensorrt, docs/operators.md of the branches release/8.2-GA
and release/8.5-GA, and the assertions of builtin_op_importers.cpp of 8.2. A table does not show everything, for example
not a tensor shape for which a kernel is missing. Only `pose build-engine` shows that, and it serves newer versions of
TensorRT, too.
"""

import re
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pose_estimation_ros.core.atomic_files import FilePath
from pose_estimation_ros.core.errors import ConfigError, ModelError, shown

Version = Tuple[int, int]
OLDEST, NEWEST = (8, 2), (8, 5)  # versions that are checked here

OPSETS: Dict[Version, int] = {(8, 2): 13, (8, 5): 17}  # the newest operator set that each version reads

_OPERATORS = {
    (8, 2): """
        Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization Cast Ceil Celu Clip
        Concat Constant ConstantOfShape Conv ConvTranspose Cos Cosh CumSum DepthToSpace DequantizeLinear Div Dropout
        Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor GRU Gather GatherElements GatherND Gemm GlobalAveragePool
        GlobalLpPool GlobalMaxPool Greater GreaterOrEqual HardSigmoid Identity If ImageScaler InstanceNormalization
        IsNaN LRN LSTM LeakyRelu Less LessOrEqual Log LogSoftmax Loop LpNormalization LpPool MatMul Max MaxPool Mean Min
        Mul Neg NonMaxSuppression Not Or PRelu Pad ParametricSoftplus Pow QuantizeLinear RNN RandomUniform
        RandomUniformLike Range ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd
        ReduceSum ReduceSumSquare Relu Reshape Resize ReverseSequence Round ScaledTanh Scan Scatter ScatterElements
        ScatterND Selu Shape Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze
        Sub Sum Tan Tanh ThresholdedRelu Tile TopK Transpose Unsqueeze Upsample Where
    """,
    (8, 5): """
        GridSample MeanVarianceNormalization NonZero RandomNormal RandomNormalLike Reciprocal RoiAlign Shrink Trilu Xor
    """,
}
OPERATORS_SINCE: Dict[str, Version] = {name: since for since, names in _OPERATORS.items() for name in names.split()}

# Operators whose first input may be int32 or int64; the parser turns int64 into int32.
_INTEGER = {
    (8, 2): """
        Abs Add Cast Concat Constant DepthToSpace Div Equal Expand EyeLike Flatten Gather GatherElements GatherND
        Greater GreaterOrEqual Identity If Less LessOrEqual Loop Max Mean Min Mul Neg Pad Range Reshape Scatter
        ScatterElements ScatterND Shape Sign Size Slice SpaceToDepth Split Squeeze Sub Sum Tile Transpose Unsqueeze
        Where
    """,
    (8, 5): "Shrink Trilu",
}
INTEGER_SINCE: Dict[str, Version] = {name: since for since, names in _INTEGER.items() for name in names.split()}

# Indices of the inputs that must be constants, or dequantised ones.
CONSTANT_INPUTS: Dict[str, Tuple[int, ...]] = {
    "Clip": (1, 2),
    "Conv": (1, 2),
    "ConvTranspose": (1, 2),
    "CumSum": (1,),
    "InstanceNormalization": (1, 2),
    "Slice": (3,),
    "Squeeze": (1,),
    "TopK": (1,),
    "Unsqueeze": (1,),
}
RESIZE_SCALES = 2  # index of the input of Resize that must be a constant before 8.5

RESIZE_MODES = {
    "mode": ("nearest", "linear"),
    "coordinate_transformation_mode": (
        "half_pixel", "pytorch_half_pixel", "tf_half_pixel_for_nn", "asymmetric", "align_corners",
    ),
    "nearest_mode": ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil"),
    "keep_aspect_ratio_policy": ("stretch",),
}  # fmt: skip

TYPES_SINCE: Dict[int, Version] = {
    TensorProto.UNDEFINED: (8, 2),  # not known
    TensorProto.FLOAT: (8, 2),
    TensorProto.DOUBLE: (8, 2),  # becomes float32
    TensorProto.FLOAT16: (8, 2),
    TensorProto.INT8: (8, 2),
    TensorProto.INT32: (8, 2),
    TensorProto.INT64: (8, 2),
    TensorProto.BOOL: (8, 2),
    TensorProto.UINT8: (8, 5),  # inputs and outputs of the network alone
}


class Refusal(NamedTuple):
    """Give one reason why TensorRT refuses a node; for the whole model the operator is "opset" and the node is ""."""

    node: str
    operator: str
    reason: str


class Tensors(NamedTuple):
    """Hold what is known of a graph's tensors.

    Attributes:
        constants: Values of the constant tensors.
        dequantised: Names of the tensors that a DequantizeLinear makes.
        types: ONNX element types of the tensors whose type is known.
        shapes: Shapes of the tensors whose rank is known, None for a free side.
    """

    constants: Dict[str, np.ndarray]
    dequantised: Set[str]
    types: Dict[str, int]
    shapes: Dict[str, Tuple[Optional[int], ...]]


Rule = Callable[[onnx.NodeProto, Tensors, Version], str]  # returns the reason, or ""


def refused(path: FilePath, tensorrt: str) -> List[Refusal]:
    """List the nodes of a model that a version of TensorRT refuses.

    Args:
        path: ONNX file.
        tensorrt: Version of TensorRT from 8.2 to 8.5, such as "8.2.1"; the table of 8.2 serves 8.4 too.

    Returns:
        The refusals in the order of the file, none where all operators are known.

    Raises:
        ConfigError: There is no table for this version.
        ModelError: The file is not an ONNX model.
    """
    version = parse_version(tensorrt)
    model = _load(path)
    most = max(opset for since, opset in OPSETS.items() if since <= version)
    opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), most)
    too_new = [Refusal("", "opset", "expected at most %d, got %d" % (most, opset))] if opset > most else []
    return too_new + list(_refused_nodes(model.graph, Tensors({}, set(), {}, {}), version))


def parse_version(text: str) -> Version:
    """Parse a version such as "8.2.1".

    Args:
        text: Version with one to four numbers.

    Returns:
        Its first two numbers.

    Raises:
        ConfigError: The text is not a version, or there is no table for it.
    """
    match = re.match(r"(\d+)(?:\.(\d+))?(\.\d+)*$", text)
    version = (int(match.group(1)), int(match.group(2) or 0)) if match else (0, 0)
    if not OLDEST <= version <= NEWEST:
        raise ConfigError(
            "expected a TensorRT version from %s to %s, got %s; for a later one, try `pose build-engine`"
            % (_dotted(OLDEST), _dotted(NEWEST), shown(text))
        )
    return version


def _load(path: FilePath) -> onnx.ModelProto:
    """Read a model and infer its shapes."""
    try:
        model = onnx.shape_inference.infer_shapes(onnx.load(str(path)))
    except Exception as error:  # protobuf's DecodeError and onnx's own share no other base
        raise ModelError("%s: expected an ONNX model, got: %s" % (path, error))
    if not model.graph.node:  # an empty file is an empty message of protobuf
        raise ModelError("%s: expected an ONNX model, got one without nodes" % path)
    return model


def _refused_nodes(graph: onnx.GraphProto, outer: Tensors, version: Version) -> Iterator[Refusal]:
    """Yield the refusals of a graph, and of its branches and loops, which see the tensors of the outer graph."""
    tensors = _with_graph(outer, graph)
    for node in graph.node:
        reason = next(filter(None, (rule(node, tensors, version) for rule in RULES)), "")
        if reason:
            yield Refusal(node.name or node.output[0], node.op_type, reason)
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _refused_nodes(attribute.g, tensors, version)


def _with_graph(tensors: Tensors, graph: onnx.GraphProto) -> Tensors:
    """Add the constants, types and shapes of a graph to the known tensors."""
    constants = dict(tensors.constants)
    constants.update({t.name: numpy_helper.to_array(t) for t in graph.initializer})
    constants.update({n.output[0]: _constant(n) for n in graph.node if n.op_type == "Constant"})
    types, shapes = dict(tensors.types), dict(tensors.shapes)
    types.update({t.name: t.data_type for t in graph.initializer})
    for info in (*graph.input, *graph.output, *graph.value_info):
        kind = info.type.tensor_type
        types[info.name] = kind.elem_type
        if kind.HasField("shape"):
            shapes[info.name] = tuple(d.dim_value if d.HasField("dim_value") else None for d in kind.shape.dim)
    dequantised = {node.output[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    return Tensors(constants, tensors.dequantised | dequantised, types, shapes)


def _constant(node: onnx.NodeProto) -> np.ndarray:
    """Return the value of a node Constant."""
    (value,) = node.attribute
    if value.type == onnx.AttributeProto.TENSOR:
        return numpy_helper.to_array(value.t)
    return np.array(helper.get_attribute_value(value))


def _unknown_operator(node: onnx.NodeProto, tensors: Tensors, version: Version) -> str:
    if node.domain not in ("", "ai.onnx"):
        return "%s is not ONNX's: it would take a plugin of this name" % node.domain
    since = OPERATORS_SINCE.get(node.op_type)
    if since is None:
        return "TensorRT %s and earlier do not have it" % _dotted(NEWEST)
    return "only TensorRT %s and later have it" % _dotted(since) if since > version else ""


def _unknown_type(node: onnx.NodeProto, tensors: Tensors, version: Version) -> str:
    quantises = node.op_type in ("QuantizeLinear", "DequantizeLinear")  # these have a rule of their own
    for name in () if quantises else (*node.input, *node.output):
        kind = tensors.types.get(name, TensorProto.UNDEFINED)
        since = TYPES_SINCE.get(kind)
        if since is None or since > version:
            without = "TensorRT %s does not compute with" % _dotted(NEWEST)
            reason = "came with %s" % _dotted(since) if since else without
            return "%s is %s, which %s" % (name, TensorProto.DataType.Name(kind), reason)
    return ""


def _integer_arithmetic(node: onnx.NodeProto, tensors: Tensors, version: Version) -> str:
    kind = tensors.types.get(node.input[0]) if node.input else None
    if kind not in (TensorProto.INT32, TensorProto.INT64) or node.op_type in ("ConstantOfShape", "DequantizeLinear"):
        return ""
    if all(name in tensors.constants for name in node.input):  # is folded before it is parsed
        return ""
    since = INTEGER_SINCE.get(node.op_type)
    known = since is not None and since <= version
    return "" if known else "does not compute with %s" % TensorProto.DataType.Name(kind)


def _free_parameter(node: onnx.NodeProto, tensors: Tensors, version: Version) -> str:
    indices = CONSTANT_INPUTS.get(node.op_type, ())
    if node.op_type == "Resize" and version < (8, 5):
        indices = (RESIZE_SCALES,)
    for index in indices:
        name = node.input[index] if index < len(node.input) else ""
        if name and name not in tensors.constants and name not in tensors.dequantised:
            return "input %d (%s) must be a constant" % (index, name)
    return ""


def _resize_mode(node: onnx.NodeProto, tensors: Tensors, version: Version) -> str:
    if node.op_type != "Resize":
        return ""
    modes = {a.name: a.s.decode() for a in node.attribute if a.type == onnx.AttributeProto.STRING}
    for name, known in RESIZE_MODES.items():
        if name in modes and modes[name] not in known:
            return "%s %r: expected one of %s" % (name, modes[name], ", ".join(known))
    if any(a.name == "antialias" and a.i for a in node.attribute):
        return "no antialiasing"
    return ""


def _quantisation(node: onnx.NodeProto, tensors: Tensors, version: Version) -> str:
    if node.op_type not in ("QuantizeLinear", "DequantizeLinear"):
        return ""
    if len(node.input) < 3:
        return "expected a zero point, got none"
    _data, scale, zero = node.input
    kind, points = tensors.types.get(zero), tensors.constants.get(zero)
    if kind == TensorProto.UINT8:
        return "uint8: int8 is expected"
    if kind == TensorProto.INT32:
        return "int32: a bias must stay float32"
    if points is not None and np.any(points != 0):
        return "zero point %d: 0 is expected" % points.ravel()[np.flatnonzero(points)[0]]
    return _scales_per_channel(node, tensors) if scale in tensors.constants else ""


def _scales_per_channel(node: onnx.NodeProto, tensors: Tensors) -> str:
    data, scales = node.input[0], tensors.constants[node.input[1]]
    if not (scales > 0).all():
        return "scales must be over 0"
    if scales.size == 1:
        return ""
    if node.op_type == "QuantizeLinear" and data not in tensors.constants:
        return "a scale per channel is for weights, activations have one"
    axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
    shape = tensors.constants[data].shape if data in tensors.constants else tensors.shapes.get(data)
    if shape and shape[axis] not in (None, scales.size):
        return "%d scales for %s channels" % (scales.size, shape[axis])
    return ""


def _branches(node: onnx.NodeProto, tensors: Tensors, version: Version) -> str:
    if node.op_type != "If" or node.input[0] in tensors.constants:
        return ""  # of a constant condition one branch alone is parsed
    sides = sorted(node.attribute, key=lambda attribute: attribute.name, reverse=True)
    then_outputs, else_outputs = (list(attribute.g.output) for attribute in sides)
    for a, b in zip(then_outputs, else_outputs):
        ranks = [len(output.type.tensor_type.shape.dim) for output in (a, b)]
        if ranks[0] != ranks[1]:
            return "branches of %d and %d dimensions" % (ranks[0], ranks[1])
        if a.name == b.name:
            return "both branches call their output %s" % a.name
    return ""


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))


RULES: List[Rule] = [
    _unknown_operator,
    _quantisation,
    _unknown_type,
    _integer_arithmetic,
    _free_parameter,
    _resize_mode,
    _branches,
]
