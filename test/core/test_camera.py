import cv2
import numpy as np
import pytest

from pose_estimation_ros.core.camera import Camera, make_camera
from pose_estimation_ros.core.errors import FrameError

K = [525.0, 0, 319.5, 0, 530.0, 239.5, 0, 0, 1]
LENSES = {
    "none": ("plumb_bob", []),
    "webcam": ("plumb_bob", [0.1, -0.25, 0.001, -0.0008, 0.08]),
    "barrel": ("plumb_bob", [-0.3, 0.1, 0.0, 0.002, -0.01]),
    "four": ("plumb_bob", [0.1, -0.2, 0.001, 0.002]),
    "azure": ("rational_polynomial", [0.5, -2.6, 0.0005, -0.0003, 1.5, 0.38, -2.4, 1.4]),
    "fisheye": ("equidistant", [-0.02, 0.005, -0.006, 0.002]),
    "straight fisheye": ("equidistant", [1e-9, 0, 0, 0]),
    "named fisheye": ("fisheye", [-0.02, 0.005, -0.006, 0.002]),
    "thin prism": ("rational_polynomial", [0.5, -2.6, 5e-4, -3e-4, 1.5, 0.38, -2.4, 1.4, 2e-3, -1e-3, 3e-3, 5e-4]),
    "tilted": ("rational_polynomial", [0.1, -0.2, 1e-3, 2e-3, 0.05, 0, 0, 0, 1e-3, 0, -2e-3, 0, 0.05, -0.08]),
}
GRID = np.stack(np.meshgrid(np.linspace(0, 639, 9), np.linspace(0, 479, 7)), -1)


def camera(name):
    model, distortion = LENSES[name]
    return make_camera(K, distortion, model, (640, 480))


def by_opencv(name):
    """Matrix, coefficients and OpenCV's pair of functions for the lens."""
    model, distortion = LENSES[name]
    matrix, coefficients = np.array(K).reshape(3, 3), np.array(distortion or [0.0] * 5)
    still = np.zeros(3)
    if model in ("equidistant", "fisheye"):
        project = lambda p: cv2.fisheye.projectPoints(p, still, still, matrix, coefficients)[0]  # noqa: E731
        straight = lambda xy: cv2.fisheye.undistortPoints(xy, matrix, coefficients)  # noqa: E731
        return project, straight
    criteria = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 100, 1e-12)
    project = lambda p: cv2.projectPoints(p, still, still, matrix, coefficients)[0]  # noqa: E731
    if hasattr(cv2, "undistortPointsIter"):  # OpenCV 4
        straight = lambda xy: cv2.undistortPointsIter(xy, matrix, coefficients, None, None, criteria)  # noqa: E731
    else:
        straight = lambda xy: cv2.undistortPoints(xy, matrix, coefficients, criteria=criteria)  # noqa: E731
    return project, straight


@pytest.mark.parametrize("name", LENSES)
def test_no_points(name):
    assert camera(name).project(np.zeros((0, 3))).shape == (0, 2)
    assert camera(name).unproject(np.zeros((0, 17, 2))).shape == (0, 17, 3)


@pytest.mark.parametrize("name", LENSES)
def test_pixels_go_round(name):
    z = np.linspace(0.3, 8, GRID[..., 0].size).reshape(GRID.shape[:2])
    points = camera(name).unproject(GRID, z)
    np.testing.assert_allclose(points[..., 2], z)
    np.testing.assert_allclose(camera(name).project(points), GRID, atol=1e-3)


@pytest.mark.parametrize("name", LENSES)
def test_projecting_is_opencvs(name):
    points = np.random.RandomState(0).uniform([-1, -0.8, 2], [1, 0.8, 4], (50, 3))
    expected = by_opencv(name)[0](points.reshape(-1, 1, 3)).reshape(-1, 2)
    np.testing.assert_allclose(camera(name).project(points), expected, atol=1e-6)


@pytest.mark.parametrize("name", LENSES)
def test_undistorting_is_opencvs(name):
    expected = by_opencv(name)[1](GRID.reshape(-1, 1, 2)).reshape(GRID.shape)
    np.testing.assert_allclose(camera(name).unproject(GRID)[..., :2], expected, atol=2e-5)


def test_the_pinhole_by_hand():
    np.testing.assert_allclose(camera("none").project(np.array([[1.0, -1.0, 2.0]])), [[319.5 + 262.5, 239.5 - 265]])
    np.testing.assert_allclose(camera("none").unproject(np.array([319.5 + 525, 239.5]), 3.0), [3, 0, 3])


@pytest.mark.parametrize("name", LENSES)
@pytest.mark.parametrize("z", [0.0, -1.0, np.nan])
def test_what_is_not_before_the_camera_has_no_pixel(name, z):
    assert np.isnan(camera(name).project(np.array([[0.1, 0.2, z]]))).all()


@pytest.mark.parametrize("name", ["barrel", "azure", "fisheye"])
@pytest.mark.parametrize("xy", [(1e5, 1e5), (-3e4, 240.0), (np.nan, 3.0)])
def test_pixels_that_the_lens_cannot_give_are_nan_or_right(name, xy):
    lens, xy = camera(name), np.array([xy])
    point = lens.unproject(xy)
    assert np.isnan(point[0, :2]).all() or np.allclose(lens.project(point), xy, atol=1e-2)


def test_region_of_interest_then_binning():
    """A region from (100, 40) of 320x240, then 2x2 binned: the pixel (120, 60) of the whole becomes (10, 10)."""
    part = camera("none").view(offset=(100, 40), size_wh=(320, 240), binning=(2, 2))
    point = camera("none").unproject(np.array([120.0, 60.0]), 2.0)
    np.testing.assert_allclose(part.project(point), [10, 10])
    assert part.size_wh == (160, 120)


@pytest.mark.parametrize("view", [{}, {"binning": (0, 0)}, {"size_wh": (0, 0), "offset": (0, 0)}])
def test_messages_zeros_mean_the_whole_image(view):
    whole = camera("webcam").view(**view)
    assert whole.size_wh == (640, 480) and (whole.matrix == camera("webcam").matrix).all()


@pytest.mark.parametrize(
    "matrix, distortion, model, size_wh, message",
    [
        ([0.0] * 9, [], "plumb_bob", (640, 480), "a calibrated camera"),
        ([np.nan] * 9, [], "plumb_bob", (640, 480), "a calibrated camera"),
        (K, [], "plumb_bob", (0, 0), "a calibrated camera with a size"),
        (K, [0.1] * 5, "thin_prism", (640, 480), "rational_polynomial or equidistant or fisheye, got 'thin_prism'"),
        (K, [0.1] * 5, "", (640, 480), "got ''"),
        (K, [0.1] * 3, "plumb_bob", (640, 480), "4 or 5 or 8 or 12 or 14 coefficients of plumb_bob, got 3"),
        (K, [0.1, np.inf, 0, 0], "equidistant", (640, 480), "finite distortion coefficients"),
        (K, [1e13] * 4, "plumb_bob", (640, 480), "at most 1e.12"),
        (K, [0.1] * 8, "equidistant", (640, 480), "4 coefficients of equidistant, got 8"),
        (K, [0.1] * 6, "plumb_bob", (640, 480), "got 6"),
        (K, [0.1] * 100000, "plumb_bob", (640, 480), "got 100000: .{,100}$"),
        (K, [0.1] * 12 + [0.1, 1.6], "plumb_bob", (640, 480), "tilted by at most 1.5 rad"),
        (K, [0.1] * 5, "x" * 10**6, (640, 480), "got '.{,100}$"),
        ([300, 300, 80, 300, 300, 60, 0, 0, 1], [], "", (640, 480), "little skew"),
        ([300, 1e6, 80, 0, 300, 60, 0, 0, 1], [], "", (640, 480), "little skew"),
        ([1e300, 0, 80, 0, 300, 60, 0, 0, 1], [], "", (640, 480), "that fit the image"),
        ([300, 0, 80, 0, 1e-3, 60, 0, 0, 1], [], "", (640, 480), "that fit the image"),
        ([300, 0, 1e9, 0, 300, 60, 0, 0, 1], [], "", (640, 480), "that fit the image"),
        (K[:4], [], "", (640, 480), "a calibrated camera"),
    ],
)
def test_camera_infos_that_are_none(matrix, distortion, model, size_wh, message):
    with pytest.raises(FrameError, match=message) as error:
        make_camera(matrix, distortion, model, size_wh)
    assert error.value.kind == "camera_info"


@pytest.mark.parametrize("binning, size_wh", [((641, 1), (0, 0)), ((1, 2**32 - 1), (0, 0)), ((2, 2), (1, 100))])
def test_binning_that_leaves_no_pixel(binning, size_wh):
    with pytest.raises(FrameError, match="a binning that leaves a pixel, got %d x %d" % binning) as error:
        camera("none").view(size_wh=size_wh, binning=binning)
    assert error.value.kind == "camera_info"


PLUMB, WIDE = [0.1, -0.25, 0.001, -0.0008, 0.08], [0.5, -2.6, 0.0005, -0.0003, 1.5, 0.38, -2.4, 1.4]


@pytest.mark.parametrize(
    "model, distortion, same_model, same",
    [
        ("plumb_bob", PLUMB + [0.0] * 3, "plumb_bob", PLUMB),
        ("plumb_bob", PLUMB + [0.0], "plumb_bob", PLUMB),
        ("plumb_bob", PLUMB + [0.0] * 20, "plumb_bob", PLUMB),
        ("rational_polynomial", PLUMB, "plumb_bob", PLUMB),
        ("rational_polynomial", PLUMB[:4], "plumb_bob", PLUMB[:4] + [0.0]),
        ("rational_polynomial", WIDE + [0.0] * 4, "rational_polynomial", WIDE),
        ("rational_polynomial", WIDE + [0.0] * 6, "rational_polynomial", WIDE),
        ("plumb_bob", WIDE, "rational_polynomial", WIDE),
        ("fisheye", [0.1, 0.2, 0, 0], "equidistant", [0.1, 0.2, 0, 0]),
        ("equidistant", [0.1, 0.2, 0, 0, 0], "equidistant", [0.1, 0.2, 0, 0]),
        ("fisheye", [0.0] * 8, "equidistant", [0.0] * 4),
    ],
)
def test_spellings_of_one_lens(model, distortion, same_model, same):
    found, expected = (make_camera(K, d, m, (640, 480)) for m, d in ((model, distortion), (same_model, same)))
    np.testing.assert_array_equal(found.unproject(GRID), expected.unproject(GRID))


@pytest.mark.parametrize(
    "model, distortion",
    [("", []), ("plumb_bob", [0.0] * 5), ("equidistant", []), ("whatever", []), ("none", [0.0] * 5)],
)
def test_without_coefficients_every_lens_is_straight(model, distortion):
    assert (make_camera(K, distortion, model, (640, 480)).unproject(GRID) == camera("none").unproject(GRID)).all()


def test_the_plain_fisheye_by_hand():
    """Equal angles, equal pixels: 45 degrees lie pi / 4 focal lengths from the centre."""
    lens = make_camera(K, [0.0] * 4, "equidistant", (640, 480))
    np.testing.assert_allclose(lens.project(np.array([1.0, 0.0, 1.0])), [319.5 + 525 * np.pi / 4, 239.5])


@pytest.mark.parametrize(
    "distortion, model", [([], "plumb_bob"), ([-2.0, 0, 0, 0], "plumb_bob"), ([0.1, 0, 0, 0], "fisheye")]
)
def test_the_same_calibration_is_worked_out_once(monkeypatch, model, distortion):
    first, again, other = (
        make_camera([width, 0, 320, 0, width, 240, 0, 0, 1], distortion, model, (640, 480)) for width in (500, 500, 100)
    )
    assert first.lens is again.lens is other.lens
    shares = first.unusable_share(), other.unusable_share()
    monkeypatch.setattr(Camera, "unproject", None)
    assert (again.unusable_share(), other.unusable_share()) == shares
    assert distortion != [-2.0, 0, 0, 0] or 0 < shares[0] < shares[1]
