"""Open the ONNX file of another program, and say what to do with a file of another kind."""

import io
import json
import os
import zipfile
from typing import Dict, List, NamedTuple, Tuple

import numpy as np
import onnx
from onnx import numpy_helper

from pose_estimation_ros.core.errors import ModelError, reason_of, shortened, shown
from pose_estimation_ros.core.model_spec import read_model
from pose_estimation_ros.core.onnx_file import check_onnx
from pose_estimation_ros.importing.network.nodes import PREFIX
from pose_estimation_ros.inference.backends.base import Shape, shape_text

LARGEST_FILE = 2**31 - 2**20  # bytes; a protobuf message has less than 2 GB, and nodes are added
SHORTEST_ENGINE = 8  # bytes of Ultralytics' header
RUNS_HERE = ("", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "com.microsoft", "com.microsoft.nchwc")  # domains
DTYPES: Dict[int, type] = {
    onnx.TensorProto.FLOAT: np.float32,
    onnx.TensorProto.FLOAT16: np.float16,
    onnx.TensorProto.UINT8: np.uint8,
    onnx.TensorProto.INT32: np.int32,
    onnx.TensorProto.INT64: np.int64,
}
PICTURE_DTYPES = [dtype for dtype in DTYPES if dtype != onnx.TensorProto.INT64]
ENGINE_HINT = "an engine does not tell how its input is normalised, and fits one GPU and version: give the ONNX file"
SMALL = 0.05  # a factor below is one of 0..255, such as 1 / 255 and 1 / 57


class Tensor(NamedTuple):
    """Describe an input or output: its name, ONNX element type and shape, None for a free side."""

    name: str
    dtype: int
    shape: Shape


class Foreign(NamedTuple):
    """Hold a foreign model.

    Attributes:
        path: its file.
        content: bytes of the file.
        model: the parsed file.
        input: its only input.
        outputs: its outputs in the order of the file.
        metadata: texts that the exporting program wrote into the file.
    """

    path: str
    content: bytes
    model: onnx.ModelProto
    input: Tensor
    outputs: Tuple[Tensor, ...]
    metadata: Dict[str, str]


def open_foreign(path: str) -> Foreign:
    """Read and check the ONNX file of another program.

    Args:
        path: the file.

    Returns:
        The model, whose only input is a picture or several.

    Raises:
        ModelError: it is no such file; the message says what it is and how to get one.
    """
    if os.path.isfile(path) and os.path.getsize(path) > LARGEST_FILE:
        raise ModelError("%s: expected a file of less than 2 GB, got %d bytes" % (path, os.path.getsize(path)))
    content = read_model(path)
    _refuse_other_kinds(path, content)
    check_onnx(content, path)
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:  # protobuf's DecodeError
        raise ModelError("%s: expected an ONNX model, got a file that is not one: %s" % (path, reason_of(error)))
    if not model.graph.node:
        raise ModelError("%s: expected an ONNX model, got a file without operators" % path)
    _check_texts(path, model)
    if any(name.startswith(PREFIX) for node in model.graph.node for name in node.output):
        raise ModelError("%s: expected a model of another program, got one that `pose import` wrote" % path)
    _refuse_foreign_operators(path, model)
    outputs = tuple(_tensor(value) for value in model.graph.output)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    return Foreign(path, content, model, _only_input(path, model), outputs, metadata)


def _check_texts(path: str, model: onnx.ModelProto) -> None:
    """Refuse names that are no UTF-8, which newer versions of protobuf give as bytes."""
    texts = [text for entry in model.metadata_props for text in (entry.key, entry.value)]
    for node in _nodes(model.graph):
        texts += [node.op_type, node.domain, node.name] + list(node.input) + list(node.output)
    graph = model.graph
    for named in list(graph.input) + list(graph.output) + list(graph.value_info) + list(graph.initializer):
        texts.append(named.name)
    wrong = next((text for text in texts if not isinstance(text, str)), None)
    if wrong is not None:
        raise ModelError("%s: expected names in UTF-8, got %s" % (path, shown(wrong)))


def opset_of(model: onnx.ModelProto) -> int:
    """Return the version of ONNX's own operators that a model uses."""
    return next((int(entry.version) for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 1)


def _only_input(path: str, model: onnx.ModelProto) -> Tensor:
    """Return the only input that is no weight. Raises ModelError where there are others, or it is no picture."""
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [_tensor(value) for value in model.graph.input if value.name not in weights]
    if len(inputs) != 1:
        names = ", ".join("%s %s" % (tensor.name, shape_text(tensor.shape)) for tensor in inputs) or "none"
        text = "%s: expected one input, the picture, got %s: export the model with the others fixed"
        raise ModelError(text % (path, names))
    tensor = inputs[0]
    if len(tensor.shape) != 4 or 3 not in (tensor.shape[1], tensor.shape[3]):
        text = "%s: expected an input of pictures, (N, 3, h, w) or (N, h, w, 3), got %s %s"
        raise ModelError(text % (path, tensor.name, shape_text(tensor.shape)))
    if tensor.dtype not in PICTURE_DTYPES:
        known = ", ".join(np.dtype(DTYPES[dtype]).name for dtype in PICTURE_DTYPES)
        text = "%s: expected an input of type %s, got %s"
        types = {number: name.lower() for name, number in onnx.TensorProto.DataType.items()}
        raise ModelError(text % (path, known, types.get(tensor.dtype, "the unknown type %d" % tensor.dtype)))
    return tensor


def _tensor(value: onnx.ValueInfoProto) -> Tensor:
    kind = value.type.tensor_type
    sides = tuple(
        side.dim_value if side.HasField("dim_value") and side.dim_value > 0 else None for side in kind.shape.dim
    )
    return Tensor(value.name, kind.elem_type, sides)


def takes_whole_numbers(tensor: Tensor) -> bool:
    """Tell whether an input has no fractions, so that no mean and std can stand before it."""
    return np.dtype(DTYPES[tensor.dtype]).kind in "iu"


def _refuse_foreign_operators(path: str, model: onnx.ModelProto) -> None:
    """Refuse operators of other programs' plugins; functions that the file itself defines are none."""
    own = {function.domain for function in model.functions}
    known = own.union(RUNS_HERE)
    foreign = sorted(
        {"%s.%s" % (node.domain, node.op_type) for node in _nodes(model.graph) if node.domain not in known}
    )
    if foreign:
        text = "%s: expected ONNX's operators, got %s, of a plugin: export the model for onnxruntime instead"
        raise ModelError(text % (path, shortened(", ".join(foreign), 200)))


def _nodes(graph: onnx.GraphProto) -> List[onnx.NodeProto]:
    """List the nodes of a graph and of its branches and loops."""
    nodes, graphs = [], [graph]
    while graphs:
        inner = graphs.pop()
        nodes.extend(inner.node)
        for node in inner.node:
            graphs += [a.g for a in node.attribute if a.HasField("g")] + [g for a in node.attribute for g in a.graphs]
    return nodes


def _refuse_other_kinds(path: str, content: bytes) -> None:
    """Refuse files of other kinds, which the first bytes tell, or else the ending of the name."""
    kind, hint = _kind_of(path, content)
    if kind:
        raise ModelError("%s: expected an ONNX model, got %s: %s" % (path, kind, hint))


def _kind_of(path: str, content: bytes) -> Tuple[str, str]:
    ending = os.path.splitext(path)[1].lower()
    if _has_json_header(content, 4):
        return "an engine that Ultralytics made, which begins with a header of its own", ENGINE_HINT
    if content[:4] in (b"ptrt", b"ftrt") or ending in (".engine", ".plan", ".trt"):
        return "a TensorRT engine", ENGINE_HINT
    if content[:2] == b"PK":
        return _kind_of_zip(content)
    if content[:1] == b"\x80" and content[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "a checkpoint of PyTorch", "export it to ONNX with the program that trained it"
    if _has_json_header(content, 8):
        return "weights of safetensors", "export the model to ONNX with the program that trained it"
    if content[4:8] == b"TFL3":
        return "a TensorFlow Lite model", "convert it with `python -m tf2onnx.convert --tflite FILE --output x.onnx`"
    if content[:4] == b"\x89HDF":
        return "a Keras model", "convert it with tf2onnx"
    if ending in (".pdmodel", ".pdiparams"):
        return "a Paddle model", "convert it with `paddle2onnx --model_dir FOLDER --save_file x.onnx`"
    if content.lstrip()[:5].lower() in (b"<?xml", b"<net ", b"<html", b"<!doc"):
        return "a text with markup, such as a web page or an OpenVINO model", "give the ONNX file"
    return "", ""


def _kind_of_zip(content: bytes) -> Tuple[str, str]:
    """Tell what a zip file holds: PyTorch's checkpoints are zip files, too."""
    try:
        names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return "a damaged zip file", "download it again"
    if any(name.endswith("data.pkl") for name in names):
        return "a checkpoint of PyTorch", "export it to ONNX with the program that trained it"
    inside = [name for name in names if name.endswith(".onnx")]
    hint = "unpack it and give %s" % shown(inside[0]) if inside else "it holds no ONNX file"
    return "a zip file", hint


def _has_json_header(content: bytes, width: int) -> bool:
    """Tell whether a file begins with a length of some bytes and a JSON object of that length."""
    length = int.from_bytes(content[:width], "little")
    if not SHORTEST_ENGINE <= length <= len(content) - width or content[width : width + 1] != b"{":
        return False
    try:
        return isinstance(json.loads(content[width : width + length].decode("utf-8")), dict)
    except ValueError:
        return False


def normalises(foreign: Foreign) -> bool:
    """Tell whether the first node of a network subtracts a constant from each channel, or makes its values small."""
    graph = foreign.model.graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer if len(tensor.dims) <= 4}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].HasField("t"):
            constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    first = [node for node in graph.node if foreign.input.name in node.input]
    values = [constants[name] for name in first[0].input if name in constants] if len(first) == 1 else []
    if len(values) != 1 or values[0].size not in (1, 3):
        return False
    number = values[0]
    operators = {"Sub": number > 0, "Add": number < 0, "Mul": abs(number) < SMALL, "Div": abs(number) > 1 / SMALL}
    return bool(np.all(operators.get(first[0].op_type, False)))
