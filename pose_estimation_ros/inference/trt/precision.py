"""Read back which precision an engine has, because TensorRT ignores flags that a version does not support."""

import collections
import json
from typing import Dict, Iterable, List, Mapping

from pose_estimation_ros.inference.trt.api import TensorRT, TrtObject, make_log

PRECISIONS = ("int8", "fp16", "fp32")  # from the lowest
WEIGHED = ("CONVOLUTION", "DECONVOLUTION", "FULLY_CONNECTED", "MATRIX_MULTIPLY")  # layers with most arithmetic
WORDS = (("int8", "int8"), ("bf16", "bf16"), ("fp16", "fp16"), ("half", "fp16"), ("fp32", "fp32"), ("float", "fp32"))
FLAG_PRECISIONS = {"INT8": "int8", "FP16": "fp16"}


def network_precisions(network: TrtObject, flags: Iterable[str]) -> Dict[str, int]:
    """Count the convolutions and products of a parsed network by precision, from their types and the builder's flags.

    A layer whose input is dequantised is int8. Flags permit a lower precision than the types, but do not prove it.

    Args:
        network: TensorRT's network.
        flags: names of the builder's flags that are set.

    Returns:
        {precision: number of layers}.
    """
    producers: Dict[str, str] = {}
    weighed: List[TrtObject] = []
    for index in range(network.num_layers):
        layer = network.get_layer(index)
        for output in range(layer.num_outputs):
            producers[layer.get_output(output).name] = layer.type.name
        if layer.type.name in WEIGHED:
            weighed.append(layer)
    permitted = [FLAG_PRECISIONS[name] for name in flags if name != "INT8"]
    return dict(collections.Counter(_lowest([_layer_precision(layer, producers)] + permitted) for layer in weighed))


def _layer_precision(layer: TrtObject, producers: Mapping[str, str]) -> str:
    if producers.get(layer.get_input(0).name) == "DEQUANTIZE":
        return "int8"
    return word_to_precision(layer.get_output(0).dtype.name)


def engine_precisions(trt: TensorRT, content: bytes) -> Dict[str, int]:
    """Count the layers of a built engine by precision.

    The weights of the layers decide; if no layer reports weights (fused layers of TensorRT 10), their outputs.

    Args:
        trt: the module tensorrt.
        content: the bytes of the engine.

    Returns:
        {precision: number of layers}, empty if the engine was built without this information.
    """
    engine = trt.Runtime(make_log(trt)).deserialize_cuda_engine(content)
    if engine is None or not hasattr(engine, "create_engine_inspector"):
        return {}
    text = engine.create_engine_inspector().get_engine_information(trt.LayerInformationFormat.JSON)
    layers = [layer for layer in json.loads(text).get("Layers", []) if isinstance(layer, dict)]
    words = [layer["Weights"].get("Type", "") for layer in layers if isinstance(layer.get("Weights"), dict)]
    if not words:
        words = [_format(output) for layer in layers for output in layer.get("Outputs", [])[:1]]
    return dict(collections.Counter(filter(None, map(word_to_precision, words))))


def _format(tensor: Mapping[str, object]) -> str:
    """Return a text such as "Channel major FP16 format where channel % 8 == 0", or only the type (TensorRT 11)."""
    return str(tensor.get("DataType") or tensor.get("Format/Datatype") or "")


def word_to_precision(text: str) -> str:
    """Return the precision in one of TensorRT's many names of types; "" for others, such as shapes in INT32."""
    return next((precision for word, precision in WORDS if word in text.lower()), "")


def built_precision(counts: Mapping[str, int]) -> str:
    """Return the precision of most layers, the higher one of two equals; "unknown" without layers."""
    known = [precision for precision in counts if precision in PRECISIONS]
    return max(known, key=lambda precision: (counts[precision], PRECISIONS.index(precision))) if known else "unknown"


def describe(counts: Mapping[str, int]) -> str:
    """Format counts such as "fp16 in 60 and fp32 in 12 layers"."""
    if not counts:
        return "no layer reports its precision"
    names = sorted(counts, key=lambda name: counts[name], reverse=True)
    return " and ".join("%s in %d" % (name, counts[name]) for name in names) + " layers"


def _lowest(precisions: List[str]) -> str:
    known = [precision for precision in PRECISIONS if precision in precisions]
    return known[0] if known else precisions[0]
