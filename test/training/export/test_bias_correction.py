import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx_runs import outputs
from small_net import noise, save_small_net

from pose_estimation_ros.training.export.bias_correction import added_by_rounding, with_corrected_biases
from pose_estimation_ros.training.export.int8 import to_int8
from pose_estimation_ros.training.export.onnx_graph import load_float32

LEVELS = np.array([127, 10.25, -3.5, 0.0])  # weights in steps of their scale: errors of 0, -0.25, -0.5 and 0
TWO_GROUPS = np.array([127, 10.25, -3.5, 127, 127, 10.25, -3.5, 127])


@pytest.mark.parametrize(
    "weight, mean, added",
    [
        (np.zeros((2, 3, 1, 1)), np.ones(3), [0, 0]),
        (LEVELS.reshape(1, 4, 1, 1), np.array([1, 2, 3, 4.0]), [-0.25 * 2 - 0.5 * 3]),
        (LEVELS.reshape(1, 4, 1, 1) * 8, np.array([1, 2, 3, 4.0]), [8 * (-0.25 * 2 - 0.5 * 3)]),
        (LEVELS.reshape(1, 1, 2, 2), np.array([2.0]), [-0.75 * 2]),
        (np.concatenate([LEVELS, -LEVELS]).reshape(2, 1, 2, 2), np.array([2, 10.0]), [-1.5, 7.5]),  # depthwise
        (TWO_GROUPS.reshape(4, 2, 1, 1), np.array([1, 2, 3, 4.0]), [-0.25 * 2, -0.5 * 1, -0.25 * 4, -0.5 * 3]),
    ],
)
def test_what_rounding_adds(weight, mean, added):
    np.testing.assert_allclose(added_by_rounding(weight, mean), added, atol=1e-9)


@pytest.fixture
def two_readers(save_onnx):
    """Write two convolutions that share weights and bias and one without a bias."""
    weights = {"w": LEVELS.reshape(1, 4, 1, 1).repeat(4, 0), "b": np.ones(4), "unused": np.ones(1)}
    nodes = [
        ("Conv", ["images", "w", "b"], ["one"], {}),
        ("Conv", ["one", "w", "b"], ["two"], {}),
        ("Conv", ["two", "w"], ["heatmaps"], {}),
    ]
    shapes = {"images": ["n", 4, 2, 2]}, {"heatmaps": ["n", 4, 2, 2]}
    return onnx.load(save_onnx("shared", nodes, *shapes, weights))


def biases(model):
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    return {node.output[0]: values[node.input[2]][0] for node in model.graph.node if node.input[2:]}


@pytest.mark.parametrize(
    "kept, expected",
    [
        ([], {"one": 1.75, "two": 6, "heatmaps": 7.5}),
        (["last"], {"one": 1.75, "two": 6}),
        (["first", "second", "last"], {"one": 1, "two": 1}),
    ],
)
def test_each_quantised_convolution_has_a_bias_of_its_own(two_readers, kept, expected):
    for node, name in zip(two_readers.graph.node, ("first", "second", "last")):
        node.name = name
    means = {"images": np.ones(4), "one": np.full(4, 20 / 3), "two": np.full(4, 10.0)}
    result = with_corrected_biases(two_readers, kept, means)
    assert biases(result) == pytest.approx(expected, rel=1e-6)
    onnx.checker.check_model(result, full_check=True)
    assert biases(two_readers) == {"one": 1, "two": 1}
    assert ("b" in {tensor.name for tensor in result.graph.initializer}) == bool(kept[1:])


@pytest.mark.parametrize("kind", ["int8-cpu", "int8-tensorrt"])
def test_the_means_of_quantised_networks_are_those_of_float32(save_onnx, save_spec, monkeypatch, kind):
    model = load_float32(save_small_net(save_onnx, save_spec))
    errors = []
    for is_corrected in (True, False):
        if not is_corrected:
            monkeypatch.setattr("pose_estimation_ros.training.export.int8.with_corrected_biases", lambda m, k, v: m)
        result = to_int8(model, kind, noise(32))
        found, expected = (np.concatenate([outputs(m, x)[0] for x in noise(32)]) for m in (result, model))
        errors.append(np.abs((found - expected).mean((0, 2, 3))).mean())
    assert errors[0] < errors[1]
