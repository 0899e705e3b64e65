"""data/augment.py: every range of a recipe is kept, and used to its ends."""

import cv2
import numpy as np
import pytest

from pose_estimation_ros.core.geometry import apply
from pose_estimation_ros.training.data.augment import (
    covered,
    cut_off,
    far_away,
    half_body_box,
    happens,
    random_box,
    random_color,
    random_rotation,
    random_zoom,
    shrink,
)
from pose_estimation_ros.training.recipe import Augmentation

RNG = np.random.default_rng
BOX = np.array([10.0, 20, 50, 100])
STILL = {"rotation_deg": 0.0, "scale": 0.0, "shift": 0.0}


def box_scale(ranges, rng):
    box = random_box(BOX, ranges, rng)
    return (box[2:] - box[:2]) / (BOX[2:] - BOX[:2])


def box_shift(ranges, rng):
    box = random_box(BOX, ranges, rng)
    return ((box[:2] + box[2:]) / 2 - [30, 60]) / [40, 80]


@pytest.mark.parametrize(
    "draw, changes, low, high",
    [
        (box_scale, {}, 1, 1),
        (box_scale, {"scale": 0.3}, 0.7, 1.3),  # ELPN on COCO
        (box_scale, {"scale": 0.4}, 0.6, 1.4),  # ELPN on MPII
        (box_scale, {"scale": 0.35}, 0.65, 1.35),  # EL-HRNet, HRNet
        (box_shift, {}, 0, 0),
        (box_shift, {"shift": 0.1}, -0.1, 0.1),
        (random_rotation, {}, 0, 0),
        (random_rotation, {"rotation_deg": 40.0, "rotation_probability": 0.0}, 0, 0),
        (random_rotation, {"rotation_deg": 40.0, "rotation_probability": 1.0}, -40, 40),  # ELPN on COCO
        (random_rotation, {"rotation_deg": 30.0}, -30, 30),  # ELPN on MPII
        (random_rotation, {"rotation_deg": 45.0}, -45, 45),  # EL-HRNet, HRNet
    ],
)
def test_ranges(draw, changes, low, high):
    ranges, rng = Augmentation(**{**STILL, **changes}), RNG(0)
    drawn = np.array([draw(ranges, rng) for _ in range(1000)])
    slack = 0.02 * (high - low) + 1e-9
    assert low - 1e-9 <= drawn.min() <= low + slack and high - slack <= drawn.max() <= high + 1e-9
    assert drawn.mean() == pytest.approx((low + high) / 2, abs=2 * slack)


def test_box_keeps_its_shape():
    scales = np.array([box_scale(Augmentation(scale=0.3), RNG(seed)) for seed in range(20)])
    np.testing.assert_allclose(scales[:, 0], scales[:, 1])


def test_share_of_the_rotated():
    ranges, rng = Augmentation(rotation_deg=40, rotation_probability=0.6), RNG(0)
    assert np.mean([random_rotation(ranges, rng) != 0 for _ in range(1000)]) == pytest.approx(0.6, abs=0.05)


class HRNetsCode:
    """JointsDataset.py of the authors' repository: scale, rotation and half body, line by line with its names."""

    def __init__(self, seed, sf=0.35, rf=45, upper_body_ids=range(11), num_joints_half_body=8, aspect_ratio=0.75):
        self.random, self.upper_body_ids = np.random.RandomState(seed), upper_body_ids
        self.sf, self.rf, self.num_joints_half_body, self.aspect_ratio = sf, rf, num_joints_half_body, aspect_ratio

    def scale(self):
        return np.clip(self.random.randn() * self.sf + 1, 1 - self.sf, 1 + self.sf)

    def rotation(self):
        angle = np.clip(self.random.randn() * self.rf, -self.rf * 2, self.rf * 2)
        return angle if self.random.rand() <= 0.6 else 0

    def half_body(self, joints, joints_vis):
        upper_joints = [joints[k] for k in range(17) if joints_vis[k] and k in self.upper_body_ids]
        lower_joints = [joints[k] for k in range(17) if joints_vis[k] and k not in self.upper_body_ids]
        if joints_vis.sum() <= self.num_joints_half_body:
            return None
        if self.random.randn() < 0.5 and len(upper_joints) > 2:
            selected_joints = upper_joints
        else:
            selected_joints = lower_joints if len(lower_joints) > 2 else upper_joints
        center = np.mean(selected_joints, 0)
        w, h = np.max(selected_joints, 0) - np.min(selected_joints, 0)
        if w > self.aspect_ratio * h:
            h = w / self.aspect_ratio
        elif w < self.aspect_ratio * h:
            w = h * self.aspect_ratio
        return tuple(np.round([*center, w * 1.5, h * 1.5], 3))


HRNETS = Augmentation(distribution="normal", rotation_deg=45, rotation_probability=0.6, scale=0.35, shift=0)


@pytest.mark.parametrize(
    "ours, theirs, bounds",
    [
        (lambda rng: box_scale(HRNETS, rng)[0], HRNetsCode.scale, (0.65, 1.35)),
        (lambda rng: random_rotation(HRNETS, rng), HRNetsCode.rotation, (-90, 90)),
    ],
)
def test_a_normal_distribution_is_that_of_hrnets_code(ours, theirs, bounds):
    rng, code, count = RNG(1), HRNetsCode(2), 20_000
    drawn, expected = np.array([ours(rng) for _ in range(count)]), np.array([theirs(code) for _ in range(count)])
    assert (drawn.min(), drawn.max()) == pytest.approx(bounds)
    span = bounds[1] - bounds[0]
    assert drawn.mean() == pytest.approx(expected.mean(), abs=0.01 * span)
    assert drawn.std() == pytest.approx(expected.std(), rel=0.03)
    for values in (bounds[0], bounds[1], 0.0):  # at the cuts, and not rotated at all
        assert np.isclose(drawn, values).mean() == pytest.approx(np.isclose(expected, values).mean(), abs=0.01)
    shares = [np.quantile(sample, np.linspace(0, 1, 21)) for sample in (drawn, expected)]
    np.testing.assert_allclose(*shares, atol=0.03 * span)


@pytest.mark.parametrize("hidden", [(), range(11, 16), range(3, 11), range(9)])
def test_a_normal_half_body_is_that_of_hrnets_code(hidden):
    """As often the upper half, the same centre and size; the other half where the chosen one has too few joints."""
    xy, visible = RNG(5).uniform(0, 100, (17, 2)), ~np.isin(np.arange(17), hidden)
    upper, code, counts = np.arange(17) < 11, HRNetsCode(3), []
    expected = [code.half_body(xy, visible) for _ in range(2000)]
    whole, rng, padding = np.array([0.0, 0, 200, 300]), RNG(4), 1.25
    found = []
    for _ in range(2000):
        box = half_body_box(whole, xy, visible, upper, padding, rng, "normal")
        (width, height), centre = box[2:] - box[:2], (box[:2] + box[2:]) / 2
        size = padding * max(width, 0.75 * height)
        is_half = (box != whole).any()
        found.append(tuple(np.round([*centre, size, size / 0.75], 3)) if is_half else None)
    for kind in {*found, *expected}:
        counts.append(found.count(kind) / 2000)
        assert counts[-1] == pytest.approx(expected.count(kind) / 2000, abs=0.04)
    assert sum(counts) == pytest.approx(1)


@pytest.mark.parametrize(
    "kind, mean, median",
    [
        ("log", 0.75 / np.log(2), 0.75 * 2**0.5),  # of 1 / x: (b - a) / log(b / a)
        ("size", 1.125, 1.125),
        ("view", np.log(2) / (1 / 0.75 - 1 / 1.5), 2 / (1 / 0.75 + 1 / 1.5)),  # of 1 / x^2; harmonic mean
    ],
)
def test_what_of_a_zoom_is_uniform(kind, mean, median):
    ranges, rng = Augmentation(zoom=[0.75, 1.5], zoom_uniform_in=kind), RNG(6)
    drawn = np.array([random_zoom(ranges, rng) for _ in range(20_000)])
    assert 0.75 <= drawn.min() < 0.751 and 1.499 < drawn.max() <= 1.5
    assert (drawn.mean(), np.median(drawn)) == (pytest.approx(mean, abs=0.006), pytest.approx(median, abs=0.01))


def test_half_body_box_surrounds_the_chosen_half():
    xy, visible = np.stack([np.arange(17.0), 10 * np.arange(17.0)], 1), np.ones(17, bool)
    upper = np.arange(17) < 11
    found = {tuple(half_body_box(np.zeros(4), xy, visible, upper, 1.0, RNG(seed))) for seed in range(10)}
    assert found == {(-2.5, -25.0, 12.5, 125.0), (9.75, 97.5, 17.25, 172.5)}
    few = np.arange(17) < 8
    assert half_body_box(np.ones(4), xy, few, upper, 1.0, RNG(0)).tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("padding", [1.0, 1.25, 1.5])
def test_the_crop_of_a_half_body_is_one_and_a_half_times_its_joints(padding):
    xy = np.stack([np.arange(17.0), 10 * np.arange(17.0)], 1)
    box = half_body_box(np.zeros(4), xy, np.ones(17, bool), np.arange(17) < 11, padding, RNG(0))
    assert (box[3] - box[1]) * padding / 10 in (pytest.approx(1.5 * 10), pytest.approx(1.5 * 5))


def test_who_is_cut_off_ends_at_the_new_border_of_the_picture():
    xy, visible = np.stack([10 + 3.0 * np.arange(17), 20 + 5.0 * np.arange(17)], 1), np.arange(17) != 8
    frame, box = np.zeros((120, 80, 3), np.uint8), np.array([8.0, 15.0, 62.0, 105.0])
    for number, (x, y) in enumerate(xy.astype(int)):
        frame[y, x] = number + 1
    cut = set()
    for seed in range(40):
        part, left, moved, seen = cut_off(frame, box, xy, visible, RNG(seed))
        places = moved[seen].astype(int)
        assert (part[places[:, 1], places[:, 0], 0] == np.flatnonzero(seen) + 1).all(), "joints go with the picture"
        assert set(part[..., 0].ravel()) - {0, 9} == set(np.flatnonzero(seen) + 1), "and with what is cut off"
        assert (left[:2] >= 0).all() and (left[2:] <= part.shape[1::-1]).all()
        sides = (left[2:] - left[:2]) / (box[2:] - box[:2])
        assert sorted(sides)[1] == 1 and 0.39 <= sorted(sides)[0] <= 0.86
        cut.add((int(sides.argmin()), bool((moved == xy).all())))
    assert len(cut) == 4, "at all four sides"


def test_of_a_person_something_is_left():
    xy, frame, box = np.tile([50.0, 50.0], (17, 1)), np.zeros((100, 100, 3), np.uint8), np.array([0.0, 0.0, 80.0, 80.0])
    for visible in (np.arange(17) < 2, np.ones(17, bool)):
        shares = [cut_off(frame, box, xy, visible, RNG(seed))[3].sum() for seed in range(40)]
        assert set(shares) == {visible.sum()}
    assert min(cut_off(frame, box, xy, np.ones(17, bool), RNG(seed))[0].size for seed in range(40)) < frame.size


def test_covered_is_one_rectangle_of_one_color():
    image, shares = np.full((3, 40, 30), -1, np.float32), []
    for seed in range(50):
        changed = covered(image, RNG(seed)) >= 0
        rows, columns = changed[0].any(1), changed[0].any(0)
        assert (changed == (rows[:, None] & columns)).all() and (np.diff(np.flatnonzero(rows)) == 1).all()
        assert len(np.unique(covered(image, RNG(seed))[:, rows][..., columns].reshape(3, -1), axis=1).T) == 1
        shares.append((rows.mean(), columns.mean()))
    assert np.min(shares) >= 0.1 and np.max(shares) <= 0.5 and np.ptp(shares) > 0.3


def test_far_away_is_the_same_picture_with_less_detail():
    ramp = np.broadcast_to(np.linspace(0, 255, 48, dtype=np.float32), (3, 64, 48))
    stripes = ramp.copy()
    stripes[:, :, ::2], stripes[:, :, 1::2] = 0, 255
    left = []
    for seed in range(20):
        inner = np.abs(far_away(ramp, RNG(seed)) - ramp)[:, 8:-8, 8:-8]
        assert inner.max() < 6 and far_away(ramp, RNG(seed)).dtype == np.float32  # a pixel of the ramp is 5.4
        left.append(far_away(stripes, RNG(seed)).std() / stripes.std())
    assert max(left) < 0.6 and min(left) < 0.1


def test_what_never_happens_draws_nothing():
    rng = RNG(0)
    assert not happens(0.0, rng) and rng.random() == RNG(0).random()
    assert np.mean([happens(0.3, rng) for _ in range(1000)]) == pytest.approx(0.3, abs=0.05)


def test_color_stays_an_image():
    image = np.full((3, 4, 4), 128, np.float32)
    changed = np.stack([random_color(image, 0.3, RNG(seed)) for seed in range(50)])
    assert changed.min() >= 0 and changed.max() <= 255 and changed.std() > 5
    np.testing.assert_array_equal(random_color(image, 0.0, RNG(0)), image)


@pytest.mark.parametrize("scale", [0.1, 0.3, 0.6, 2.0])
def test_a_shrunk_photograph_shows_the_same_at_the_same_place(scale):
    """A slope keeps its values; a chess board becomes grey where the map would leave out squares."""
    slope = np.tile(np.linspace(0, 250, 160).astype(np.uint8)[None, :, None], (120, 1, 3))
    matrix = np.array([[scale, 0, 3.0], [0, scale, 2.0]])
    small, to_view = shrink(slope, matrix)
    points = np.array([[10.0, 10.0], [150.0, 100.0]])
    factor = np.array([160, 120]) / small.shape[1::-1]
    np.testing.assert_allclose(apply(to_view, (points + 0.5) / factor - 0.5), apply(matrix, points), atol=1e-6)
    direct, ours = (cv2.warpAffine(f, m, (160, 120)) for f, m in ((slope, matrix), (small, to_view)))
    shown = np.s_[6 : int(110 * scale) : 1, 6 : int(150 * scale) : 1]
    assert np.abs(direct[shown].astype(int) - ours[shown]).max(initial=0) <= 2
    board = np.tile(np.uint8(255 * (np.indices((120, 160)).sum(0) % 2))[..., None], (1, 1, 3))
    assert (shrink(board, matrix)[0].std() < 20) == (scale <= 0.5)
