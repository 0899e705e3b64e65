"""Distort points of the image plane at 1 m as a lens does, and undistort them.

Sources: OpenCV's calib3d module (perspective lenses), and J. Kannala and S. Brandt, "A generic camera model and
calibration method for conventional, wide-angle, and fish-eye lenses", 2006, doi:10.1109/TPAMI.2006.153 (fisheye lenses,
which OpenCV calls cv2.fisheye and ROS "equidistant").

A lens bends each ray by a curve of its distance from the optical axis. The curve rises from the axis to its first
turning point or pole. Only that part, the central branch, describes real light. Everything beyond it is a side effect
of fitting polynomials. Undistortion therefore searches for solutions on the central branch alone.
"""

from typing import Callable, Sequence, Tuple

import numpy as np

from pose_estimation_ros.core.errors import FrameError

Curve = Callable[[np.ndarray], Tuple[np.ndarray, np.ndarray]]  # t -> (value, slope), of the shape of t

ACCURACY = 1e-9  # accuracy of undistortion, in units of the image plane at 1 m; less accurate rays become NaN
FARTHEST = 1e3  # distance from the axis in the plane at 1 m, that is 89.94 degrees
STEPS, ENOUGH, SMALLEST_STEP = 60, 1e-12, 1e-3  # Newton's method: most steps, error when done, step when stuck
LARGEST_COEFFICIENT = 1e12
LARGEST_TILT_RAD = 1.5


class Lens:
    """Define the interface of a lens; the subclasses model kinds of lenses.

    Attributes:
        coefficients: coefficients of the model.
    """

    def __init__(self, coefficients: Sequence[float]) -> None:
        self.coefficients = tuple(coefficients)

    def distort(self, plane: np.ndarray) -> np.ndarray:
        """Map points (..., 2) of the plane at 1 m to the points (..., 2) at which the lens shows them."""
        raise NotImplementedError

    def undistort(self, plane: np.ndarray) -> np.ndarray:
        """Invert distort on the central branch: points (..., 2), NaN for those that the lens does not show."""
        raise NotImplementedError


class PerspectiveLens(Lens):
    """Model a lens by OpenCV's 14 coefficients k1 k2 p1 p2 k3 k4 k5 k6 s1 s2 s3 s4 tx ty.

    k1 to k3 are the radial numerator, k4 to k6 its denominator, p the tangential part, s the thin prism, and tx, ty the
    tilt of the sensor in radians. Missing coefficients are zero.
    """

    def __init__(self, coefficients: Sequence[float]) -> None:
        super().__init__(tuple(coefficients) + (0.0,) * (14 - len(coefficients)))
        k1, k2, p1, p2, k3, k4, k5, k6, s1, s2, s3, s4, tilt_x, tilt_y = self.coefficients
        self._shift = (p1, p2, s1, s2, s3, s4)
        self._numerator, self._denominator = np.poly1d([k3, k2, k1, 1]), np.poly1d([k6, k5, k4, 1])
        self._tilt = _tilt(tilt_x, tilt_y) if tilt_x or tilt_y else None
        # The curve is r n(s) / d(s) with s = r^2, and its slope d(s)^-2 times this polynomial.
        n, d, s = self._numerator, self._denominator, np.poly1d([1, 0])
        self._rise = (n + 2 * s * n.deriv()) * d - 2 * s * n * d.deriv()
        self._reach = min(np.sqrt(_first_root(self._rise)), np.sqrt(_first_root(d)), FARTHEST)

    def distort(self, plane: np.ndarray) -> np.ndarray:
        """Map points (..., 2) of the plane at 1 m to the points (..., 2) at which the lens shows them."""
        if not any(self.coefficients):
            return plane
        bent = self._bend(plane)[0]
        return bent if self._tilt is None else _by_homography(self._tilt, bent)

    def undistort(self, plane: np.ndarray) -> np.ndarray:
        """Invert distort on the central branch: points (..., 2), NaN for those that the lens does not show."""
        if not any(self.coefficients):
            return plane
        if self._tilt is not None:
            plane = _by_homography(np.linalg.inv(self._tilt), plane)
        rays = _scaled(plane, lambda distance: _inverse(self._curve, distance, self._reach))
        if any(self._shift):
            rays = self._newton(rays, plane)
        return _confirmed(rays, self._bend(rays)[0], plane)

    def _curve(self, r: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Return the distance from the axis behind the lens, and its slope, for the distances r before it."""
        s = r * r
        d = self._denominator(s)
        return r * self._numerator(s) / d, self._rise(s) / (d * d)

    def _newton(self, rays: np.ndarray, plane: np.ndarray) -> np.ndarray:
        """Solve bend(rays) = plane, beginning at rays; no step leaves the central branch or increases the error."""
        bent, slopes = self._bend(rays)
        scale, error = np.ones_like(rays[..., 0]), np.linalg.norm(bent - plane, axis=-1)
        with np.errstate(all="ignore"):
            for _ in range(STEPS):
                if not ((error > ENOUGH) & (scale > SMALLEST_STEP)).any():
                    break
                new_rays = rays - scale[..., None] * _solve(slopes, bent - plane)
                new_bent, new_slopes = self._bend(new_rays)
                new_error = np.linalg.norm(new_bent - plane, axis=-1)
                better = (new_error < error) & (np.linalg.norm(new_rays, axis=-1) <= 1.1 * self._reach)
                better &= _determinant(new_slopes) > 0
                rays, bent, slopes, error = (
                    np.where(better.reshape(better.shape + (1,) * (old.ndim - better.ndim)), new, old)
                    for new, old in ((new_rays, rays), (new_bent, bent), (new_slopes, slopes), (new_error, error))
                )
                scale = np.where(better, np.minimum(2 * scale, 1), scale / 2)
        return rays

    def _bend(self, plane: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Return points (..., 2) after everything but the tilt, and their derivatives (..., 2, 2) by the points."""
        p1, p2, s1, s2, s3, s4 = self._shift
        x, y = plane[..., 0], plane[..., 1]
        with np.errstate(all="ignore"):
            s = x * x + y * y
            n, d = self._numerator(s), self._denominator(s)
            factor = n / d
            change = (self._numerator.deriv()(s) * d - n * self._denominator.deriv()(s)) / (d * d)
            cross = 2 * x * y * change + 2 * p1 * x + 2 * p2 * y
            bent_x = x * factor + 2 * p1 * x * y + p2 * (s + 2 * x * x) + s * (s1 + s2 * s)
            bent_y = y * factor + 2 * p2 * x * y + p1 * (s + 2 * y * y) + s * (s3 + s4 * s)
            prism_x, prism_y = 2 * (s1 + 2 * s2 * s), 2 * (s3 + 2 * s4 * s)
            along_x = factor + 2 * x * x * change + 2 * p1 * y + 6 * p2 * x
            along_y = factor + 2 * y * y * change + 6 * p1 * y + 2 * p2 * x
            rows = (along_x + x * prism_x, cross + y * prism_x), (cross + x * prism_y, along_y + y * prism_y)
        slopes = np.stack([np.stack(row, -1) for row in rows], -2)
        return np.stack([bent_x, bent_y], -1), slopes


class FisheyeLens(Lens):
    """Model a lens that shows the angle a from the axis at the distance a (1 + k1 a^2 + k2 a^4 + k3 a^6 + k4 a^8)."""

    def __init__(self, coefficients: Sequence[float]) -> None:
        super().__init__(coefficients)
        factors = [1.0] + list(coefficients)
        self._factor = np.poly1d(factors[::-1])
        self._rise = np.poly1d([(2 * i + 1) * k for i, k in enumerate(factors)][::-1])
        self._reach = min(np.sqrt(_first_root(self._rise)), np.arctan(FARTHEST))

    def distort(self, plane: np.ndarray) -> np.ndarray:
        """Map points (..., 2) of the plane at 1 m to the points (..., 2) at which the lens shows them."""
        return _scaled(plane, lambda distance: self._curve(np.arctan(distance))[0])

    def undistort(self, plane: np.ndarray) -> np.ndarray:
        """Invert distort on the central branch; NaN for points that the lens does not show and from 90 degrees on."""
        rays = _scaled(plane, lambda distance: np.tan(_inverse(self._curve, distance, self._reach)))
        return _confirmed(rays, self.distort(rays), plane)

    def _curve(self, angle: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Return the distance from the axis behind the lens, and its slope, for the angles before it."""
        square = angle * angle
        return angle * self._factor(square), self._rise(square)


def check_coefficients(coefficients: Sequence[float]) -> None:
    """Raise FrameError ("camera_info") for coefficients with which no lens can be computed."""
    if not np.isfinite(coefficients).all() or np.abs(coefficients).max() > LARGEST_COEFFICIENT:
        expected = "finite distortion coefficients of at most %g" % LARGEST_COEFFICIENT
        raise FrameError("camera_info", "expected %s, got %s" % (expected, list(coefficients)))
    tilts = coefficients[12:14]
    if len(tilts) and np.abs(tilts).max() > LARGEST_TILT_RAD:
        expected = "a sensor tilted by at most %g rad" % LARGEST_TILT_RAD
        raise FrameError("camera_info", "expected %s, got %s" % (expected, list(tilts)))


def _first_root(polynomial: np.poly1d) -> float:
    """Return the smallest positive real root, or infinity where there is none."""
    coefficients = np.where(np.abs(polynomial.coefficients) < 1e-30, 0, polynomial.coefficients)
    roots = np.roots(coefficients)
    real = roots[np.abs(roots.imag) <= 1e-9 * np.abs(roots.real)].real
    return float(min(real[real > 0], default=np.inf))


def _inverse(curve: Curve, target: np.ndarray, reach: float) -> np.ndarray:
    """Solve curve(t) = target for t in 0..reach, where the curve rises, by Newton steps inside a bracket.

    Args:
        curve: the function to invert.
        target: values >= 0. Where one is NaN or out of reach, the result has no meaning.
        reach: end of the rising part.

    Returns:
        t, of the shape of target.
    """
    with np.errstate(all="ignore"):
        largest = curve(np.array(reach * (1 - 1e-6)))[0]
        target = np.where(target <= largest, target, curve(np.array(0.99 * reach))[0])
        low, high = np.zeros_like(target), np.full_like(target, reach)
        t: np.ndarray = np.minimum(target, 0.9 * reach)
        for _ in range(STEPS):
            value, slope = curve(t)
            error = value - target
            if not (np.abs(error) > ENOUGH).any():
                break
            low, high = np.where(error < 0, t, low), np.where(error > 0, t, high)
            step = t - error / slope
            t = np.where((step > low) & (step < high), step, (low + high) / 2)
    return t


def _confirmed(rays: np.ndarray, bent: np.ndarray, plane: np.ndarray) -> np.ndarray:
    """Return rays (..., 2), but NaN where the lens does not map a ray to the point from which it was computed."""
    with np.errstate(all="ignore"):
        error = np.abs(bent - plane).max(-1, keepdims=True)
        confirmed: np.ndarray = np.where(error <= ACCURACY * (1 + np.abs(plane).max(-1, keepdims=True)), rays, np.nan)
    return confirmed


def _scaled(plane: np.ndarray, new_distance: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Move points (..., 2) along their rays from the centre, from their distance to new_distance(distance)."""
    distance = np.linalg.norm(plane, axis=-1, keepdims=True)
    scaled: np.ndarray = plane * np.where(distance > 0, new_distance(distance) / np.maximum(distance, 1e-300), 1)
    return scaled


def _solve(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Solve matrices (..., 2, 2) times x = vectors (..., 2); infinite or NaN where a matrix is singular."""
    (a, b), (c, d) = np.moveaxis(matrices, (-2, -1), (0, 1))
    u, v = np.moveaxis(vectors, -1, 0)
    solutions: np.ndarray = np.stack([d * u - b * v, a * v - c * u], -1) / _determinant(matrices)[..., None]
    return solutions


def _determinant(matrices: np.ndarray) -> np.ndarray:
    determinant: np.ndarray = matrices[..., 0, 0] * matrices[..., 1, 1] - matrices[..., 0, 1] * matrices[..., 1, 0]
    return determinant


def _tilt(x_rad: float, y_rad: float) -> np.ndarray:
    """Return the homography (3, 3) onto a sensor turned about x, then y."""
    (cos_x, cos_y), (sin_x, sin_y) = np.cos([x_rad, y_rad]), np.sin([x_rad, y_rad])
    about_x = np.array([[1, 0, 0], [0, cos_x, sin_x], [0, -sin_x, cos_x]])
    about_y = np.array([[cos_y, 0, -sin_y], [0, 1, 0], [sin_y, 0, cos_y]])
    turn = about_y @ about_x
    onto_z = np.array([[turn[2, 2], 0, -turn[0, 2]], [0, turn[2, 2], -turn[1, 2]], [0, 0, 1]])
    homography: np.ndarray = onto_z @ turn
    return homography


def _by_homography(matrix: np.ndarray, plane: np.ndarray) -> np.ndarray:
    """Map points (..., 2) by a homography; NaN for points that it moves behind the plane."""
    moved = plane @ matrix[:, :2].T + matrix[:, 2]
    with np.errstate(invalid="ignore"):
        mapped: np.ndarray = moved[..., :2] / np.where(moved[..., 2:] > 0, moved[..., 2:], np.nan)
    return mapped
