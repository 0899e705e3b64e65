import numpy as np
import onnx
import pytest

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.training.export.ranges import observe, symmetric


@pytest.mark.parametrize("low, high, largest", [(0, 0, 0), (-1, 3, 3), (-4, 3, 4), (2, 5, 5), (-5, -2, 5)])
def test_symmetric_ranges_hold_both_ends(low, high, largest):
    assert symmetric(low, high) == (-largest, largest)


@pytest.fixture
def twice(save_onnx):
    nodes = [("Add", ["images", "images"], ["sum"], {}), ("Sqrt", ["sum"], ["root"], {})]
    return onnx.load(save_onnx("twice", nodes, {"images": ["n", 2]}, {"root": ["n", 2]}, {}))


def ends(seen):
    return {name: tensor.ends for name, tensor in seen.items()}


def test_observe_sees_inputs_and_outputs_of_the_operators_named(twice):
    batches = [np.array([[1, 2]], np.float32), np.array([[5, 3], [0, 4]], np.float32)]
    assert ends(observe(twice, ["Add"], batches)) == {"images": (0, 5), "sum": (0, 10)}
    assert [output.name for output in twice.graph.output] == ["root"]


def test_a_network_for_a_fixed_number_of_images(save_onnx):
    nodes = [("Add", ["images", "images"], ["sum"], {})]
    model = onnx.load(save_onnx("twice", nodes, {"images": [2, 1]}, {"sum": [2, 1]}, {}))
    batches = [np.array(values, np.float32)[:, None] for values in ([1, 2, 3], [7], [4, 5])]
    assert ends(observe(model, ["Add"], batches)) == {"images": (1, 7), "sum": (2, 14)}


def test_ranges_are_exact_and_join_batches(twice):
    batches = [np.array([[1.2345678, 1]], np.float32), np.array([[0.1, 0.7654321]], np.float32)]
    assert observe(twice, ["Add"], batches)["images"].ends == (np.float32(0.1), np.float32(1.2345678))


@pytest.mark.parametrize("sizes", [(3,), (2, 1), (1, 1, 1)])
def test_means_are_of_each_channel_over_all_images_whatever_the_batches(save_onnx, sizes):
    shape = ["n", 2, 1, 2]
    model = onnx.load(save_onnx("sum", [("Add", ["images"] * 2, ["sum"], {})], {"images": shape}, {"sum": shape}, {}))
    images = np.array([[[1, 2], [5, 5]], [[3, 4], [5, 5]], [[8, 6], [-4, 2]]], np.float32)[:, :, None]
    seen = observe(model, ["Add"], np.split(images, np.cumsum(sizes)[:-1]))
    np.testing.assert_allclose(seen["images"].mean, [4, 3])
    np.testing.assert_allclose(seen["sum"].mean, [8, 6])


def test_operators_that_are_not_there(twice):
    assert observe(twice, ["Conv"], [np.ones((1, 2), np.float32)]) == {}


def test_faults(twice):
    with pytest.raises(DataError, match="got none"):
        observe(twice, ["Add"], [])
    with pytest.raises(DataError, match="finite values in the network, got root"):
        observe(twice, ["Sqrt"], [np.array([[1, -1]], np.float32)])
