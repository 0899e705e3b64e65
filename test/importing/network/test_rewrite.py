"""Check what stands before a foreign graph whose input is of whole numbers."""

import numpy as np
import onnx
import onnxruntime
import pytest
from foreign_networks import write_foreign
from onnx import helper

from pose_estimation_ros.importing.import_model import ModelImport, import_model

SIDE = 48


def read_twice(nodes, weights):
    """Let a second node read the input as it is."""
    nodes.insert(0, helper.make_node("Identity", ["input"], ["same"]))
    nodes.append(helper.make_node("Cast", ["input"], ["unused"], to=onnx.TensorProto.INT32))
    nodes[1].input[0] = "same"


@pytest.mark.parametrize(
    "dtype, change, is_float",
    [(np.int32, None, True), (np.uint8, None, True), (np.int32, read_twice, False), (np.float16, None, False)],
)
def test_whole_numbers_that_become_float32_at_once_are_float32_from_the_start(tmp_path, dtype, change, is_float):
    source = str(tmp_path / "source.onnx")
    run = write_foreign(source, ("input", (1, SIDE, SIDE, 3)), {"o": (1, 1, 17, 3)}, dtype, change=change)
    path = import_model(ModelImport(source, str(tmp_path), "x", check=False), print)
    casts = [node for node in onnx.load(path).graph.node if node.op_type == "Cast"]
    assert (not casts) == is_float
    images = np.random.RandomState(0).uniform(0, 255, (1, 3, SIDE, SIDE)).astype(np.float32)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (keypoints,) = session.run(["keypoints"], {"images": images})
    yxs = run(images.transpose(0, 2, 3, 1).astype(dtype))["o"][0]  # astype cuts fractions off
    expected = yxs[..., [1, 0, 2]] * [SIDE, SIDE, 1] - [0.5, 0.5, 0]
    np.testing.assert_allclose(keypoints, expected, rtol=1e-4 if is_float else 1e-2)


def halved(nodes, weights):
    """Keep the weights in float16 and cast them, as small files do."""
    for name in [name for name in weights if name.endswith(("_weight", "_offset"))]:
        weights[name + "_half"] = weights.pop(name).astype(np.float16)
        nodes.insert(0, helper.make_node("Cast", [name + "_half"], [name], to=onnx.TensorProto.FLOAT))


def test_weights_that_are_cast_are_constants(tmp_path):
    source = str(tmp_path / "source.onnx")
    write_foreign(source, ("input", (1, SIDE, SIDE, 3)), {"o": (1, 1, 17, 3)}, np.int32, change=halved)
    path = import_model(ModelImport(source, str(tmp_path), "x", check=False), print)
    graph = onnx.load(path).graph
    assert "Cast" not in {node.op_type for node in graph.node}
    assert onnx.TensorProto.FLOAT16 not in {tensor.data_type for tensor in graph.initializer}
    images = np.random.RandomState(0).randint(0, 256, (1, 3, SIDE, SIDE)).astype(np.float32)
    run = [onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"]) for file in (path, source)]
    (keypoints,) = run[0].run(["keypoints"], {"images": images})
    (yxs,) = run[1].run(["o"], {"input": images.transpose(0, 2, 3, 1).astype(np.int32)})
    np.testing.assert_allclose(keypoints, yxs[0][..., [1, 0, 2]] * [SIDE, SIDE, 1] - [0.5, 0.5, 0], rtol=1e-6)
