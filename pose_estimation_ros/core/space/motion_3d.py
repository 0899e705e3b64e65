"""Follow people in space over time: their velocity, where they are while they are not measured, and their height.

Each person has a Kalman filter (R. E. Kalman, "A New Approach to Linear Filtering and Prediction Problems", 1960,
doi:10.1115/1.3662552) of constant velocity whose numbers are in metres and seconds, for any rate of images. The error
of a measured position does not change at random from image to image: most of it lasts, because keypoints lie beside
their joints and the flesh is thicker or thinner than assumed. So the filter has that lasting error as a third vector
beside position and velocity, and its covariances do not become too small.

A measurement far from the expected position is not used. If that lasts, or if the person was not measured for so long
that the position means nothing, the person starts anew.
"""

import math
from typing import NamedTuple, Optional, Tuple

import numpy as np

from pose_estimation_ros.core.poses import UNTRACKED
from pose_estimation_ros.core.space.people_3d import NO_SOURCE, PREDICTED, People3D, unknown_people
from pose_estimation_ros.core.stamp_clock import StampClock

ACCELERATION = 0.25  # m^2/s^3, density of people's accelerations along each axis
FIRST_SPEED_MPS = 1.0  # standard deviation along each axis of a velocity that is not known yet
LASTING, LASTS_S = 0.8, 1.0  # share of a measurement's variance that lasts, and for how long
LEAST_SIGMA_M = 0.01  # of a measurement and of a position
IMPOSSIBLE = 4.0  # standard deviations of a surprise from which a measurement is not used
START_ANEW_S = 0.5  # so long such measurements are not used
LOST_M = 1.0  # standard deviation, root of the mean over the axes, from which a position means nothing
FARTHEST_M = 1e9  # farther positions are none
HEIGHT_SIGMA_M, HEIGHT_LASTS_S = 0.08, 0.5  # of a height from one image, and how long its error lasts
HEIGHT_DRIFT = 1e-4  # m^2/s, so that a height can still change after a long time
UNLIKELY_HEIGHT = 2.0  # standard deviations
SOURCES = 8  # more than there are sources
P, V, E = slice(0, 3), slice(3, 6), slice(6, 9)  # of the state: position, velocity, lasting error
_EYE = np.eye(3)


def _blocks(rows: Tuple[Tuple[float, float, float], ...]) -> np.ndarray:
    """Return a matrix (9, 9) of blocks that are multiples of the unit matrix."""
    matrix: np.ndarray = np.kron(np.array(rows), _EYE)
    return matrix


# Matrices of a step of time t and their factors: of the motion 1, t and what is kept of the lasting error; of the
# growth of the covariance t^3/3, t^2/2 and t.
_STAYS, _MOVES, _KEEPS = (
    _blocks(rows)
    for rows in (
        ((1, 0, 0), (0, 1, 0), (0, 0, 0)),
        ((0, 1, 0), (0, 0, 0), (0, 0, 0)),
        ((0, 0, 0), (0, 0, 0), (0, 0, 1)),
    )
)
_GROWTH = [
    _blocks(rows)
    for rows in (
        ((1, 0, 0), (0, 0, 0), (0, 0, 0)),
        ((0, 1, 0), (1, 0, 0), (0, 0, 0)),
        ((0, 0, 0), (0, 1, 0), (0, 0, 0)),
    )
]


class _Tracks(NamedTuple):
    """Hold T people at the time of the last image.

    Attributes:
        track_id: (T,) int.
        state: (T, 9) position m, velocity m/s, lasting error m.
        covariance: (T, 9, 9).
        lasting: (T, 3, 3) m^2, usual covariance of the lasting error.
        basis: (T,) of the last measurement, see Motion3D.update().
        sightings: (T,) measurements used.
        unseen_s: (T,) time since the last measurement that was used.
        height: (T,) m, NaN where not known.
        height_variance: (T,) m^2.
    """

    track_id: np.ndarray
    state: np.ndarray
    covariance: np.ndarray
    lasting: np.ndarray
    basis: np.ndarray
    sightings: np.ndarray
    unseen_s: np.ndarray
    height: np.ndarray
    height_variance: np.ndarray

    def select(self, index: np.ndarray) -> "_Tracks":
        return _Tracks(*(values[index] for values in self))


class Motion3D:
    """Filter the places of tracked people; all measurements must be in the same frame until reset()."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all people and the time."""
        self._clock = StampClock()
        self._tracks = _nobody()

    @property
    def count(self) -> int:
        """Return the number of people who are remembered."""
        return len(self._tracks.track_id)

    def update(
        self, people: People3D, track_id: np.ndarray, stamp_s: float, basis: Optional[np.ndarray] = None
    ) -> People3D:
        """Take the places of an image and return the filtered ones.

        A person seen for the first time has no velocity; then it has a covariance that is large at first. People
        without a track id, and the second of two with the same, are returned as measured, without velocity.

        Args:
            people: N people as measured, without velocity.
            track_id: (N,) int, UNTRACKED for none.
            stamp_s: time of the image in seconds. After a clear jump back in time everything starts anew.
            basis: (N,) int, how each position was measured. Where it or the source differs from that of the last
                image, the error is another, too. None: only the source tells.

        Returns:
            The same people; those who were not measured are PREDICTED, or not known.
        """
        step_s = self._clock.advance(stamp_s)
        tracks = _nobody() if step_s is None else _means_something(_moved(self._tracks, step_s))
        people, index = _checked(people), _first_of_each_id(track_id)
        basis = people.source.astype(int) + (0 if basis is None else SOURCES * basis)
        found = index[people.source[index] != NO_SOURCE]
        row = _rows(tracks.track_id, track_id[found])
        old, new, row = found[row >= 0], found[row < 0], row[row >= 0]
        tracks = _corrected(tracks, row, people.select(old), basis[old], step_s or 0.0)
        anew = tracks.unseen_s[row] > START_ANEW_S
        if anew.any():
            new = np.concatenate([new, old[anew]])
            tracks = tracks.select(np.delete(np.arange(len(tracks.track_id)), row[anew]))
        if len(new):
            tracks = _joined(tracks, _begun(people.select(new), basis[new], track_id[new]))
        self._tracks = tracks
        return _filtered(people, self._tracks, index, _rows(self._tracks.track_id, track_id[index]))


def _nobody() -> _Tracks:
    return _begun(unknown_people(0), np.zeros(0, int), np.zeros(0, int))


def _begun(people: People3D, basis: np.ndarray, track_id: np.ndarray) -> _Tracks:
    """Return tracks of N people who are measured for the first time, with basis (N,) and ids (N,)."""
    count = len(track_id)
    state, covariance = np.zeros((count, 9)), np.zeros((count, 9, 9))
    matrix = people.position_covariance
    lasting = LASTING * matrix
    state[:, P] = people.position
    covariance[:, P, P], covariance[:, V, V], covariance[:, E, E] = matrix, FIRST_SPEED_MPS**2 * _EYE, lasting
    covariance[:, P, E] = covariance[:, E, P] = -lasting
    return _Tracks(
        np.asarray(track_id, np.int64),
        state,
        covariance,
        lasting,
        basis,
        np.ones(count, np.int64),
        np.zeros(count),
        people.height.copy(),
        np.full(count, HEIGHT_SIGMA_M**2),
    )


def _joined(first: _Tracks, second: _Tracks) -> _Tracks:
    return _Tracks(*(np.concatenate(pair) for pair in zip(first, second)))


def _checked(people: People3D) -> People3D:
    """Return the people without velocity, and as not measured where position or covariance make no sense."""
    matrix = (people.position_covariance + np.swapaxes(people.position_covariance, 1, 2)) / 2
    with np.errstate(invalid="ignore"):
        good = (np.abs(people.position) <= FARTHEST_M).all(1) & (np.abs(matrix) <= FARTHEST_M).all((1, 2))
    good &= (people.source != NO_SOURCE) & (people.source != PREDICTED)
    least = np.linalg.eigvalsh(np.where(good[:, None, None], matrix, 0.0))[:, 0]
    good &= least >= -1e-6 * _trace(matrix)
    unknown = unknown_people(len(good))
    return unknown._replace(
        position=np.where(good[:, None], people.position, np.nan),
        position_covariance=np.where(good[:, None, None], matrix + LEAST_SIGMA_M**2 * _EYE, np.nan),
        height=people.height,
        source=np.where(good, people.source, unknown.source),
    )


def _first_of_each_id(track_id: np.ndarray) -> np.ndarray:
    """Return the indices of the first person of each id, without people who have none."""
    first = (track_id[:, None] == track_id).argmax(1) == np.arange(len(track_id)) if len(track_id) else track_id == 0
    return np.flatnonzero(first & (track_id != UNTRACKED))


def _rows(ids: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return where each of the wanted ids is among ids (T,), -1 where it is not."""
    same = wanted[:, None] == ids
    row: np.ndarray = np.where(same.any(1), same.argmax(1) if len(ids) else 0, -1)
    return row


def _moved(tracks: _Tracks, step_s: float) -> _Tracks:
    """Return the tracks as they are expected after a time."""
    keep = math.exp(-step_s / LASTS_S)
    move = _STAYS + step_s * _MOVES + keep * _KEEPS
    grown = step_s**3 / 3 * _GROWTH[0] + step_s**2 / 2 * _GROWTH[1] + step_s * _GROWTH[2]
    covariance = move @ tracks.covariance @ move.T + ACCELERATION * grown
    covariance[:, E, E] += (1 - keep**2) * tracks.lasting
    return tracks._replace(
        state=tracks.state @ move.T,
        covariance=covariance,
        unseen_s=tracks.unseen_s + step_s,
        height_variance=tracks.height_variance + HEIGHT_DRIFT * step_s,
    )


def _means_something(tracks: _Tracks) -> _Tracks:
    """Return the tracks whose position is known to LOST_M, or to twice its last measurement's error."""
    if not len(tracks.track_id):
        return tracks
    kept = _trace(tracks.covariance[:, P, P]) <= np.maximum(3 * LOST_M**2, 4 / LASTING * _trace(tracks.lasting))
    return tracks if kept.all() else tracks.select(kept)


def _corrected(tracks: _Tracks, row: np.ndarray, people: People3D, basis: np.ndarray, step_s: float) -> _Tracks:
    """Return the tracks as measurements correct them.

    Args:
        tracks: where people are expected.
        row: (N,) the track of each measured person, all different.
        people: N measured people.
        basis: (N,) of their positions.
        step_s: time since the last image.
    """
    if not len(row):
        return tracks
    lasting = LASTING * people.position_covariance
    before, state = _with_other_error(tracks.covariance[row], tracks.state[row], lasting, basis != tracks.basis[row])
    larger = 1 - _trace(tracks.lasting[row]) / np.maximum(_trace(lasting), 1e-12)
    before[:, E, E] += np.where(basis == tracks.basis[row], np.maximum(larger, 0.0), 0.0)[:, None, None] * lasting
    gain = before[:, :, P] + before[:, :, E]
    total = gain[:, P] + gain[:, E] + (1 - LASTING) * people.position_covariance
    surprise = people.position - state[:, P] - state[:, E]
    inverse = np.linalg.inv((total + np.swapaxes(total, 1, 2)) / 2)
    sigmas = np.sqrt(np.einsum("ni,nij,nj->n", surprise, inverse, surprise))
    used = sigmas <= IMPOSSIBLE
    share = gain @ inverse
    after = before - share @ np.swapaxes(gain, 1, 2)
    fields = [values.copy() for values in tracks]
    tracks = _Tracks(*fields)
    state += (share @ surprise[..., None])[..., 0]
    tracks.state[row[used]], tracks.covariance[row[used]] = state[used], (after + np.swapaxes(after, 1, 2))[used] / 2
    tracks.lasting[row[used]], tracks.basis[row[used]] = lasting[used], basis[used]
    tracks.sightings[row] += used
    tracks.unseen_s[row[used]] = 0.0
    _correct_heights(tracks, row[used], people.height[used], step_s)
    return tracks


def _with_other_error(
    covariance: np.ndarray, state: np.ndarray, lasting: np.ndarray, other: np.ndarray
) -> Tuple[np.ndarray, np.ndarray]:
    """Return covariances (N, 9, 9) and states (N, 9) in which the lasting error (N, 3, 3) of some is another."""
    covariance[other, :, E], covariance[other, E, :], state[other, E] = 0.0, 0.0, 0.0
    covariance[other, E, E] = lasting[other]
    return covariance, state


def _correct_heights(tracks: _Tracks, row: np.ndarray, height: np.ndarray, step_s: float) -> None:
    """Correct the heights of tracks in place by measured ones (N,), NaN where there is none."""
    row, height = row[np.isfinite(height)], height[np.isfinite(height)]
    known, variance = np.isfinite(tracks.height[row]), tracks.height_variance[row]
    surprise = np.where(known, height - tracks.height[row], 0.0)
    limit = UNLIKELY_HEIGHT * np.sqrt(variance + HEIGHT_SIGMA_M**2)
    lasting = HEIGHT_SIGMA_M**2 * max(1.0, HEIGHT_LASTS_S / max(step_s, 1e-3))
    gain = variance / (variance + lasting) * np.minimum(1.0, limit / np.maximum(np.abs(surprise), 1e-12))
    tracks.height[row] = np.where(known, tracks.height[row] + gain * surprise, height)
    tracks.height_variance[row] = np.where(known, variance * (1 - gain), HEIGHT_SIGMA_M**2)


def _trace(matrices: np.ndarray) -> np.ndarray:
    trace: np.ndarray = matrices[:, 0, 0] + matrices[:, 1, 1] + matrices[:, 2, 2]
    return trace


def _filtered(people: People3D, tracks: _Tracks, index: np.ndarray, row: np.ndarray) -> People3D:
    """Return people with the numbers of their tracks.

    Args:
        people: N people as measured.
        tracks: T people now.
        index: (I,) people who may have a track.
        row: (I,) their tracks, -1 for none.
    """
    index, row = index[row >= 0], row[row >= 0]
    fields = [values.copy() for values in people]
    people = People3D(*fields)
    people.position[index] = tracks.state[row, P]
    people.position_covariance[index] = tracks.covariance[row, P, P] + LEAST_SIGMA_M**2 * _EYE
    moves = tracks.sightings[row] > 1
    people.velocity[index[moves]] = tracks.state[row[moves], V]
    people.velocity_covariance[index[moves]] = tracks.covariance[row[moves], V, V]
    people.height[index] = tracks.height[row]
    people.source[index[tracks.unseen_s[row] > 0]] = PREDICTED
    return people
