"""Undistortion of real calibrations: every pixel that a lens can show, on the branch that light takes."""

import numpy as np
import pytest

from pose_estimation_ros.core.camera import make_camera

# fx, fy, cx, cy, size, model, coefficients. The first four were published with their cameras and are hard to invert:
# repeated substitution, as OpenCV does it, diverges on up to a seventh of their pixels.
CAMERAS = {
    "webcam": (428.3159, 427.5158, 256.8807, 236.3179, (640, 480), "plumb_bob",
               [-0.318536, -0.22327, -0.011478, 0.006962, 0.755028]),
    "wide": (1495.316895, 1494.778564, 1424.459106, 943.463684, (2880, 1860), "rational_polynomial",
             [0.929988205433, 0.165922805667, -2.4369263e-05, -1.3859207e-05, 0.002885974478, 1.331432461739,
              0.435830116272, 0.027607271448]),
    "preview": (196.50531, 196.50531, 126.867134, 125.84787, (250, 250), "rational_polynomial",
                [-4.860828876495361, 17.2819766998291, 0.00020376102474983782, 0.0010251018684357405,
                 -25.172250747680664, -4.943647384643555, 17.51442527770996, -25.290760040283203]),
    "phone": (1484.12, 1483.29, 982.18, 543.05, (1920, 1080), "rational_polynomial",
              [0.09370951394834764, -0.1640721737187069, 0, 0, 0.1224192868301668]),
    "depth camera": (504.1, 504.2, 321.4, 338.2, (640, 576), "rational_polynomial",
                     [5.26, 3.59, -2.4e-5, 5.9e-5, 0.189, 5.59, 5.43, 0.98]),
    "thin prism": (525, 530, 319.5, 239.5, (640, 480), "rational_polynomial",
                   [0.1, -0.2, 0.001, 0.002, 0.05, 0, 0, 0, 0.01, -0.01, 0.02, 0.01]),
    "tilted": (525, 530, 319.5, 239.5, (640, 480), "rational_polynomial",
               [0.1, -0.2, 0.001, 0.002, 0.05, 0, 0, 0, 0.01, 0, -0.02, 0, 0.1, -0.15]),
    "fisheye": (285.4, 286.2, 424.3, 399.8, (848, 800), "equidistant", [-0.0086, 0.0446, -0.0419, 0.0079]),
}  # fmt: skip


def camera(name):
    fx, fy, cx, cy, size_wh, model, distortion = CAMERAS[name]
    return make_camera([fx, 0, cx, 0, fy, cy, 0, 0, 1], distortion, model, size_wh)


def pixels(size_wh, step=7):
    return np.stack(np.meshgrid(*[np.arange(0, size, step) for size in size_wh]), -1)


@pytest.mark.parametrize("name", sorted(set(CAMERAS) - {"fisheye"}))
def test_every_pixel_of_the_image_goes_round(name):
    lens = camera(name)
    grid = pixels(lens.size_wh)
    np.testing.assert_allclose(lens.project(lens.unproject(grid)), grid, atol=1e-6)
    assert lens.unusable_share() == 0


@pytest.mark.parametrize("name", CAMERAS)
def test_pixels_farther_out_are_rays_farther_out(name):
    """Along every line from the centre: a solution of another branch would be a step back, or a leap."""
    lens = camera(name)
    turns = np.linspace(0, 2 * np.pi, 33)[:, None, None]
    distance = np.linspace(0, 0.6 * max(lens.size_wh), 200)[:, None]
    xy = lens.matrix[:2, 2] + distance * np.concatenate([np.cos(turns), np.sin(turns)], -1)
    angle = np.arctan(np.linalg.norm(lens.unproject(xy)[..., :2], axis=-1))
    steps = np.diff(angle)
    assert (steps[np.isfinite(steps)] > 0).all()
    assert np.nanmax(steps) < 5 * np.nanmax(steps[:, :10])


def test_a_fisheye_shows_nothing_from_90_degrees_on():
    lens = camera("fisheye")
    grid = pixels(lens.size_wh)
    points = lens.unproject(grid)
    known = np.isfinite(points).all(-1)
    np.testing.assert_allclose(lens.project(points[known]), grid[known], atol=1e-6)
    shown = np.linalg.norm((grid - lens.matrix[:2, 2]) / lens.matrix[[0, 1], [0, 1]], axis=-1)
    edge = shown[known].max()
    assert (shown[~known] > edge - 1e-2).all()
    assert np.linalg.norm(points[known][:, :2], axis=-1).max() > 20  # nearly 90 degrees
    assert lens.unusable_share() == pytest.approx((~known).mean(), abs=0.02)


def test_a_lens_that_folds_its_image_over():
    """With k1 = -0.5 the curve r - r^3 / 2 turns at r = sqrt(2 / 3), where it is 0.5443."""
    lens = make_camera([1000, 0, 1000, 0, 1000, 1000, 0, 0, 1], [-0.5, 0, 0, 0, 0], "plumb_bob", (2001, 2001))
    distance = np.array([0.0, 300, 544, 545, 700, 1000])
    rays = lens.unproject(np.stack([1000 + distance, np.full(6, 1000.0)], -1))[:, 0]
    assert np.isnan(rays).tolist() == [False] * 3 + [True] * 3
    assert (rays[:3] <= np.sqrt(2 / 3)).all()
    assert lens.unusable_share() == pytest.approx(1 - np.pi * 0.5443**2 / 4, abs=0.02)


@pytest.mark.parametrize("seed", range(20))
def test_random_lenses(seed):
    """Whatever the coefficients: no exception, and what is not NaN is right and lies before the turn."""
    rng = np.random.RandomState(seed)
    count = rng.choice([4, 5, 8, 12])
    distortion = rng.randn(count) * 10.0 ** rng.uniform(-3, 1)
    lens = make_camera([500, 0, 320, 0, 500, 240, 0, 0, 1], distortion, "plumb_bob", (640, 480))
    grid = pixels((640, 480), 16)
    points = lens.unproject(grid)
    known = np.isfinite(points).all(-1)
    assert known[15, 20]  # the centre
    np.testing.assert_allclose(lens.project(points[known]), grid[known], atol=1e-5)


@pytest.mark.parametrize("distortion", [[1e12] * 14, [-1e12] * 5, [5e-324, 0, 0, 0, 0], [1e-300, 1e12, 0, 0, 1e-300]])
def test_coefficients_of_any_size(distortion):
    distortion = distortion[:12] + [0.1] * len(distortion[12:])
    lens = make_camera([500, 0, 320, 0, 500, 240, 0, 0, 1], distortion, "plumb_bob", (640, 480))
    assert 0 <= lens.unusable_share() <= 1
