"""An assignment by another method, slow and simple, to check the fast one with."""

import numpy as np


def slow_assign(cost):
    """Klein 1967: begins anyhow and moves rows round in a circle as long as that is cheaper. Square matrices."""
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
            row = before[row]  # now surely on the circle
        circle = [row]
        while before[circle[-1]] != row:
            circle.append(before[circle[-1]])
        columns[circle[1:] + circle[:1]] = columns[circle]
