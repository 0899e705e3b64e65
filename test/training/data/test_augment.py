"""data/augment.py: every range of a recipe is kept, and used to its ends."""

import numpy as np
import pytest

from pose_estimation_ros.training.data.augment import (
    covered,
    cut_off,
    far_away,
    half_body_box,
    happens,
    random_box,
    random_color,
    random_rotation,
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
