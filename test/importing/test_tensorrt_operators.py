"""Bad models are refused with node and reason; tools/checks/check_trt.py asks NVIDIA's own parser."""

import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from small_net import save_small_net

from pose_estimation_ros.__main__ import main
from pose_estimation_ros.core.errors import ConfigError, ModelError
from pose_estimation_ros.importing.tensorrt_operators import refused


@pytest.fixture
def save(tmp_path):
    """A function that writes a graph of nodes "x" -> "y" with constants and an operator set."""

    def write(nodes, constants=(), opset=13, kind=TensorProto.FLOAT, out=None):
        x = helper.make_tensor_value_info("x", kind, ["n", 4, 6, 6])
        y = helper.make_tensor_value_info("y", kind if out is None else out, None)
        tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in dict(constants).items()]
        graph = helper.make_graph(nodes, "g", [x], [y], tensors)
        domains = {node.domain for node in nodes} | {""}
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid(d, opset if not d else 1) for d in domains])
        onnx.save(model, tmp_path / "model.onnx")
        return tmp_path / "model.onnx"

    return write


def node(op_type, inputs, outputs="y", **attributes):
    return helper.make_node(op_type, inputs.split(), outputs.split(), name="here", **attributes)


F32, S8 = np.float32, np.int8
QUANTISE = (
    node("QuantizeLinear", "x s z", "q"),
    helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"], name="back"),
)
WEIGHT = {"s": np.full(4, 0.1, F32), "z": np.zeros(4, S8), "w": np.zeros((4, 4, 1, 1), S8)}
CONV_OF_WEIGHT = [
    helper.make_node("DequantizeLinear", ["w", "s", "z"], ["d"], name="weight", axis=0),
    node("Conv", "x d"),
]


@pytest.mark.parametrize(
    "nodes, constants, options, versions, operator, reason",
    [
        # versions: newest that refuses it, oldest that does not
        ([node("Relu", "x")], {}, {"opset": 17}, ("8.4", "8.5"), "opset", "at most 13, got 17"),
        ([node("Mod", "x x", fmod=1)], {}, {}, ("8.5", None), "Mod", "TensorRT 8.5 and earlier do not have it"),
        ([node("Reciprocal", "x")], {}, {}, ("8.4", "8.5"), "Reciprocal", "only TensorRT 8.5 and later"),
        ([node("Det", "x")], {}, {}, ("8.5", None), "Det", "TensorRT 8.5 and earlier do not have it"),
        ([node("Fancy", "x", domain="com.acme")], {}, {}, ("8.5", None), "Fancy", "plugin"),
        ([node("Pow", "x x")], {}, {"kind": TensorProto.INT64}, ("8.5", None), "Pow", "compute with INT64"),
        ([node("Relu", "x")], {}, {"kind": TensorProto.BFLOAT16}, ("8.5", None), "Relu", "8.5 does not compute"),
        ([node("Identity", "x")], {}, {"kind": TensorProto.UINT16}, ("8.5", None), "Identity", "8.5 does not compute"),
        (
            [node("Resize", "x r s", mode="cubic")],
            {"r": np.zeros(0, F32), "s": np.array([1, 1, 2, 2], F32)}, {}, ("8.5", None), "Resize", "mode 'cubic'",
        ),
        (
            [node("Resize", "x r s", coordinate_transformation_mode="tf_crop_and_resize")],
            {"r": np.zeros(8, F32), "s": np.array([1, 1, 2, 2], F32)}, {}, ("8.5", None), "Resize", "tf_crop",
        ),
        (
            [helper.make_node("ReduceMean", ["x"], ["low"], keepdims=0), node("Clip", "x low")],
            {}, {}, ("8.5", None), "Clip", "input 1 (low) must be a constant",
        ),
        (
            [helper.make_node("Relu", ["w"], ["v"]), node("Conv", "x v")],
            {"w": np.ones((2, 4, 1, 1), F32)}, {}, ("8.5", None), "Conv", "input 1 (v) must be a constant",
        ),
        (QUANTISE, {"s": F32(0.1), "z": S8(3)}, {}, ("8.5", None), "QuantizeLinear", "zero point 3: 0 is expected"),
        (QUANTISE, {"s": F32(0.1), "z": np.uint8(0)}, {}, ("8.5", None), "QuantizeLinear", "uint8"),
        (QUANTISE, {"s": F32(-0.1), "z": S8(0)}, {}, ("8.5", None), "QuantizeLinear", "over 0"),
        (
            QUANTISE, {"s": np.full(4, 0.1, F32), "z": np.zeros(4, S8)}, {}, ("8.5", None),
            "QuantizeLinear", "activations have one",
        ),
        (
            CONV_OF_WEIGHT, {**WEIGHT, "s": np.full(3, 0.1, F32), "z": np.zeros(3, S8)}, {}, ("8.5", None),
            "DequantizeLinear", "3 scales for 4 channels",
        ),
        (
            [helper.make_node("DequantizeLinear", ["b", "s"], ["bias"], name="bias"), node("Conv", "x w bias")],
            {"w": np.zeros((4, 4, 1, 1), F32), "b": np.zeros(4, np.int32), "s": F32(0.1)}, {}, ("8.5", None),
            "DequantizeLinear", "expected a zero point, got none",
        ),
    ],
)  # fmt: skip
def test_bad_models_are_refused_with_node_and_reason(save, nodes, constants, options, versions, operator, reason):
    path = save(nodes, constants, **options)
    newest, fine = versions
    (found, *_) = refused(path, newest)
    assert found.operator == operator and bool(found.node) == (operator != "opset")
    assert reason in found.reason
    assert fine is None or refused(path, fine) == []


def branch(name, nodes, rank):
    return helper.make_graph(nodes, name, [], [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * rank)])


def test_branches_are_looked_into_and_must_have_one_rank(save):
    """What torch makes of squeeze() where it does not know the side."""
    squeeze = helper.make_node("Squeeze", ["x"], ["low"], name="squeeze")
    keep, odd = (helper.make_node(op_type, ["x"], ["high"], name=op_type) for op_type in ("Identity", "Det"))
    condition = [
        helper.make_node("ReduceMax", ["x"], ["most"], keepdims=0),
        helper.make_node("Greater", ["most", "zero"], ["yes"]),
    ]
    for other, found in ((keep, [("here", "If")]), (odd, [("here", "If"), ("Det", "Det")])):
        branches = {"then_branch": branch("low", [squeeze], 3), "else_branch": branch("high", [other], 4)}
        path = save([*condition, node("If", "yes", **branches)], {"zero": F32(0)})
        assert [refusal[:2] for refusal in refused(path, "8.5")] == found


def test_good_models(save, save_onnx, save_spec):
    assert refused(save(CONV_OF_WEIGHT, WEIGHT), "8.2") == []
    assert refused(save(QUANTISE, {"s": F32(0.1), "z": S8(0)}), "8.2") == []
    assert refused(save_small_net(save_onnx, save_spec), "8.2") == []


@pytest.mark.parametrize("version", ["", "8", "8.1", "7.2.3", "ten", "8.2b", "8.6", "10.3"])
def test_versions_that_there_is_no_table_for(version, save):
    with pytest.raises(ConfigError, match="expected a TensorRT version from 8.2 to 8.5"):
        refused(save([node("Relu", "x")]), version)


@pytest.mark.skipif(sys.version_info < (3, 10), reason="the command needs Python 3.10")
def test_the_command(save, tmp_path, capsys):
    path = str(save([node("Det", "x")]))
    assert main(["check-operators", path, "--tensorrt", "8.5"]) == 1
    assert capsys.readouterr().out.splitlines()[0] == "Det here: TensorRT 8.5 and earlier do not have it"
    assert main(["check-operators", str(save([node("Relu", "x")]))]) == 0
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(ModelError, match="expected an ONNX model"):
        refused(tmp_path / "text.onnx", "8.2")
