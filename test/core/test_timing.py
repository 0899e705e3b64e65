import itertools

import numpy as np
import pytest

from pose_estimation_ros.core.timing import finite_percentiles, percentiles, ratio_of_medians, table, take_turns

NAN = float("nan")


def test_turns_alternate_in_order_and_warm_up_does_not_count():
    calls, clock = [], itertools.count()
    functions = [lambda: calls.append("a"), lambda: calls.append("b"), lambda: calls.append("c")]
    times = take_turns(functions, rounds=3, warm_up=1, clock=lambda: next(clock))
    assert "".join(calls) == "abc" + "cba" + "abc" + "cba"
    np.testing.assert_array_equal(times, np.full((3, 3), 1e3))  # the clock goes on by a second each time it is read


def test_each_function_has_its_own_column():
    now = [0.0]

    def lasts(seconds):
        return lambda: now.__setitem__(0, now[0] + seconds)

    times = take_turns([lasts(0.25), lasts(0.5)], rounds=4, clock=lambda: now[0])
    np.testing.assert_allclose(times, [[250, 500]] * 4)


@pytest.mark.parametrize(
    "times, expected",
    [([7], (7, 7, 7)), (range(101), (50, 90, 99)), ([1, 3], (2, 2.8, 2.98)), ([0, 0, 9], (0, 7.2, 8.82))],
)
def test_percentiles(times, expected):
    assert percentiles(times) == dict(zip(("p50_ms", "p90_ms", "p99_ms"), expected))


def test_percentiles_of_other_percents():
    assert percentiles([1, 3], (50, 90)) == {"p50_ms": 2, "p90_ms": 2.8}


@pytest.mark.parametrize(
    "values, expected",
    [
        ([], [NAN, NAN]),
        ([NAN, float("inf")], [NAN, NAN]),
        ([7], [7, 7]),
        ([NAN, 3, float("-inf"), 1], [2, 3]),
        (iter([0.0, 1.0]), [0.5, 1]),
    ],
)
def test_percentiles_of_finite_values(values, expected):
    np.testing.assert_array_equal(finite_percentiles(values, (50, 100)), expected)


def test_ratio_of_constant_times_has_no_spread():
    assert ratio_of_medians([3.0] * 5, [4.0] * 5) == (0.75, 0.75, 0.75)


def test_common_slowness_leaves_the_ratio_alone():
    """Rounds are resampled together: what slows both does not widen the spread, what slows one does."""
    random = np.random.RandomState(1)
    load = 1 + 9 * random.rand(41)
    ratio, low, high = ratio_of_medians(2 * load, load)
    assert (ratio, low, high) == pytest.approx((2, 2, 2))
    ratio, low, high = ratio_of_medians(2 * load, 1 + 9 * random.rand(41))
    assert low < ratio < high and high - low > 0.2


def test_table_aligns_numbers_and_marks_what_is_missing():
    lines = table(["name", "ms"], [["long name", 1.0], ["b", 123.456], ["c", None]]).splitlines()
    assert lines == ["name           ms", "long name    1.00", "b          123.46", "c               -"]
