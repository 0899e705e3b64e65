"""Move points, vectors and covariances from one frame to another by a rotation and a translation."""

from typing import NamedTuple, Sequence, Tuple

import numpy as np

from pose_estimation_ros.core.errors import FrameError

UNIT_ERROR = 0.01  # largest difference of a quaternion's length from 1; float32 and printed numbers stay far below
FARTHEST_M = 1e9  # longest translation; float64 still tells 0.1 um apart there
PARALLEL = 1e-6  # sine of the angle below which two directions count as parallel


class Rigid(NamedTuple):
    """Map points of a source frame to a target frame: target = rotation @ source + translation.

    Attributes:
        rotation: (3, 3) float64, orthonormal and right-handed; its columns are the source's axes in the target frame.
        translation: (3,) float64 m, the source's origin in the target frame.
    """

    rotation: np.ndarray
    translation: np.ndarray

    def apply(self, points: np.ndarray) -> np.ndarray:
        """Return points (..., 3) m of the source in the target frame, float64; NaN stays NaN."""
        moved: np.ndarray = self.rotate(points) + self.translation
        return moved

    def rotate(self, vectors: np.ndarray) -> np.ndarray:
        """Return vectors (..., 3) of the source, such as velocities, along the axes of the target, float64."""
        turned: np.ndarray = np.asarray(vectors, np.float64) @ self.rotation.T
        return turned

    def covariance(self, covariance: np.ndarray) -> np.ndarray:
        """Return covariances (..., 3, 3) of points or vectors of the source in the target frame, float64."""
        turned: np.ndarray = self.rotation @ np.asarray(covariance, np.float64) @ self.rotation.T
        return turned

    def inverse(self) -> "Rigid":
        """Return the transform from the target to the source."""
        return Rigid(self.rotation.T, -(self.rotation.T @ self.translation))

    def compose(self, first: "Rigid") -> "Rigid":
        """Return the transform that applies another one first and then this one."""
        return Rigid(self.rotation @ first.rotation, self.apply(first.translation))

    def quaternion(self) -> Tuple[float, float, float, float]:
        """Return the rotation as a unit quaternion (x, y, z, w) with w >= 0."""
        return quaternion_of(self.rotation)


def identity() -> Rigid:
    """Return the transform that changes nothing."""
    return Rigid(np.eye(3), np.zeros(3))


def from_quaternion(xyzw: Sequence[float], translation: Sequence[float] = (0.0, 0.0, 0.0)) -> Rigid:
    """Make a transform from a unit quaternion and a translation, as in geometry_msgs/Transform.

    Args:
        xyzw: quaternion (x, y, z, w), whose length may differ from 1 by UNIT_ERROR.
        translation: (3,) m.

    Raises:
        FrameError: kind "transform", if the quaternion has another length or a number is not finite or too large.
    """
    quaternion, offset = np.array(xyzw, np.float64), np.array(translation, np.float64)
    length = float(np.linalg.norm(quaternion))
    if quaternion.shape != (4,) or not abs(length - 1.0) <= UNIT_ERROR:
        raise FrameError("transform", "expected a unit quaternion (x, y, z, w), got %s" % quaternion.tolist())
    if offset.shape != (3,) or not (np.abs(offset) <= FARTHEST_M).all():
        text = "expected a translation of 3 numbers up to %g m, got %s"
        raise FrameError("transform", text % (FARTHEST_M, offset.tolist()))
    return Rigid(_rotation(quaternion / length), offset)


def _rotation(quaternion: np.ndarray) -> np.ndarray:
    x, y, z, w = quaternion.tolist()
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def quaternion_of(rotation: np.ndarray) -> Tuple[float, float, float, float]:
    """Return a rotation matrix (3, 3) as a unit quaternion (x, y, z, w) with w >= 0.

    Each row of the symmetric matrix 4 q q^T is the quaternion times one of its numbers. The row of the largest number
    is used, so that nothing is divided by a small one. Source: "Quaternion from Rotation Matrix", 1978,
    doi:10.2514/3.55767b.
    """
    (a, b, c), (d, e, f), (g, h, i) = np.asarray(rotation, np.float64).tolist()
    rows = np.array(
        [
            [1 + a - e - i, b + d, c + g, h - f],
            [b + d, 1 - a + e - i, f + h, c - g],
            [c + g, f + h, 1 - a - e + i, d - b],
            [h - f, c - g, d - b, 1 + a + e + i],
        ]
    )
    row = rows[int(rows.diagonal().argmax())]
    x, y, z, w = (row / np.linalg.norm(row) * (1.0 if row[3] >= 0 else -1.0)).tolist()
    return x, y, z, w


def rotation_of_axes(up: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Return the right-handed rotations whose z axis is one vector and whose y axis is as near to another as possible.

    Args:
        up: (..., 3) direction of z, of any length.
        left: (..., 3) wanted direction of y, of any length; its part along z is taken off.

    Returns:
        (..., 3, 3) float64, the axes x, y, z as columns; all NaN where the two are parallel or not finite.
    """
    up, left = np.broadcast_arrays(np.asarray(up, np.float64), np.asarray(left, np.float64))
    z, y = _unit(up), _unit(left)
    x = np.cross(y, z)
    sine = np.linalg.norm(x, axis=-1, keepdims=True)
    x = x / np.where(sine > PARALLEL, sine, np.nan)
    axes: np.ndarray = np.stack([x, np.cross(z, x), z + 0 * x], -1)
    return axes


def _unit(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: np.ndarray = vectors / np.where((length > 0) & np.isfinite(length), length, np.nan)
    return unit
