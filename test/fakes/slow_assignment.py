"""Solve the assignment problem by a slow and simple method, as the reference for the fast one."""

import numpy as np


def slow_assign(cost):
    """Return the cheapest columns (N,) of a cost matrix (N, N), by cancelling negative cycles (Klein 1967)."""
    count = len(cost)
    columns = np.arange(count)
    while True:
        change = cost[:, columns] - cost[np.arange(count), columns][:, None]  # row i takes over the column of row j
        total, before = np.zeros(count), np.full(count, -1)
        for _ in range(count):
            through = total[:, None] + change
            better = through.min(0) < total - 1e-11
            before[better], total[better] = through.argmin(0)[better], through.min(0)[better]
        if not better.any():
            return columns
        row = np.flatnonzero(better)[0]
        for _ in range(count):
            row = before[row]  # after count steps the row is on the cycle
        circle = [row]
        while before[circle[-1]] != row:
            circle.append(before[circle[-1]])
        columns[circle[1:] + circle[:1]] = columns[circle]
