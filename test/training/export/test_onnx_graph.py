import onnx
import pytest
from small_net import noise, save_small_net

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.training.export.fp16 import to_fp16
from pose_estimation_ros.training.export.int8 import to_int8
from pose_estimation_ros.training.export.onnx_graph import last_convolutions, load_float32, outer_nodes


def chain(text):
    """A graph out of "output = Operator input input; ...", nodes named by their outputs."""
    nodes = []
    for line in filter(None, text.split("; ")):
        made, call = line.split(" = ")
        op_type, *given = call.split()
        nodes.append(onnx.helper.make_node(op_type, given, [made], name=made))
    return onnx.helper.make_graph(nodes, "chain", [], [])


@pytest.mark.parametrize(
    "text, outer, last",
    [
        ("", "", ""),
        ("a = Relu x; b = Relu a", "a b", ""),
        ("a = Conv x", "", "a"),
        ("a = Sub x; b = Conv a; c = Relu b; d = Conv c; e = Exp d", "a e", "d"),
        ("a = Conv x; b = Conv a; c = Conv a; d = Concat b c", "d", "b c"),
        ("a = Conv x; b = Sigmoid x; c = Mul a b; d = ConvTranspose c", "b", "d"),
    ],
)
def test_where_convolutions_begin_and_end(text, outer, last):
    graph = chain(text)
    assert outer_nodes(graph) == outer.split()
    assert sorted(last_convolutions(graph)) == last.split()


def test_loaded_models_have_named_nodes_and_no_constants_as_nodes(save_onnx, save_spec):
    model = load_float32(save_small_net(save_onnx, save_spec))
    assert all(node.name for node in model.graph.node) and not any(n.op_type == "Constant" for n in model.graph.node)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 13)] and model.ir_version == 7


def test_names_are_not_given_twice(tmp_path):
    """The first node has the name that the second one, which has none, would get from its place."""
    weight = onnx.helper.make_tensor("weight", onnx.TensorProto.FLOAT, [3, 3, 1, 1], [0.5] * 9)
    nodes = [onnx.helper.make_node("Conv", ["a", "weight"], ["b"], "Conv_1")]
    nodes.append(onnx.helper.make_node("Conv", ["b", "weight"], ["c"]))
    infos = [onnx.helper.make_tensor_value_info(name, 1, [1, 3, 2, 2]) for name in "ac"]
    graph = onnx.helper.make_graph(nodes, "g", infos[:1], infos[1:], [weight])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=7)
    names = [node.name for node in load_float32(save(tmp_path, model)).graph.node]
    assert names[0] == "Conv_1" and len(set(names)) == len(names) == 2 and all(names)


def save(folder, model):
    path = folder / "made.onnx"
    onnx.save(model, path)
    return path


def test_models_that_cannot_be_converted(save_onnx, save_spec, tmp_path):
    model = load_float32(save_small_net(save_onnx, save_spec))
    with pytest.raises(ModelError, match="expected a float32 model to convert, got one with int8 at "):
        load_float32(save(tmp_path, to_int8(model, "int8-cpu", noise())))
    with pytest.raises(ModelError, match="expected a float32 model to convert, got one with fp16 at "):
        load_float32(save(tmp_path, to_fp16(model)))
    model.graph.node[3].domain = "com.acme"
    with pytest.raises(ModelError, match="expected ONNX's own operators, got com.acme.Relu"):
        load_float32(save(tmp_path, model))
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(ModelError, match="text.onnx: expected an ONNX model"):
        load_float32(tmp_path / "text.onnx")
    with pytest.raises(ModelError, match="expected a network with convolutions"):
        load_float32(save_onnx("sum", [("Add", ["x", "x"], ["y"], {})], {"x": ["n", 2]}, {"y": ["n", 2]}, {}))
    unmade = save_onnx("unmade", [("Conv", ["x", "w"], ["y"], {})], {"x": ["n", 2, 4, 4]}, {"y": ["n", 1, 4, 4]}, {})
    with pytest.raises(ModelError, match="expected an ONNX model that ONNX Runtime loads"):
        load_float32(unmade)
