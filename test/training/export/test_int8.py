import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper
from onnx_runs import outputs, types
from small_net import noise, save_small_net

from pose_estimation_ros.training.export.int8 import to_int8
from pose_estimation_ros.training.export.onnx_graph import load_float32

KINDS = ["int8-tensorrt", "int8-cpu"]


@pytest.fixture
def model(save_onnx, save_spec):
    return load_float32(save_small_net(save_onnx, save_spec))


@pytest.fixture
def constants():
    def values(model):
        return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}

    return values


def nodes(model, op_type):
    return [node for node in model.graph.node if node.op_type == op_type]


def makers(model):
    return {name: node for node in model.graph.node for name in node.output}


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_are_close_and_of_float32(model, kind):
    result = to_int8(model, kind, noise())
    for info in (*result.graph.input, *result.graph.output):
        assert info.type.tensor_type.elem_type == TensorProto.FLOAT
    expected, found = outputs(model, noise()[0])[0], outputs(result, noise()[0])[0]
    assert found.dtype == np.float32
    assert 0 < np.abs(found - expected).max() < 0.1 * np.abs(expected).max()


def test_for_tensorrt_all_is_signed_and_symmetric_and_biases_are_float32(model, constants):
    result = to_int8(model, "int8-tensorrt", noise())
    values, known = constants(result), types(result)
    pairs = nodes(result, "QuantizeLinear"), nodes(result, "DequantizeLinear")
    # Inputs and weights of the two inner convolutions, both inputs of the sums of two maps and of map and pixel.
    assert [len(found) for found in pairs] == [8, 8]
    for node in pairs[0] + pairs[1]:
        assert values[node.input[2]].dtype == np.int8 and not values[node.input[2]].any()
    assert TensorProto.INT32 not in known.values() and TensorProto.UINT8 not in known.values()
    for node in nodes(result, "Conv"):
        assert values[node.input[2]].dtype == np.float32


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_convolution_the_normalisation_and_vectors_stay_float32(model, constants, kind):
    result = to_int8(model, kind, noise())
    quantised = {node.input[0] for node in nodes(result, "QuantizeLinear")}
    assert not quantised & {"images", "centred", "squares", "vector", "weighed", "moved", "heatmaps", "w3", "wv"}
    assert quantised >= {"normal", "c2", "r1" if kind == "int8-tensorrt" else "attended"}
    assert {name for name, value in constants(result).items() if value.dtype == np.float32} >= {"w3", "b3", "wv"}


@pytest.mark.parametrize("kind", KINDS)
def test_weights_have_a_scale_per_channel(model, constants, kind):
    result = to_int8(model, kind, noise())
    values, made_by = constants(result), makers(result)
    w1 = constants(model)["w1"]
    scales = values[made_by[nodes(result, "Conv")[0].input[1]].input[1]]
    np.testing.assert_allclose(scales, np.abs(w1).max((1, 2, 3)) / 127, rtol=0.01)


@pytest.mark.parametrize("kind, levels", [("int8-tensorrt", 127), ("int8-cpu", 255)])
def test_the_scale_of_activations_is_the_calibrated_range_over_the_levels(model, constants, kind, levels):
    """Of what the second convolution reads: behind a ReLU nothing below zero needs a level of the unsigned ones."""
    seen = np.concatenate([outputs(with_output(model, "r1"), batch)[1] for batch in noise()])
    result = to_int8(model, kind, noise())
    values, made_by = constants(result), makers(result)
    (second,) = [node for node in nodes(result, "Conv") if node.output[0].startswith("c2")]
    _, scale, zero = made_by[second.input[0]].input
    assert values[scale] == pytest.approx(seen.max() / levels, rel=1e-5) and values[zero] == 0


def with_output(model, name):
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.graph.output.append(onnx.helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    return copy


def test_for_the_cpu_there_is_no_float_between_convolutions(model, constants):
    result = to_int8(model, "int8-cpu", noise())
    values, known = constants(result), types(result)
    assert TensorProto.UINT8 in known.values()
    made_by = makers(result)
    first = next(node for node in nodes(result, "Conv"))
    assert values[made_by[first.input[2]].input[0]].dtype == np.int32  # the bias
    assert first.output[0] in [node.input[0] for node in nodes(result, "QuantizeLinear")]  # the ReLU went into it
