"""Take the mean error that 8-bit weights cause out of the biases. Needs no torch.

It is the bias correction of "Data-Free Quantization Through Weight Equalization and Bias Correction" (Nagel et al.,
ICCV 2019, arXiv:1906.04721, section 4.2), with means of calibration images in place of those that batch norms tell.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import onnx
from onnx import numpy_helper

LARGEST_LEVEL = 127  # of weights


def with_corrected_biases(
    model: onnx.ModelProto, kept: Collection[str], means: Mapping[str, np.ndarray]
) -> onnx.ModelProto:
    """Subtract from the biases of convolutions what rounding their weights adds to the mean of each channel.

    Args:
        model: Network in float32.
        kept: Names of the nodes that are not quantised.
        means: Mean of each channel by the name of the tensor, (C,); padding with zeros is left out of account.

    Returns:
        The network with its weights as they were. Quantised, its channels have the means that they had in float32.
    """
    result = onnx.ModelProto()
    result.CopyFrom(model)
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for node in result.graph.node:
        if node.op_type == "Conv" and node.name not in kept and {*node.input[1:]} <= constants.keys():
            weight, *bias = [constants[name] for name in node.input[1:]]
            change = (bias[0] if bias else 0) - added_by_rounding(weight, means[node.input[0]])
            name = f"{node.output[0]}_corrected_bias"  # of this node alone: nodes may share a bias
            result.graph.initializer.append(numpy_helper.from_array(np.asarray(change, np.float32), name))
            node.input[:] = [*node.input[:2], name]
    _remove_unread(result.graph)
    return result


def added_by_rounding(weight: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return what a convolution's outputs have more when its weights are symmetric 8 bits with a scale per channel.

    Args:
        weight: Weights, (outputs, inputs of a group, h, w).
        mean: Mean of each channel that the convolution reads, (inputs,).

    Returns:
        The mean of each channel's error, (outputs,).
    """
    scale = np.abs(weight).max((1, 2, 3), keepdims=True) / LARGEST_LEVEL
    scale[scale == 0] = 1
    error = (np.round(weight / scale) * scale - weight).sum((2, 3))
    groups = len(mean) // weight.shape[1]
    return np.asarray((error.reshape(groups, -1, weight.shape[1]) @ mean.reshape(groups, -1, 1)).reshape(-1))


def _remove_unread(graph: onnx.GraphProto) -> None:
    """Remove the constants that no node reads."""
    read = {name for node in graph.node for name in node.input}
    left = [tensor for tensor in graph.initializer if tensor.name in read]
    del graph.initializer[:]
    graph.initializer.extend(left)
