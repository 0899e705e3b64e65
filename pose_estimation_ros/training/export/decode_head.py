"""Add layers to a network that find the peaks of its heatmaps, so that its output is keypoints.

A GPU then copies 200 bytes per person to the host in place of 200 kB of heatmaps. The result is that of
core.heatmap.decode, by operators that TensorRT 8.2 and ONNX Runtime both have. All counting is done in integers,
because TensorRT 8 in fp16 would round positions above 2048.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from pose_estimation_ros.core.atomic_files import file_sha256, write_json, write_whole
from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.core.heatmap import decode
from pose_estimation_ros.core.model_spec import load_model_spec, model_name, spec_path

HEATMAPS, KEYPOINTS = "heatmaps", "keypoints"
DECODER = "quarter_offset"  # that of the head
PREFIX = "decode/"
PARITY_PX = 1e-3


def add_decode_head(model: onnx.ModelProto) -> onnx.ModelProto:
    """Copy a model and replace its output "heatmaps" (N, K, h, w) by "keypoints" (N, K, 3).

    Args:
        model: Top-down network.

    Returns:
        The copy; its output holds x and y in heatmap px and the score of each keypoint.

    Raises:
        ModelError: The model has no such output, or others beside it, or K, h or w is free.
    """
    outputs = [output.name for output in model.graph.output]
    if outputs != [HEATMAPS]:
        raise ModelError(f"expected a top-down model with the output {HEATMAPS!r} alone, got {outputs}")
    _, joints, height, width = _sizes(model.graph.output[0])
    if 0 in (joints, height, width):
        raise ModelError(f"expected heatmaps of fixed size, got {_sizes(model.graph.output[0])}")
    result = onnx.ModelProto()
    result.CopyFrom(model)
    constants, nodes = _head(joints, height, width)
    result.graph.initializer.extend(constants)
    result.graph.node.extend(nodes)
    batch = model.graph.output[0].type.tensor_type.shape.dim[0]
    shape = [batch.dim_param or batch.dim_value, joints, 3]
    result.graph.output[0].CopyFrom(helper.make_tensor_value_info(KEYPOINTS, onnx.TensorProto.FLOAT, shape))
    onnx.checker.check_model(result)
    return result


def _sizes(info: onnx.ValueInfoProto) -> list[int]:
    """Return the shape of a tensor, 0 where a dimension is free."""
    return [dimension.dim_value for dimension in info.type.tensor_type.shape.dim]


# The steps from "heatmaps" to "keypoints", as in core.heatmap.quarter_offset: operator, inputs, output, attributes.
STEPS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("Reshape", "heatmaps shape", "flat", {}),
    ("ArgMax", "flat", "peak", {"axis": 2, "keepdims": 1}),
    ("ReduceMax", "flat", "top", {"axes": [2], "keepdims": 1}),
    ("Div", "peak width", "y", {}),
    ("Mul", "y width", "row_start", {}),
    ("Sub", "peak row_start", "x", {}),
    ("Sub", "last_x x", "to_right", {}),
    ("Min", "x to_right one", "inner_x", {}),  # 0 at the rim, else 1
    ("Sub", "last_y y", "to_bottom", {}),
    ("Min", "y to_bottom one", "inner_y", {}),
    ("Mul", "inner_y width", "inner_row", {}),
    ("Concat", "inner_x inner_row", "step", {"axis": 2}),
    ("Add", "peak step", "after", {}),
    ("Sub", "peak step", "before", {}),
    ("GatherElements", "flat after", "value_after", {"axis": 2}),
    ("GatherElements", "flat before", "value_before", {"axis": 2}),
    ("Sub", "value_after value_before", "difference", {}),
    ("Sign", "difference", "sign", {}),
    ("Mul", "sign quarter", "offset", {}),
    ("Concat", "x y", "pixel", {"axis": 2}),
    ("Cast", "pixel", "pixel_float", {"to": onnx.TensorProto.FLOAT}),
    ("Add", "pixel_float offset", "xy", {}),
    ("Clip", "top 0.0 1.0", "score", {}),
    ("Concat", "xy score", KEYPOINTS, {"axis": 2}),
]


def _head(joints: int, height: int, width: int) -> tuple[list[onnx.TensorProto], list[onnx.NodeProto]]:
    """Return the constants and the nodes that lead from "heatmaps" to "keypoints"."""
    values: dict[str, Any] = {
        "shape": np.array([0, joints, height * width], np.int64),  # 0: the size of the input
        "width": np.array([width], np.int64),
        "last_x": np.array([width - 1], np.int64),
        "last_y": np.array([height - 1], np.int64),
        "one": np.array([1], np.int64),
        "quarter": np.array([0.25], np.float32),
        "0.0": np.array(0, np.float32),
        "1.0": np.array(1, np.float32),
    }
    constants = [numpy_helper.from_array(value, PREFIX + name) for name, value in values.items()]
    return constants, [_node(*step) for step in STEPS]


def _node(operator: str, inputs: str, output: str, attributes: dict[str, Any]) -> onnx.NodeProto:
    names = [name if name in (HEATMAPS, KEYPOINTS) else PREFIX + name for name in [*inputs.split(), output]]
    return helper.make_node(operator, names[:-1], names[-1:], PREFIX + output, **attributes)


def difference_px(model: onnx.ModelProto, decoded: onnx.ModelProto) -> float:
    """Return the largest difference between the head and core.heatmap.decode on noise images.

    Args:
        model: Network with heatmaps.
        decoded: The same network with the head.

    Returns:
        Largest absolute difference of x and y, in heatmap px, and of the score.
    """
    info = model.graph.input[0]
    shape = [size or 2 for size in _sizes(info)]
    images = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
    heatmaps, keypoints = (run(each, {info.name: images}) for each in (model, decoded))
    xy, score = decode(heatmaps)
    return float(np.abs(keypoints - np.concatenate([xy, score[..., None]], -1)).max())


def run(model: onnx.ModelProto, feeds: dict[str, np.ndarray]) -> np.ndarray:
    """Run a network on the CPU.

    Args:
        model: Network with one output.
        feeds: Its inputs by name.

    Returns:
        The output.
    """
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, feeds)[0])


def decoding(content: bytes) -> bytes:
    """Add the head to a serialised model.

    Raises:
        ModelError: The head cannot be added, or it decodes otherwise than the host.
    """
    model = onnx.load_from_string(content)
    decoded = add_decode_head(model)
    difference = difference_px(model, decoded)
    if not difference <= PARITY_PX:
        raise ModelError(f"expected the decode head within {PARITY_PX} px of the host's, got {difference:.2e}")
    return bytes(decoded.SerializeToString())


def add_to_file(source: str | Path, out: str | Path, name: str | None = None) -> Path:
    """Write <out>/<name>.onnx and .json with the head.

    The spec keeps the figures measured without flip test: the network is the same, but it can make no flip test.

    Args:
        source: ONNX file with heatmaps, with its spec beside it.
        out: Folder for the files.
        name: Name of the model; by default <source>_decoded.

    Returns:
        Path of the ONNX file.

    Raises:
        ModelError: The head cannot be added, or the model's heatmaps are decoded in another way.
    """
    spec = load_model_spec(str(source))
    if spec.decoder != DECODER:
        raise ModelError(f"{source}: expected a model with the decoder {DECODER!r} for the head, got {spec.decoder!r}")
    path = Path(out, (name or f"{spec.name}_decoded") + ".onnx")
    write_whole(path, decoding(Path(source).read_bytes()))
    accuracy = {
        key: value for key, value in spec.accuracy.items() if not (isinstance(value, dict) and value.get("flip"))
    }
    training = {**spec.training, "decode_head": True}
    spec = spec._replace(name=model_name(path), sha256=file_sha256(str(path)), accuracy=accuracy, training=training)
    write_json(spec_path(str(path)), spec.to_json(), indent=1)
    return path
