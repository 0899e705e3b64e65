import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper
from onnx_runs import outputs, types
from small_net import noise, save_small_net

from pose_estimation_ros.training.export.fp16 import to_fp16
from pose_estimation_ros.training.export.onnx_graph import load_float32

HALF_NODES = {"Conv", "Relu", "Add", "Resize", "Unsqueeze", "Flatten", "Gemm"}


@pytest.fixture
def path(save_onnx, save_spec):
    return save_small_net(save_onnx, save_spec)


def test_inputs_and_outputs_stay_float32_and_results_are_close(path):
    model, half = load_float32(path), to_fp16(load_float32(path))
    for info in (*half.graph.input, *half.graph.output):
        assert info.type.tensor_type.elem_type == TensorProto.FLOAT
    expected, found = outputs(model, noise()[0])[0], outputs(half, noise()[0])[0]
    assert found.dtype == np.float32 and expected.std() > 0.1
    assert 0 < np.abs(found - expected).max() < 0.02


def test_what_lies_between_the_convolutions_is_half_and_nothing_else(path):
    half = to_fp16(load_float32(path))
    known = types(half)
    for node in half.graph.node:
        if node.op_type == "Cast":
            continue
        is_half = known[node.output[0]] == TensorProto.FLOAT16
        assert is_half == (node.op_type in HALF_NODES), node.name
        if node.op_type in ("Conv", "Gemm"):
            assert {known[name] for name in node.input} == {TensorProto.FLOAT16}
        if node.op_type == "Resize":
            assert [known[name] for name in node.input if name] == [
                TensorProto.FLOAT16,
                TensorProto.FLOAT,
                TensorProto.FLOAT,
            ]
    # In: the normalised image, the squares. Out: the mean pixel's input, the heatmaps.
    assert [node.op_type for node in half.graph.node].count("Cast") == 4
    assert not any(tensor.name == "w1" for tensor in half.graph.initializer)  # kept once, not twice


def test_the_original_is_left_alone(path):
    model = load_float32(path)
    before = model.SerializeToString()
    to_fp16(model)
    assert model.SerializeToString() == before


def test_weights_beyond_fp16_become_its_largest(save_onnx):
    weights = {"w": np.array([1e6, -1e6, 0.5]).reshape(1, 3, 1, 1)}
    nodes = [("Conv", ["images", "w"], ["maps"], {})]
    path = save_onnx("large", nodes, {"images": ["n", 3, 4, 4]}, {"maps": ["n", 1, 4, 4]}, weights)
    (stored,) = to_fp16(load_float32(path)).graph.initializer
    assert numpy_helper.to_array(stored).ravel().tolist() == [65504, -65504, 0.5]


def test_branches_stay_float32_and_see_float32(save_onnx):
    """What is read inside a branch alone needs its cast, too."""
    info = onnx.helper.make_tensor_value_info
    branches = {
        key: onnx.helper.make_graph(
            [onnx.helper.make_node(op, ["c1"], [key])], key, [], [info(key, TensorProto.FLOAT, ["n", 2, 4, 4])]
        )
        for key, op in (("then_branch", "Neg"), ("else_branch", "Identity"))
    }
    weight = np.random.default_rng(0).standard_normal((2, 2, 1, 1))
    nodes = [
        ("Conv", ["images", "w"], ["c1"], {}),
        ("Greater", ["one", "zero"], ["yes"], {}),
        ("If", ["yes"], ["chosen"], branches),
        ("Conv", ["chosen", "w"], ["maps"], {}),
    ]
    path = save_onnx(
        "branches", nodes, {"images": ["n", 2, 4, 4]}, {"maps": ["n", 2, 4, 4]}, {"w": weight, "one": 1, "zero": 0}
    )
    batch = np.random.default_rng(1).standard_normal((1, 2, 4, 4)).astype(np.float32)
    model = onnx.load(path)
    for number, node in enumerate(model.graph.node):
        node.name = f"n{number}"
    np.testing.assert_allclose(outputs(to_fp16(model), batch)[0], outputs(model, batch)[0], atol=0.02)
