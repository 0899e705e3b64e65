import numpy as np
import onnx
import pytest

from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.training.export.ranges import BINS, Histogram, lost_information, observe, ranges

STEP = 1.008  # a histogram's counts are this wide


def seen(*batches):
    histogram = Histogram()
    for batch in batches:
        histogram.add(np.asarray(batch, np.float32))
    return histogram


def one(histogram, method, symmetric):
    return ranges({"x": histogram}, method, symmetric)["x"]


@pytest.mark.parametrize(
    "values, symmetric, expected",
    [
        ([0.0], True, (0, 0)),
        ([-1, 3], False, (-1, 3)),
        ([-1, 3], True, (-3, 3)),
        ([-4, 3], True, (-4, 4)),
        ([2, 5], False, (2, 5)),
    ],
)
@pytest.mark.parametrize("method", ["minmax", "percentile", "entropy"])
def test_a_few_values_are_covered_by_every_method(method, values, symmetric, expected):
    assert one(seen(values), method, symmetric) == pytest.approx(expected, rel=0.01, abs=1e-6)


def test_minmax_is_exact_and_joins_batches():
    assert one(seen([1.2345678], [-7.654321, 0.1]), "minmax", False) == (np.float32(-7.654321), np.float32(1.2345678))


@pytest.mark.parametrize("symmetric", [True, False])
def test_percentile_is_that_of_the_sorted_values(symmetric):
    """99.99 % of 100,000 values: 10 may lie outside; of both signs 5 at each end."""
    values = np.random.default_rng(0).standard_t(3, 100_000).astype(np.float32)
    low, high = one(seen(*np.split(values, 4)), "percentile", symmetric)
    if symmetric:
        expected = np.sort(np.abs(values))[100_000 - 10 - 1]
        assert expected <= high <= expected * STEP and low == -high
    else:
        ordered = np.sort(values)
        assert ordered[-6] <= high <= ordered[-6] * STEP and ordered[5] * STEP <= low <= ordered[5]


def test_entropy_keeps_an_even_spread_and_cuts_off_a_lone_outlier():
    rng = np.random.default_rng(1)
    even = rng.uniform(-1, 1, 50_000)
    assert one(seen(even), "entropy", True)[1] > 0.95
    low, high = one(seen(np.append(rng.standard_normal(200_000), 40.0)), "entropy", True)
    assert 3 < high < 10 and low == -high
    assert one(seen(np.append(np.abs(rng.standard_normal(200_000)), 40.0)), "entropy", False)[0] == pytest.approx(
        0, abs=1e-4
    )


@pytest.mark.parametrize("end", [128, 144, 400, BINS])
def test_lost_information_is_the_divergence_bin_by_bin(end):
    """A loop over bins, as in the slides of Migacz."""
    bins = np.random.default_rng(2).poisson(3, BINS).astype(float)
    p = bins[:end].copy()
    p[-1] += bins[end:].sum()
    q = np.zeros(end)
    for level in range(128):
        inside = range(level * end // 128, (level + 1) * end // 128)
        filled = [i for i in inside if bins[i] > 0]
        for i in filled:
            q[i] = sum(bins[j] for j in inside) / len(filled)
    p, q = p / p.sum(), q / q.sum()
    expected = sum(p[i] * np.log(p[i] / max(q[i], 1e-9)) for i in range(end) if p[i] > 0)
    assert lost_information(bins, end) == pytest.approx(expected)


@pytest.fixture
def twice(save_onnx):
    nodes = [("Add", ["images", "images"], ["sum"], {}), ("Sqrt", ["sum"], ["root"], {})]
    return onnx.load(save_onnx("twice", nodes, {"images": ["n", 2]}, {"root": ["n", 2]}, {}))


def test_observe_sees_inputs_and_outputs_of_the_operators_named(twice):
    batches = [np.array([[1, 2]], np.float32), np.array([[5, 3], [0, 4]], np.float32)]
    found = observe(twice, ["Add"], batches)
    assert {name: (h.low, h.high, h.counts.sum()) for name, h in found.items()} == {
        "images": (0, 5, 6),
        "sum": (0, 10, 6),
    }
    assert [output.name for output in twice.graph.output] == ["root"]


def test_faults(twice):
    with pytest.raises(ConfigError, match="percentile, entropy, minmax, got 'mean'"):
        ranges({}, "mean", True)
    with pytest.raises(DataError, match="got none"):
        observe(twice, ["Add"], [])
    with pytest.raises(DataError, match="finite values in the network, got root"):
        observe(twice, ["Sqrt"], [np.array([[1, -1]], np.float32)])
