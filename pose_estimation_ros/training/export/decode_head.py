"""Finding the keypoints inside the network: its heatmaps' peaks as the last layers of the graph.

A GPU then copies 200 bytes per person to the host in place of 200 kB of heatmaps. Same result as core.heatmap.decode,
by operators that TensorRT 8.2 and ONNX Runtime both have. All counting is done in integers, because TensorRT 8 in fp16
would round positions above 2048.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from pose_estimation_ros.core.atomic_files import write_json, write_whole
from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.core.heatmap import decode
from pose_estimation_ros.core.model_spec import file_sha256, load_model_spec, model_name, spec_path

HEATMAPS, KEYPOINTS = "heatmaps", "keypoints"
PREFIX = "decode/"
PARITY_PX = 1e-3


def add_decode_head(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose output "heatmaps" (N, K, h, w) gave way to "keypoints" (N, K, 3): x and y in heatmap px, score.

    Raises ModelError where the model has no such output or other ones beside it, or where K, h or w is free.
    """
    outputs = [output.name for output in model.graph.output]
    if outputs != [HEATMAPS]:
        raise ModelError(f"expected a top-down model with the output {HEATMAPS!r} alone, got {outputs}")
    _, joints, height, width = sizes(model.graph.output[0])
    if 0 in (joints, height, width):
        raise ModelError(f"expected heatmaps of fixed size, got {sizes(model.graph.output[0])}")
    result = onnx.ModelProto()
    result.CopyFrom(model)
    constants, nodes = head(joints, height, width)
    result.graph.initializer.extend(constants)
    result.graph.node.extend(nodes)
    batch = model.graph.output[0].type.tensor_type.shape.dim[0]
    shape = [batch.dim_param or batch.dim_value, joints, 3]
    result.graph.output[0].CopyFrom(helper.make_tensor_value_info(KEYPOINTS, onnx.TensorProto.FLOAT, shape))
    onnx.checker.check_model(result)
    return result


def sizes(info: onnx.ValueInfoProto) -> list[int]:
    """0 where a dimension is free."""
    return [dimension.dim_value for dimension in info.type.tensor_type.shape.dim]


def head(joints: int, height: int, width: int) -> tuple[list[onnx.TensorProto], list[onnx.NodeProto]]:
    """Constants and nodes from "heatmaps" to "keypoints"; the steps are those of core.heatmap.quarter_offset."""
    values: dict[str, Any] = {
        "shape": np.array([0, joints, height * width], np.int64),  # 0: as it comes
        "width": np.array([width], np.int64),
        "last_x": np.array([width - 1], np.int64),
        "last_y": np.array([height - 1], np.int64),
        "one": np.array([1], np.int64),
        "quarter": np.array([0.25], np.float32),
        "0.0": np.array(0, np.float32),
        "1.0": np.array(1, np.float32),
    }
    steps: list[tuple[str, str, str, dict[str, Any]]] = [  # operator, inputs, output, attributes
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
    constants = [numpy_helper.from_array(value, PREFIX + name) for name, value in values.items()]
    return constants, [node(*step) for step in steps]


def node(operator: str, inputs: str, output: str, attributes: dict[str, Any]) -> onnx.NodeProto:
    names = [name if name in (HEATMAPS, KEYPOINTS) else PREFIX + name for name in [*inputs.split(), output]]
    return helper.make_node(operator, names[:-1], names[-1:], PREFIX + output, **attributes)


def difference_px(model: onnx.ModelProto, decoded: onnx.ModelProto) -> float:
    """Largest difference of x, y (heatmap px) and score between the head and core.heatmap.decode, on noise images."""
    info = model.graph.input[0]
    shape = [size or 2 for size in sizes(info)]
    images = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
    heatmaps, keypoints = (run(each, {info.name: images}) for each in (model, decoded))
    xy, score = decode(heatmaps)
    return float(np.abs(keypoints - np.concatenate([xy, score[..., None]], -1)).max())


def run(model: onnx.ModelProto, feeds: dict[str, np.ndarray]) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, feeds)[0])


def decoding(content: bytes) -> bytes:
    """A serialised model -> the same with the head. Raises ModelError also where it decodes otherwise than the host."""
    model = onnx.load_from_string(content)
    decoded = add_decode_head(model)
    difference = difference_px(model, decoded)
    if not difference <= PARITY_PX:
        raise ModelError(f"expected the decode head within {PARITY_PX} px of the host's, got {difference:.2e}")
    return decoded.SerializeToString()


def add_to_file(source: str | Path, out: str | Path, name: str | None = None) -> Path:
    """Writes <out>/<name>.onnx and .json with the head; name: by default <source>_decoded. Raises ModelError.

    The spec keeps the figures measured without flip test: the network is the same, and has no flip test any more.
    """
    spec = load_model_spec(str(source))
    path = Path(out, (name or f"{spec.name}_decoded") + ".onnx")
    write_whole(path, decoding(Path(source).read_bytes()))
    accuracy = {
        key: value for key, value in spec.accuracy.items() if not (isinstance(value, dict) and value.get("flip"))
    }
    training = {**spec.training, "decode_head": True}
    spec = spec._replace(name=model_name(path), sha256=file_sha256(str(path)), accuracy=accuracy, training=training)
    write_json(spec_path(str(path)), spec.to_json(), indent=1)
    return path
