"""Which precision an engine really has: read back, because a flag that a version no longer has would go unnoticed."""

import collections
import json
from typing import Any, Dict, Iterable, List, Mapping

from pose_estimation_ros.inference.trt.api import make_log

PRECISIONS = ("int8", "fp16", "fp32")  # from the lowest
WEIGHED = ("CONVOLUTION", "DECONVOLUTION", "FULLY_CONNECTED", "MATRIX_MULTIPLY")  # where the arithmetic is
WORDS = (("int8", "int8"), ("bf16", "bf16"), ("fp16", "fp16"), ("half", "fp16"), ("fp32", "fp32"), ("float", "fp32"))
FLAG_PRECISIONS = {"INT8": "int8", "FP16": "fp16"}


def network_precisions(network: Any, flags: Iterable[str]) -> Dict[str, int]:
    """How many of a parsed network's convolutions and products have which precision, by their types and the flags set.

    A layer fed by a dequantisation is int8. Flags permit a lower precision than the types say, and do not prove it.
    """
    producers, weighed = {}, []
    for index in range(network.num_layers):
        layer = network.get_layer(index)
        for output in range(layer.num_outputs):
            producers[layer.get_output(output).name] = layer.type.name
        if layer.type.name in WEIGHED:
            weighed.append(layer)
    permitted = [FLAG_PRECISIONS[name] for name in flags if name != "INT8"]
    return dict(collections.Counter(_lowest([_layer_precision(layer, producers)] + permitted) for layer in weighed))


def _layer_precision(layer: Any, producers: Mapping[str, str]) -> str:
    if producers.get(layer.get_input(0).name) == "DEQUANTIZE":
        return "int8"
    return word_to_precision(layer.get_output(0).dtype.name)


def engine_precisions(trt: Any, content: bytes) -> Dict[str, int]:
    """How many layers of a built engine have which precision, {} where it does not tell: it was not built to.

    Counted by their weights; where no layer tells of weights (fused ones of TensorRT 10), by what they put out.
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


def _format(tensor: Mapping) -> str:
    """Such as "Channel major FP16 format where channel % 8 == 0"; TensorRT 11 has the type apart."""
    return str(tensor.get("DataType") or tensor.get("Format/Datatype") or "")


def word_to_precision(text: str) -> str:
    """Of TensorRT's many words for a type; "" for none of ours, such as shapes in INT32."""
    return next((precision for word, precision in WORDS if word in text.lower()), "")


def built_precision(counts: Mapping[str, int]) -> str:
    """The precision of most layers, the higher of two equal ones; "unknown" of nothing."""
    known = [precision for precision in counts if precision in PRECISIONS]
    return max(known, key=lambda precision: (counts[precision], PRECISIONS.index(precision))) if known else "unknown"


def describe(counts: Mapping[str, int]) -> str:
    """Such as "fp16 in 60 and fp32 in 12 layers"."""
    return " and ".join("%s in %d" % (name, counts[name]) for name in sorted(counts, key=counts.get, reverse=True)) + (
        " layers" if counts else "no layer that tells"
    )


def _lowest(precisions: List[str]) -> str:
    known = [precision for precision in PRECISIONS if precision in precisions]
    return known[0] if known else precisions[0]
