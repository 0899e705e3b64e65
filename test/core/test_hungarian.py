import itertools

import numpy as np
import pytest
from slow_assignment import slow_assign

from pose_estimation_ros.core.hungarian import assign


def all_ways(cost):
    """The cheapest of all ways to assign, as (total, column of each row)."""
    rows, columns = cost.shape
    ways = itertools.permutations(list(range(columns)) + [-1] * max(rows - columns, 0), rows)
    return min((sum(cost[r, c] for r, c in enumerate(way) if c >= 0), way) for way in ways)


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_nothing_to_assign(shape):
    assert assign(np.zeros(shape)).tolist() == [-1] * shape[0]


@pytest.mark.parametrize(
    "cost, expected",
    [
        ([[5]], [0]),
        ([[1, 2], [1, 5]], [1, 0]),
        ([[4, 1, 3], [2, 0, 5], [3, 2, 2]], [1, 0, 2]),
        ([[1, 9, 9], [1, 9, 2]], [0, 2]),
        ([[7], [3], [5]], [-1, 0, -1]),
        ([[-1, -2], [-8, -9], [-3, -3]], [-1, 1, 0]),
        ([[0, 0], [0, 0]], [0, 1]),  # a tie: the first row has the first choice
        ([[1, 1, 1]] * 3, [0, 1, 2]),
    ],
)
def test_known_answers(cost, expected):
    assert assign(np.array(cost, float)).tolist() == expected


@pytest.mark.parametrize("rows, columns", list(itertools.product(range(1, 6), range(1, 6))))
@pytest.mark.parametrize("ties", [False, True])
def test_no_way_is_cheaper(rows, columns, ties):
    random = np.random.RandomState(10 * rows + columns)
    for _ in range(20):
        cost = random.randint(0, 3, (rows, columns)).astype(float) if ties else random.randn(rows, columns)
        found = assign(cost)
        total, way = all_ways(cost)
        taken = found[found >= 0]
        assert len(taken) == len(set(taken)) == min(rows, columns)
        assert np.isclose(cost[found >= 0, taken].sum(), total)
        if not ties:
            assert found.tolist() == list(way)


@pytest.mark.parametrize("seed", range(5))
def test_thirty_by_thirty_is_the_slow_one(seed):
    cost = np.random.RandomState(seed).rand(30, 30)
    assert assign(cost).tolist() == slow_assign(cost).tolist()


@pytest.mark.parametrize("shape", [(30, 30), (30, 17), (12, 30)])
def test_scipys_total(shape):
    optimize = pytest.importorskip("scipy.optimize", reason="compares with SciPy where it is installed")
    for seed in range(20):
        cost = np.random.RandomState(seed).rand(*shape)
        found = assign(cost)
        assert np.isclose(cost[found >= 0, found[found >= 0]].sum(), cost[optimize.linear_sum_assignment(cost)].sum())
