import json
import types

import pytest

from pose_estimation_ros.inference.trt.precision import (
    built_precision,
    describe,
    engine_precisions,
    word_to_precision,
)


@pytest.mark.parametrize(
    "text, precision",
    [
        ("", ""),
        ("Int32", ""),
        ("N/A due to dynamic shapes", ""),
        ("Float", "fp32"),
        ("Half", "fp16"),
        ("HALF", "fp16"),
        ("Int8", "int8"),
        ("BF16", "bf16"),
        ("Row major linear FP32 format (kLINEAR)", "fp32"),
        ("Channel major FP16 format where channel % 8 == 0", "fp16"),
        ("Thirty-two wide channel vectorized row major Int8 format.", "int8"),
    ],
)
def test_tensorrts_words(text, precision):
    assert word_to_precision(text) == precision


@pytest.mark.parametrize(
    "counts, precision",
    [
        ({}, "unknown"),
        ({"bf16": 3}, "unknown"),
        ({"fp16": 1}, "fp16"),
        ({"fp16": 60, "fp32": 12}, "fp16"),
        ({"int8": 5, "fp16": 5}, "fp16"),
        ({"fp32": 5, "int8": 5, "fp16": 1}, "fp32"),
    ],
)
def test_most_layers_decide_and_a_tie_claims_less(counts, precision):
    assert built_precision(counts) == precision


def test_describe():
    assert describe({}) == "no layer reports its precision"
    assert describe({"fp32": 12, "fp16": 60}) == "fp16 in 60 and fp32 in 12 layers"


def trt_with(text):
    """A module tensorrt whose engines' inspector says this; None: engines that cannot be opened."""
    inspector = types.SimpleNamespace(get_engine_information=lambda _format: text)
    engine = types.SimpleNamespace(create_engine_inspector=lambda: inspector) if text is not None else None
    runtime = types.SimpleNamespace(deserialize_cuda_engine=lambda _content: engine)
    return types.SimpleNamespace(
        ILogger=type("ILogger", (), {}),
        Runtime=lambda _log: runtime,
        LayerInformationFormat=types.SimpleNamespace(JSON=1),
    )


@pytest.mark.parametrize(
    "layers, counts",
    [
        ([], {}),
        (["conv_0"], {}),  # built without details: names alone
        (
            [{"Weights": {"Type": "Half", "Count": 9}}, {"Weights": {"Type": "Float"}}, {"Outputs": []}],
            {"fp16": 1, "fp32": 1},
        ),
        # weights tell what is computed, formats only what passes between layers
        ([{"Weights": {"Type": "Int8"}, "Outputs": [{"Format/Datatype": "Row major FP16"}]}], {"int8": 1}),
        # as fused layers of TensorRT 10, and of 11, which has the type apart
        ([{"Outputs": [{"Format/Datatype": "Row major FP16"}]}, {"Outputs": [{"DataType": "Half"}]}], {"fp16": 2}),
        ([{"Outputs": [{"DataType": "Int32"}]}], {}),
    ],
)
def test_counts_of_the_inspector(layers, counts):
    assert engine_precisions(trt_with(json.dumps({"Layers": layers, "Bindings": []})), b"") == counts


def test_an_engine_that_cannot_be_opened_tells_nothing():
    assert engine_precisions(trt_with(None), b"") == {}
