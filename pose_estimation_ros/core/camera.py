"""Project points in metres to pixels of a calibrated camera and back, with the distortions of sensor_msgs/CameraInfo.

Points are in the optical frame of REP-103: x right, y down, z forward. Sources: CameraInfo.msg and REP-104 (matrix of
the full image, then region of interest, then binning). The lenses are in core.lens.
"""

import functools
from typing import Dict, NamedTuple, Sequence, Tuple, Type, Union

import numpy as np

from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.core.lens import FisheyeLens, Lens, PerspectiveLens, check_coefficients

# {distortion_model: (lens, numbers of coefficients that have one meaning)}
LENSES: Dict[str, Tuple[Type[Lens], Tuple[int, ...]]] = {
    "plumb_bob": (PerspectiveLens, (4, 5, 8, 12, 14)),
    "rational_polynomial": (PerspectiveLens, (4, 5, 8, 12, 14)),
    "equidistant": (FisheyeLens, (4,)),
    "fisheye": (FisheyeLens, (4,)),
}
# Bounds on the matrix of a camera, as multiples of the longer side of the image.
FOCAL, CENTRE = (1e-3, 1e5), 1e3
SKEW = 0.5  # largest skew, as multiple of the shorter focal length
GRID_WH = (64, 48)  # grid of pixels for unusable_share
REMEMBERED = 32  # number of lenses kept, each of some hundred bytes


class Camera(NamedTuple):
    """Represent a calibrated pinhole camera with a lens.

    Attributes:
        matrix: (3, 3) px, as CameraInfo.k.
        lens: the distortion.
        size_wh: (width, height) px of the image.
    """

    matrix: np.ndarray
    lens: Lens
    size_wh: Tuple[int, int]

    def project(self, points: np.ndarray) -> np.ndarray:
        """Project points (..., 3) m to (..., 2) px; NaN for points that are not in front of the camera."""
        points = np.asarray(points, np.float64)
        z = np.where(points[..., 2:] > 0, points[..., 2:], np.nan)
        plane = self.lens.distort(points[..., :2] / z)
        xy: np.ndarray = plane @ self.matrix[:2, :2].T + self.matrix[:2, 2]
        return xy

    def unproject(self, xy: np.ndarray, z: Union[float, np.ndarray] = 1.0) -> np.ndarray:
        """Compute the points that pixels show at a depth; the inverse of project.

        Args:
            xy: (..., 2) px.
            z: scalar or (...), depth along the optical axis, m.

        Returns:
            (..., 3) m; NaN for pixels that no ray reaches through the lens.
        """
        xy = np.asarray(xy, np.float64)
        plane = np.where(np.isfinite(xy), xy, np.nan) - self.matrix[:2, 2]
        rays = self.lens.undistort(plane @ np.linalg.inv(self.matrix[:2, :2]).T)
        points: np.ndarray = np.concatenate([rays, np.ones_like(rays[..., :1])], -1) * np.asarray(z)[..., None]
        return points

    def unusable_share(self) -> float:
        """Return the share, 0 to 1, of pixels that unproject maps to NaN, estimated on a grid over the image.

        More than zero means that the calibration does not cover its image: it was fitted to points nearer to the
        centre, or belongs to another lens.
        """
        return _unusable_share(self.lens, tuple(self.matrix.ravel().tolist()), self.size_wh)

    def view(
        self, offset: Sequence[int] = (0, 0), size_wh: Sequence[int] = (0, 0), binning: Sequence[int] = (1, 1)
    ) -> "Camera":
        """Return the camera of a region of interest and of binning.

        Args:
            offset: (x, y) px of the region, as in CameraInfo.roi.
            size_wh: (width, height) px of the region; (0, 0) means the whole image.
            binning: (x, y) factors; 0 counts as 1.

        Raises:
            FrameError: kind "camera_info", if no pixel is left.
        """
        binning = [max(int(b), 1) for b in binning]
        width, height = ((b or a) // n for a, b, n in zip(self.size_wh, size_wh, binning))
        if min(width, height) < 1:
            problem = "expected a binning that leaves a pixel, got %d x %d" % tuple(binning)
            raise FrameError("camera_info", problem)
        matrix = np.array(self.matrix)
        matrix[:2, 2] -= offset
        matrix[:2] /= np.array(binning, np.float64)[:, None]
        return self._replace(matrix=matrix, size_wh=(width, height))


@functools.lru_cache(maxsize=REMEMBERED)
def _unusable_share(lens: Lens, matrix: Tuple[float, ...], size_wh: Tuple[int, int]) -> float:
    """Compute Camera.unusable_share once per calibration, because diagnostics ask for it every second."""
    sides = [np.linspace(0, size - 1, count) for size, count in zip(size_wh, GRID_WH)]
    rays = Camera(np.reshape(matrix, (3, 3)), lens, size_wh).unproject(np.stack(np.meshgrid(*sides), -1))
    return float(np.isnan(rays).any(-1).mean())


def make_camera(matrix: Sequence[float], distortion: Sequence[float], model: str, size_wh: Tuple[int, int]) -> Camera:
    """Make a camera from the fields of a CameraInfo message.

    No coefficients, or only zeros for a lens that is no fisheye, mean no distortion, whatever the name of the model:
    simulators publish that. Zeros after the last coefficient of a model do not matter.

    Args:
        matrix: CameraInfo.k, 9 numbers by rows, px.
        distortion: CameraInfo.d. The number of coefficients decides their meaning: 4, 5, 8, 12 or 14 as in OpenCV, or 4
            of a fisheye lens.
        model: CameraInfo.distortion_model: plumb_bob or rational_polynomial, equidistant or fisheye.
        size_wh: (width, height) px.

    Returns:
        The camera of the full image, without region of interest and binning.

    Raises:
        FrameError: kind "camera_info", if the camera is not calibrated (k[0] = 0), the model is unknown, or no
            camera has such numbers.
    """
    k = np.array(matrix, np.float64)
    _check_matrix(k, size_wh)
    return Camera(k.reshape(3, 3), _make_lens([float(d) for d in distortion], model), size_wh)


def _check_matrix(k: np.ndarray, size_wh: Tuple[int, int]) -> None:
    values = "k %s, size %s" % (k.ravel()[:9].tolist(), size_wh)
    if k.size != 9 or not np.isfinite(k).all() or k.flat[0] <= 0 or k.flat[4] <= 0 or min(size_wh) <= 0:
        raise FrameError("camera_info", "expected a calibrated camera with a size, got %s" % values)
    focal, skew, centre = k.ravel()[[0, 4]], k.ravel()[[1, 3]], k.ravel()[[2, 5]]
    longer = max(size_wh)
    if focal.min() < FOCAL[0] * longer or focal.max() > FOCAL[1] * longer or np.abs(centre).max() > CENTRE * longer:
        raise FrameError("camera_info", "expected a focal length and a centre that fit the image, got %s" % values)
    if np.abs(skew).max() > SKEW * focal.min():
        raise FrameError("camera_info", "expected a matrix k with little skew, got %s" % values)


def _make_lens(coefficients: Sequence[float], model: str) -> Lens:
    kind, counts = LENSES.get(model, (None, ()))
    if not any(coefficients) and (kind is not FisheyeLens or not coefficients):
        return _cached_lens("plumb_bob", ())
    if kind is None:
        expected = "distortion_model %s" % " or ".join(LENSES)
        raise FrameError("camera_info", "expected %s, got %.80r" % (expected, model))
    used = max(i + 1 for i, value in enumerate(coefficients) if value) if any(coefficients) else 0
    fitting = [count for count in counts if used <= count <= len(coefficients)]
    if not fitting:
        expected = "%s coefficients of %s" % (" or ".join(map(str, counts)), model)
        raise FrameError("camera_info", "expected %s, got %d: %s" % (expected, len(coefficients), coefficients[:14]))
    check_coefficients(coefficients[: fitting[-1]])
    return _cached_lens(model, tuple(coefficients[: fitting[-1]]))


@functools.lru_cache(maxsize=REMEMBERED)
def _cached_lens(model: str, coefficients: Tuple[float, ...]) -> Lens:
    """Make a lens once for all equal messages of a camera, because finding the roots takes a while."""
    return LENSES[model][0](coefficients)
