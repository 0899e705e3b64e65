"""ONNX models in int8, with QuantizeLinear and DequantizeLinear around what runs in it. Needs no torch."""

from __future__ import annotations

from typing import Any, Iterable, Sequence

import numpy as np
import onnx

from pose_estimation_ros.training.export.onnx_graph import finished, last_convolutions, outer_nodes
from pose_estimation_ros.training.export.ranges import observe, ranges

# TensorRT fuses what follows a convolution into it, so only what is read by these is quantised.
TENSORRT_OPS = ("Conv", "Add")
# ONNX Runtime has int8 kernels for these: the fewer borders between int8 and float32, the faster.
CPU_OPS = ("Conv", "Add", "Relu", "Clip", "Concat", "Resize", "MaxPool", "AveragePool")

# Options of ONNX Runtime's quantizer. TensorRT's parser refuses zero points, uint8 and int32 biases, and 8.x wants
# weights in float32 with both nodes behind them, and a pair of nodes for each reader of a tensor.
FOR_TENSORRT: dict[str, Any] = {
    "ActivationSymmetric": True,
    "WeightSymmetric": True,
    "QuantizeBias": False,
    "AddQDQPairToWeight": True,
    "DedicatedQDQPair": True,
    "OpTypesToExcludeOutputQuantization": list(TENSORRT_OPS),
}
FOR_CPU: dict[str, Any] = {"WeightSymmetric": True}


def to_int8(model: onnx.ModelProto, precision: str, batches: Iterable[np.ndarray], method: str) -> onnx.ModelProto:
    """Maps between the first and the last convolution in int8; weights symmetric, per channel.

    int8-tensorrt: activations int8, symmetric, where convolutions and sums read them; biases stay float32.
    int8-cpu: activations uint8, wherever there is a kernel for it; biases int32.
    Raises ConfigError for an unknown method, DataError as ranges.observe.
    """
    for_tensorrt = precision == "int8-tensorrt"
    op_types = TENSORRT_OPS if for_tensorrt else CPU_OPS
    found = ranges(observe(model, op_types, batches), method, symmetric=for_tensorrt)
    return finished(quantised(model, found, op_types, FOR_TENSORRT if for_tensorrt else FOR_CPU))


def quantised(model: onnx.ModelProto, found: dict, op_types: Sequence[str], options: dict) -> onnx.ModelProto:
    """The work of ONNX Runtime's quantize_static, but with ranges that were found before."""
    # Imported here, because these import torch where it is installed.
    from onnxruntime.quantization import QuantType
    from onnxruntime.quantization.calibrate import CalibrationMethod, TensorsData
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    inferred = onnx.shape_inference.infer_shapes(model)
    data: dict[str, Any] = {name: (np.float32(low), np.float32(high)) for name, (low, high) in found.items()}
    quantizer = QDQQuantizer(
        inferred,
        per_channel=True,
        reduce_range=False,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QInt8 if options is FOR_TENSORRT else QuantType.QUInt8,
        tensors_range=TensorsData(CalibrationMethod.MinMax, data),
        nodes_to_quantize=[],
        nodes_to_exclude=kept_float32(inferred.graph),
        op_types_to_quantize=list(op_types),
        extra_options=options,
    )
    quantizer.quantize_model()
    quantizer.model.topological_sort()
    return quantizer.model.model


def kept_float32(graph: onnx.GraphProto) -> list[str]:
    """What int8 would spoil: all outside the convolutions, the last of them, which answer, and what is no map.

    Vectors, those of attention and its layer norm, have variances from 1e-3 to 1e4 in one tensor, and cost nothing.
    """
    maps = {info.name for info in (*graph.value_info, *graph.output) if is_map(info.type.tensor_type.shape.dim)}
    vectors = [node.name for node in graph.node if not maps.issuperset(node.output)]
    return outer_nodes(graph) + last_convolutions(graph) + vectors


def is_map(dims: Sequence) -> bool:
    """(N, C, h, w) of more than a pixel; a free side has no dim_value."""
    return len(dims) == 4 and any(dim.dim_value != 1 for dim in dims[2:])
