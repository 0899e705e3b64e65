"""A calibrated camera: points in metres <-> pixels, with the lens distortions that sensor_msgs/CameraInfo names.

Frame: REP-103's optical one, x right, y down, z forward. Sources: CameraInfo.msg and REP-104 (matrix of the full image,
then region of interest, then binning); OpenCV's calib3d ("plumb_bob" k1 k2 p1 p2 k3, "rational_polynomial" k1 k2 p1 p2
k3 k4 k5 k6); Kannala and Brandt 2006 ("equidistant" k1 k2 k3 k4).
"""

from typing import NamedTuple, Sequence, Tuple

import numpy as np

from pose_estimation_ros.core.errors import FrameError

COEFFICIENTS = {"plumb_bob": 5, "rational_polynomial": 8, "equidistant": 4}
ITERATIONS = 30
ACCURACY = 1e-6  # of undistortion, in units of the image plane at 1 m; rays that do not reach it are NaN


class Camera(NamedTuple):
    """matrix (3, 3): CameraInfo.k, px. distortion: as many coefficients as the model has. size_wh: of the image, px."""

    matrix: np.ndarray
    distortion: Tuple[float, ...]
    model: str
    size_wh: Tuple[int, int]

    def project(self, points):
        # type: (np.ndarray) -> np.ndarray
        """(..., 3) m -> (..., 2) px, inverse of unproject; NaN for what is not before the camera."""
        points = np.asarray(points, np.float64)
        z = np.where(points[..., 2:] > 0, points[..., 2:], np.nan)
        plane = _distorted(points[..., :2] / z, self)
        return plane @ self.matrix[:2, :2].T + self.matrix[:2, 2]

    def unproject(self, xy, z=1.0):
        # type: (np.ndarray, object) -> np.ndarray
        """(..., 2) px and z (...) m along the optical axis -> (..., 3) m; NaN where the lens gives no such pixel."""
        xy = np.asarray(xy, np.float64)
        plane = np.where(np.isfinite(xy), xy, np.nan) - self.matrix[:2, 2]
        rays = _undistorted(plane @ np.linalg.inv(self.matrix[:2, :2]).T, self)
        return np.concatenate([rays, np.ones_like(rays[..., :1])], -1) * np.asarray(z)[..., None]

    def view(self, offset=(0, 0), size_wh=(0, 0), binning=(1, 1)):
        # type: (Sequence[int], Sequence[int], Sequence[int]) -> Camera
        """The camera of CameraInfo's roi (size 0, 0: the whole image) and binning (0 counts as 1), in that order."""
        binning = [max(int(b), 1) for b in binning]
        width, height = (b or a for a, b in zip(self.size_wh, size_wh))
        matrix = np.array(self.matrix)
        matrix[:2, 2] -= offset
        matrix[:2] /= np.array(binning, np.float64)[:, None]
        return self._replace(matrix=matrix, size_wh=(width // binning[0], height // binning[1]))


def make_camera(matrix, distortion, model, size_wh):
    # type: (Sequence[float], Sequence[float], str, Tuple[int, int]) -> Camera
    """A camera from CameraInfo's k (9), d, distortion_model, (width, height).

    No coefficients, and zeros but for equidistant's, mean no distortion, whatever the model's name: so simulators leave
    it. Of plumb_bob four will do. Raises FrameError ("camera_info") for an uncalibrated camera (k[0] = 0, says the
    message), a model that is not known or other numbers.
    """
    k, coefficients = np.array(matrix, np.float64).reshape(3, 3), [float(d) for d in distortion]
    if not np.isfinite(k).all() or k[0, 0] <= 0 or k[1, 1] <= 0 or min(size_wh) <= 0:
        problem = "a calibrated camera with a size, got k %s, size %s" % (k.ravel().tolist(), size_wh)
        raise FrameError("camera_info", "expected %s" % problem)
    if not any(coefficients) and (model != "equidistant" or not coefficients):
        return Camera(k, (0.0,) * COEFFICIENTS["plumb_bob"], "plumb_bob", size_wh)
    if model not in COEFFICIENTS:
        raise FrameError("camera_info", "expected distortion_model %s, got %r" % (", ".join(COEFFICIENTS), model))
    if model == "plumb_bob" and len(coefficients) == 4:
        coefficients.append(0.0)
    if len(coefficients) != COEFFICIENTS[model] or not np.isfinite(coefficients).all():
        problem = "%d finite coefficients of %s, got %s" % (COEFFICIENTS[model], model, coefficients)
        raise FrameError("camera_info", "expected %s" % problem)
    return Camera(k, tuple(coefficients), model, size_wh)


def _distorted(plane, camera):
    # type: (np.ndarray, Camera) -> np.ndarray
    """Points of the plane at 1 m (..., 2) as the lens shows them."""
    if camera.model == "equidistant":
        radius = np.linalg.norm(plane, axis=-1, keepdims=True)
        return plane * _bent(np.arctan(radius), camera) / np.maximum(radius, 1e-12)
    factor, shift = _brown(plane, camera)
    return plane * factor + shift


def _undistorted(plane, camera):
    # type: (np.ndarray, Camera) -> np.ndarray
    """Inverse of _distorted, by repeated correction as cv2.undistortPoints; NaN where that does not converge."""
    if not any(camera.distortion) and camera.model != "equidistant":
        return plane
    rays = plane
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        if camera.model == "equidistant":
            rays = _straightened(plane, camera)
        else:
            for _ in range(ITERATIONS):
                factor, shift = _brown(rays, camera)
                rays = (plane - shift) / factor
        missed = np.abs(_distorted(rays, camera) - plane).max(-1, keepdims=True)
    return np.where(missed < ACCURACY, rays, np.nan)


def _brown(plane, camera):
    # type: (np.ndarray, Camera) -> Tuple[np.ndarray, np.ndarray]
    """Radial factor (..., 1) and tangential shift (..., 2) at points of the plane at 1 m."""
    k1, k2, p1, p2, k3, k4, k5, k6 = camera.distortion + (0.0,) * (8 - len(camera.distortion))
    x, y = plane[..., :1], plane[..., 1:]
    r2 = x * x + y * y
    factor = (1 + r2 * (k1 + r2 * (k2 + r2 * k3))) / (1 + r2 * (k4 + r2 * (k5 + r2 * k6)))
    shift = [2 * p1 * x * y + p2 * (r2 + 2 * x * x), p1 * (r2 + 2 * y * y) + 2 * p2 * x * y]
    return factor, np.concatenate(shift, -1)


def _bent(angle, camera):
    # type: (np.ndarray, Camera) -> np.ndarray
    """The angle from the axis as the fisheye lens shows it."""
    return angle * np.polyval(camera.distortion[::-1] + (1.0,), angle * angle)


def _straightened(plane, camera):
    # type: (np.ndarray, Camera) -> np.ndarray
    """Inverse of the fisheye lens by Newton's method; angles of 90 degrees and more give NaN."""
    bent = np.linalg.norm(plane, axis=-1, keepdims=True)
    angle = np.minimum(bent, 1.5)
    slope = [(2 * i + 1) * k for i, k in enumerate((1.0,) + camera.distortion)][::-1]
    for _ in range(ITERATIONS):
        angle = angle - (_bent(angle, camera) - bent) / np.polyval(slope, angle * angle)
    radius = np.where((angle >= 0) & (angle < np.pi / 2), np.tan(angle), np.nan)
    return plane * np.where(bent > 0, radius / np.maximum(bent, 1e-12), 1)
