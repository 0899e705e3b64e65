"""Make int8 models, with QuantizeLinear and DequantizeLinear around what runs in int8. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx

from pose_estimation_ros.training.export.bias_correction import with_corrected_biases
from pose_estimation_ros.training.export.onnx_graph import finished, last_convolutions, outer_nodes
from pose_estimation_ros.training.export.ranges import Range, observe, symmetric

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


def to_int8(model: onnx.ModelProto, precision: str, batches: Iterable[np.ndarray]) -> onnx.ModelProto:
    """Quantise a model between its first and its last convolution; weights are symmetric, per channel.

    Biases are corrected by what rounding the weights adds to the mean of each channel.

    Args:
        model: Network in float32, as onnx_graph.load_float32 gives it.
        precision: "int8-tensorrt": activations are int8 and symmetric where convolutions and sums read them, biases
            stay float32. "int8-cpu": activations are uint8 wherever there is a kernel for it, biases are int32.
        batches: Calibration images, (N, 3, h, w) float32; int8 covers all values that they cause, and their means are
            kept.

    Returns:
        The quantised model, with float32 inputs and outputs.

    Raises:
        DataError: There is no batch, or a value in the network is not finite.
    """
    op_types, options = (TENSORRT_OPS, FOR_TENSORRT) if precision == "int8-tensorrt" else (CPU_OPS, FOR_CPU)
    seen = observe(model, op_types, batches)
    means = {name: tensor.mean for name, tensor in seen.items()}
    ranges = {name: symmetric(*s.ends) if options is FOR_TENSORRT else s.ends for name, s in seen.items()}
    corrected = with_corrected_biases(model, kept_float32(onnx.shape_inference.infer_shapes(model).graph), means)
    return finished(quantised(corrected, ranges, op_types, options))


def quantised(
    model: onnx.ModelProto, ranges: Mapping[str, Range], op_types: Sequence[str], options: dict[str, Any]
) -> onnx.ModelProto:
    """Do the work of ONNX Runtime's quantize_static with ranges that are known.

    Args:
        model: Network in float32.
        ranges: Lowest and highest value of each tensor that may be quantised.
        op_types: Types of operators to quantise.
        options: FOR_TENSORRT or FOR_CPU.

    Returns:
        The quantised model.
    """
    # Imported here, because these import torch where it is installed.
    from onnxruntime.quantization import QuantType
    from onnxruntime.quantization.calibrate import CalibrationMethod, TensorsData
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    inferred = onnx.shape_inference.infer_shapes(model)
    data: dict[str, Any] = {name: (np.float32(low), np.float32(high)) for name, (low, high) in ranges.items()}
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
    model_proto: onnx.ModelProto = quantizer.model.model
    return model_proto


def kept_float32(graph: onnx.GraphProto) -> list[str]:
    """Name the nodes that int8 would spoil.

    They are all nodes outside the convolutions, the last convolutions, which make the outputs, and what is no map.
    Vectors, such as those of attention and its layer norm, have variances from 1e-3 to 1e4 in one tensor, and cost
    nothing.
    """
    maps = {info.name for info in (*graph.value_info, *graph.output) if _is_map(info.type.tensor_type.shape.dim)}
    vectors = [node.name for node in graph.node if not maps.issuperset(node.output)]
    return outer_nodes(graph) + last_convolutions(graph) + vectors


def _is_map(dims: Sequence[Any]) -> bool:
    """Tell whether dimensions are (N, C, h, w) of more than a pixel; a free side has no dim_value."""
    return len(dims) == 4 and any(dim.dim_value != 1 for dim in dims[2:])
