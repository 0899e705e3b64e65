import numpy as np
import pytest

from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.inference.decoders.simcc import SimCC

SKELETON = get_skeleton("coco17")


def spec_of(**options):
    return ModelSpec("x", "top_down", (48, 64), "rgb", SKELETON, 1, "simcc", 1.25, "", {}, {}, options)


def slow_decode(x, y, ratio):
    """One keypoint at a time, by hand."""
    xy, score = np.zeros(x.shape[:2] + (2,)), np.zeros(x.shape[:2])
    for n in range(x.shape[0]):
        for k in range(x.shape[1]):
            peak = min(max(x[n, k]), max(y[n, k]))
            if peak > 0:
                column, row = list(x[n, k]).index(max(x[n, k])), list(y[n, k]).index(max(y[n, k]))
                xy[n, k] = column / ratio, row / ratio
                at_rim = column in (0, len(x[n, k]) - 1) or row in (0, len(y[n, k]) - 1)
                score[n, k] = 0 if at_rim else min(peak, 1)
    return xy, score


def vectors(count, ratio, seed=0):
    random = np.random.RandomState(seed)
    x, y = (random.uniform(-1, 0.2, (count, 17, int(side * ratio))) for side in (48, 64))
    height = random.uniform(-0.5, 1.5, (count, 17))
    for n in range(count):
        for k in range(17):
            x[n, k, random.randint(x.shape[2])] = height[n, k]
            y[n, k, random.randint(y.shape[2])] = height[n, k] * random.uniform(0.5, 2)
    x[:1, 0], y[1:2, 1] = -1, 0  # not found
    return {"simcc_x": x.astype(np.float32), "simcc_y": y.astype(np.float32)}


@pytest.mark.parametrize("ratio", [1, 2.0, 0.5])
@pytest.mark.parametrize("count", [0, 1, 5])
def test_decode_is_the_slow_one(count, ratio):
    outputs = vectors(count, ratio)
    xy, score = SimCC(spec_of(split_ratio=ratio))(outputs)
    expected_xy, expected_score = slow_decode(outputs["simcc_x"], outputs["simcc_y"], ratio)
    assert xy.shape == (count, 17, 2) and xy.dtype == score.dtype == np.float32
    assert np.allclose(xy, expected_xy) and np.allclose(score, expected_score)


def test_shapes():
    assert SimCC(spec_of()).output_shapes() == {"simcc_x": (None, 17, 96), "simcc_y": (None, 17, 128)}
    spec = spec_of(split_ratio=230 / 100)._replace(input_size_wh=(100, 150))  # 2.3 * 100 is 229.99999999999997
    assert SimCC(spec).output_shapes() == {"simcc_x": (None, 17, 230), "simcc_y": (None, 17, 345)}


@pytest.mark.parametrize("ratio", [1, 2.0, 3.0])
def test_flip_test_is_the_mean_of_the_vectors_turned_back(ratio):
    """Bin j lies at pixel j / ratio, so bin 0 and the bin of the last pixel are each other's mirror images."""
    first, second = vectors(2, ratio, 1), vectors(2, ratio, 2)
    mean = {name: np.zeros_like(first[name]) for name in first}
    last = round(47 * ratio)
    for k, other in enumerate(SKELETON.flip_index):
        for bin_x in range(first["simcc_x"].shape[2]):
            opposite = max(last - bin_x, 0)  # what lies beyond the last pixel has no mirror image
            mean["simcc_x"][:, k, bin_x] = (first["simcc_x"][:, k, bin_x] + second["simcc_x"][:, other, opposite]) / 2
        mean["simcc_y"][:, k] = (first["simcc_y"][:, k] + second["simcc_y"][:, other]) / 2
    decode = SimCC(spec_of(split_ratio=ratio))
    for value, expected in zip(decode(first, second), decode(mean)):
        assert np.allclose(value, expected)


@pytest.mark.parametrize("ratio", [0.5, 1, 2.0, 2.5, 4])
@pytest.mark.parametrize("flip_test", [False, True])
def test_a_perfect_network_has_no_bias(ratio, flip_test):
    xy = np.random.RandomState(0).uniform(8, 38, (60, 17, 2))
    outputs = []
    for joints in (xy, (xy * [-1, 1] + [47, 0])[:, SKELETON.flip_index]):
        bins = [np.arange(side * ratio) / ratio for side in (48, 64)]
        x, y = (np.exp(-((bins[axis] - joints[..., axis, None]) ** 2) / 18) for axis in (0, 1))
        outputs.append({"simcc_x": x, "simcc_y": y})
    found, _ = SimCC(spec_of(split_ratio=ratio))(outputs[0], outputs[1] if flip_test else None)
    assert np.abs((found - xy).mean((0, 1))).max() < 0.06


@pytest.mark.parametrize("name", ["simcc_x", "simcc_y"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_vector_that_is_not_finite(name, bad):
    outputs = vectors(1, 2.0)
    outputs[name][0, 4] = bad
    xy, score = SimCC(spec_of())(outputs)
    assert xy[0, 4].tolist() == [0, 0] and score[0, 4] == 0 and np.isfinite(xy).all() and score.any()
