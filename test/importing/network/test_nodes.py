"""Check nodes in the form of each operator set against numpy, and names in nested graphs."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from pose_estimation_ros.importing.network.nodes import PREFIX, Nodes, prefixed, pruned

X = np.random.RandomState(0).uniform(-1, 1, (2, 3, 4)).astype(np.float32)
OPERATIONS = [
    (lambda nodes: nodes.take("x", 1, 1, 3), X[:, 1:3]),
    (lambda nodes: nodes.at("x", 2, 3), X[:, :, 3]),
    (lambda nodes: nodes.reordered("x", 1, (2, 1, 0)), X[:, ::-1]),
    (lambda nodes: nodes.reshaped("x", 0, -1), X.reshape(2, 12)),
    (lambda nodes: nodes.unsqueezed("x", 1), X[:, None]),
    (lambda nodes: nodes.maximum("x", 1), X.max(1, keepdims=True)),
    (lambda nodes: nodes.best("x", 2, 2)[0], -np.sort(-X, 2)[:, :, :2]),
    (lambda nodes: nodes.cast(nodes.best("x", 2, 2)[1], 1), np.argsort(-X, 2)[:, :, :2]),
    (lambda nodes: nodes.joined(1, "x", X), np.concatenate([X, X], 1)),
]


def run(nodes, opset, inputs, outputs):
    info = [helper.make_tensor_value_info("x", 1, list(X.shape))]
    results = [helper.make_tensor_value_info(name, 1, None) for name in outputs]
    graph = helper.make_graph(nodes.nodes, "g", info, results, nodes.constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 7
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(outputs, inputs)


@pytest.mark.parametrize("opset", [9, 10, 11, 13, 15])
def test_nodes_compute_what_numpy_does(opset):
    nodes = Nodes(opset)
    for index, (build, _expected) in enumerate(OPERATIONS):
        nodes.named(build(nodes), "y%d" % index)
    results = run(nodes, opset, {"x": X}, ["y%d" % index for index in range(len(OPERATIONS))])
    for result, (_build, expected) in zip(results, OPERATIONS):
        np.testing.assert_array_equal(result, expected)


@pytest.mark.skipif(onnxruntime.__version__.startswith("1.10"), reason="ONNX Runtime 1.10 reads opset 15 at most")
def test_nodes_of_a_new_operator_set():
    test_nodes_compute_what_numpy_does(18)


def model_with_branches():
    """Make a graph whose branches read the outer tensors x and w, and have a tensor t each."""

    def branch(name, operator):
        node = helper.make_node(operator, ["x", "w"], ["t"])
        return helper.make_graph([node], name, [], [helper.make_tensor_value_info("t", 1, [1])])

    condition = helper.make_node("Greater", ["x", "w"], ["is_greater"], name="compare")
    choice = helper.make_node(
        "If", ["is_greater"], ["y"], then_branch=branch("a", "Add"), else_branch=branch("b", "Mul")
    )
    weight = helper.make_tensor("w", 1, [1], [3.0])
    unused = helper.make_tensor("unused", 1, [1], [4.0])
    info = [helper.make_tensor_value_info(name, 1, [1]) for name in ("x", "y")]
    nodes = [helper.make_node("Neg", ["unused"], ["nothing"]), condition, choice]
    return helper.make_graph(nodes, "g", info[:1], info[1:], [weight, unused])


@pytest.mark.parametrize("x, expected", [(5.0, 8.0), (2.0, 6.0)])
def test_names_get_a_prefix_in_branches_too(x, expected):
    graph = model_with_branches()
    prefixed(graph)
    pruned(graph)
    names = {name for node in graph.node for name in list(node.input) + list(node.output)}
    assert all(name.startswith(PREFIX) for name in names)
    assert [node.op_type for node in graph.node] == ["Greater", "If"]
    assert [tensor.name for tensor in graph.initializer] == [PREFIX + "w"]
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 7
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    assert session.run(None, {PREFIX + "x": np.array([x], np.float32)})[0] == expected


def test_nodes_are_sorted_and_those_that_nothing_reads_go():
    """As float16 copies have it, the casts of the input and the output stand at the end."""
    nodes = [
        helper.make_node("Relu", ["half"], ["b"]),
        helper.make_node("Neg", ["b"], ["unused"]),
        helper.make_node("Cast", ["x"], ["half"], to=onnx.TensorProto.FLOAT16),
        helper.make_node("Cast", ["b"], ["y"], to=onnx.TensorProto.FLOAT),
    ]
    infos = [helper.make_tensor_value_info(name, 1, [2]) for name in "xy"]
    graph = helper.make_graph(nodes, "g", infos[:1], infos[1:])
    pruned(graph)
    assert [node.output[0] for node in graph.node] == ["half", "b", "y"]
    onnx.checker.check_graph(graph)


def test_a_circle_is_left_to_onnx_runtime():
    nodes = [helper.make_node("Add", ["x", "y"], ["z"]), helper.make_node("Neg", ["z"], ["y"])]
    infos = [helper.make_tensor_value_info(name, 1, [2]) for name in "xy"]
    graph = helper.make_graph(nodes, "g", infos[:1], infos[1:])
    pruned(graph)
    assert len(graph.node) == 2
