"""Solve the assignment problem (Hungarian method) without SciPy, which the runtime would need for this alone.

Source: R. Jonker and A. Volgenant, "A shortest augmenting path algorithm for dense and sparse linear assignment
problems", 1987, doi:10.1007/BF02278710.
"""

import numpy as np


def assign(cost: np.ndarray) -> np.ndarray:
    """Assign each row a column of its own, or the reverse where there are more rows, at the lowest total cost.

    Begins with each row's cheapest column, which is mostly free, and resolves conflicts by shortest augmenting paths.
    Among equally cheap assignments the result is always the same one.

    Args:
        cost: (n, m).

    Returns:
        Column of each row (n,) int, -1 for a row without one.
    """
    cost = np.asarray(cost, np.float64)
    rows, columns = cost.shape
    if rows > columns:
        row_of = assign(cost.T)
        column_of = np.full(rows, -1)
        column_of[row_of] = np.arange(columns)
        return column_of
    cheapest = cost.argmin(1) if rows else np.zeros(0, int)
    row_of = np.full(columns, -1)
    row_of[cheapest[::-1]] = np.arange(rows)[::-1]  # of rows with the same column the first one stays
    waiting = np.flatnonzero(row_of[cheapest] != np.arange(rows)).tolist()
    if not waiting:
        return cheapest
    row_price, column_price = cost.min(1), np.zeros(columns)
    for row in waiting:
        _augment(cost, row, row_of, row_price, column_price)
    column_of = np.full(rows, -1)
    column_of[row_of[row_of >= 0]] = np.flatnonzero(row_of >= 0)
    return column_of


def _augment(cost: np.ndarray, row: int, row_of: np.ndarray, row_price: np.ndarray, column_price: np.ndarray) -> None:
    """Give one more row a column and move other rows along the cheapest path (Dijkstra); in place.

    Prices keep cost - row_price - column_price at 0 for assigned pairs and >= 0 elsewhere.
    """
    first = row
    reach, came_from = np.full(len(row_of), np.inf), np.full(len(row_of), -1)
    open_columns = np.ones(len(row_of), bool)
    column, length = -1, 0.0
    while row >= 0:
        through = length + cost[row] - row_price[row] - column_price
        shorter = open_columns & (through < reach)
        reach[shorter], came_from[shorter] = through[shorter], column
        column = int(np.where(open_columns, reach, np.inf).argmin())
        length = reach[column]
        open_columns[column] = False
        row = row_of[column]
    passed = np.flatnonzero(~open_columns & (row_of >= 0))
    row_price[first] += length
    row_price[row_of[passed]] += length - reach[passed]
    column_price[passed] -= length - reach[passed]
    while column >= 0:
        row_of[column] = row_of[came_from[column]] if came_from[column] >= 0 else first
        column = came_from[column]
