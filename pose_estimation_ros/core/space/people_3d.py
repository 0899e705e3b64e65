"""Hold where people are in space: one position, velocity and height for each person, beside the joints."""

from typing import NamedTuple

import numpy as np

NO_SOURCE, FROM_DEPTH, FROM_GROUND, FROM_HEIGHT, PREDICTED = range(5)  # numbers of Person3D.SOURCE_...


class People3D(NamedTuple):
    """Hold the places of N people in one frame (REP-103 units); what is not known is NaN, because zero is a place.

    Attributes:
        position: (N, 3) float64 m, middle of the hips, or what else of the trunk is known.
        position_covariance: (N, 3, 3) float64 m^2.
        velocity: (N, 3) float64 m/s, of the position.
        velocity_covariance: (N, 3, 3) float64 m^2/s^2.
        height: (N,) float64 m, of the person standing upright, from the sole to the top of the head.
        source: (N,) uint8, how the position was found: NO_SOURCE, FROM_DEPTH, FROM_GROUND, FROM_HEIGHT or PREDICTED.
    """

    position: np.ndarray
    position_covariance: np.ndarray
    velocity: np.ndarray
    velocity_covariance: np.ndarray
    height: np.ndarray
    source: np.ndarray

    def select(self, index: np.ndarray) -> "People3D":
        """Return the people of a mask (N,) or of indices."""
        return People3D(*(values[index] for values in self))


def unknown_people(count: int) -> People3D:
    """Return people of whom nothing is known in space."""
    vector, matrix = np.full((count, 3), np.nan), np.full((count, 3, 3), np.nan)
    source = np.full(count, NO_SOURCE, np.uint8)
    return People3D(vector, matrix, vector.copy(), matrix.copy(), np.full(count, np.nan), source)
