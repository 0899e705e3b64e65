"""Check that differences between a network and its copy are seen."""

import numpy as np
import onnx
import pytest
from foreign_networks import write_foreign

from pose_estimation_ros.core.errors import ModelError
from pose_estimation_ros.importing.network.foreign_file import open_foreign
from pose_estimation_ros.importing.network.parity import (
    Network,
    largest_difference,
    noise,
    open_original,
    original_input,
)
from pose_estimation_ros.importing.network.rewrite import Entry, rewrite, with_foreign_outputs

RED = np.zeros((1, 3, 2, 2), np.float32) + np.array([255, 0, 0], np.float32).reshape(3, 1, 1)


def entry_of(foreign, **changes):
    usual = Entry(foreign.input, foreign.input.shape[1] != 3, (8, 8), 1, "rgb", (0, 0, 0), (1, 1, 1))
    return usual._replace(**changes)


def opened(tmp_path, shape=(1, 3, 8, 8), **keywords):
    write_foreign(tmp_path / "x.onnx", ("input", shape), {"o": (1, 4)}, **keywords)
    return open_foreign(str(tmp_path / "x.onnx"))


def difference(foreign, told, real):
    """Return the difference where the copy normalises as told, and the comparison as in reality."""
    model = rewrite(foreign, told, ["o"], lambda nodes, names: nodes.named(names[0], "new"))
    copy = Network(with_foreign_outputs(model, foreign, ["o"]).SerializeToString(), "copy")
    return largest_difference(open_original(foreign), copy, real, noise(real), ["o"])


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.uint8, np.int32])
@pytest.mark.parametrize("shape", [(1, 3, 8, 8), (1, 8, 8, 3), (1, 3, "h", "w")])
def test_a_right_copy(tmp_path, dtype, shape):
    foreign = opened(tmp_path, shape, dtype=dtype)
    for color in ("rgb", "bgr"):
        entry = entry_of(foreign, color=color)
        assert difference(foreign, entry, entry) == 0


@pytest.mark.parametrize(
    "change",
    [{"color": "bgr"}, {"mean": (5, 5, 5)}, {"std": (2, 2, 2)}, {"mean": (9, 0, 0), "std": (1, 1, 1.5)}],
)
def test_a_wrong_copy(tmp_path, change):
    foreign = opened(tmp_path)
    assert difference(foreign, entry_of(foreign), entry_of(foreign, **change)) > 1e-3
    assert difference(foreign, entry_of(foreign, **change), entry_of(foreign, **change)) == 0


def test_pictures_of_the_original(tmp_path):
    foreign = opened(tmp_path, (1, 8, 8, 3), dtype=np.uint8)
    batch = original_input(RED, entry_of(foreign, color="bgr"))
    assert batch.dtype == np.uint8 and batch.shape == (1, 2, 2, 3) and (batch[0, 0, 0] == (0, 0, 255)).all()
    foreign = opened(tmp_path)
    batch = original_input(RED, entry_of(foreign, mean=(1, 2, 3), std=(2, 4, 8)))
    np.testing.assert_allclose(batch[0, :, 0, 0], [127, -0.5, -0.375])


def test_outputs_that_are_no_numbers(tmp_path):
    foreign = opened(tmp_path)
    graph = foreign.model.graph
    graph.node.append(onnx.helper.make_node("Cast", ["o"], ["text"], to=onnx.TensorProto.STRING))
    graph.output.append(onnx.helper.make_tensor_value_info("text", onnx.TensorProto.STRING, [1, 4]))
    graph.node.append(onnx.helper.make_node("SequenceConstruct", ["o"], ["list"]))
    graph.output.append(onnx.helper.make_tensor_sequence_value_info("list", 1, None))
    for number, name in ((2, "text"), (1, "list")):
        del graph.output[number:]
        if name == "list":
            graph.output.append(onnx.helper.make_tensor_sequence_value_info("list", 1, None))
        network = open_original(foreign._replace(content=foreign.model.SerializeToString()))
        with pytest.raises(ModelError, match="outputs of numbers, got another kind: %s" % name):
            network(np.zeros((1, 3, 8, 8), np.float32))


def test_networks_that_do_not_open_or_run(tmp_path):
    foreign = opened(tmp_path)
    model = onnx.ModelProto()
    model.CopyFrom(foreign.model)
    model.opset_import[0].version = 999
    with pytest.raises(ModelError, match="opset 999: an export with an older one may help") as caught:
        open_original(foreign._replace(model=model, content=model.SerializeToString()))
    assert "\n" not in str(caught.value)
    with pytest.raises(ModelError, match=r"runs on a picture \(1, 3, 4, 4\)"):
        open_original(foreign)(np.zeros((1, 3, 4, 4), np.float32))
