import cv2
import numpy as np
import pytest

from pose_estimation_ros.core.heatmap import (
    FARTHEST_STEP,
    decode,
    decode_dark,
    encode,
    merge_flip,
    mirror_shift,
    turn_back,
)
from pose_estimation_ros.core.skeleton import get_skeleton


def slow_gaussian(xy, size_wh, sigma):
    return np.array([
        [np.exp(-((x - xy[0]) ** 2 + (y - xy[1]) ** 2) / (2 * sigma**2)) for x in range(size_wh[0])]
        for y in range(size_wh[1])
    ])  # fmt: skip


def slow_decode(heatmap):
    """The papers' protocol, written as they do it."""
    height, width = heatmap.shape
    y, x = np.unravel_index(heatmap.argmax(), heatmap.shape)
    position = [float(x), float(y)]
    if 0 < x < width - 1:
        position[0] += 0.25 * np.sign(heatmap[y, x + 1] - heatmap[y, x - 1])
    if 0 < y < height - 1:
        position[1] += 0.25 * np.sign(heatmap[y + 1, x] - heatmap[y - 1, x])
    return position


def test_decode_of_nobody():
    xy, score = decode(np.zeros((0, 17, 64, 48), np.float32))
    assert xy.shape == (0, 17, 2) and score.shape == (0, 17)


@pytest.mark.parametrize("sigma", [1.0, 2.0])
@pytest.mark.parametrize("xy", [(10, 20), (10.3, 20.7), (0, 0), (47, 63), (-1.0, 5)])
def test_encode_is_the_slow_gaussian(xy, sigma):
    heatmaps, weight = encode(np.array([xy], float), np.array([True]), (48, 64), sigma)
    assert weight.tolist() == [1]
    assert heatmaps.shape == (1, 64, 48) and heatmaps.dtype == np.float32
    assert np.allclose(heatmaps[0], slow_gaussian(xy, (48, 64), sigma), atol=1e-6)


@pytest.mark.parametrize(
    "xy, visible, weight",
    [((10, 10), False, 0), ((-5.9, 10), True, 1), ((-6.1, 10), True, 0), ((10, 69.1), True, 0), ((52.9, 10), True, 1)],
)
def test_weight_is_zero_where_invisible_or_far_outside(xy, visible, weight):
    heatmaps, weights = encode(np.array([xy], float), np.array([visible]), (48, 64), 2.0)
    assert weights.tolist() == [weight] and heatmaps.any() == bool(weight)


def test_decode_finds_what_encode_made_within_a_quarter_pixel():
    xy = np.random.RandomState(0).uniform(2, 44, (17, 2))
    heatmaps, _ = encode(xy, np.ones(17), (48, 64))
    found, score = decode(heatmaps[None])
    assert np.abs(found[0] - xy).max() <= 0.25 + 1e-5
    assert (score > 0.95).all()


def test_decode_is_the_slow_one_everywhere_even_at_the_rim():
    heatmaps = np.random.RandomState(1).rand(40, 17, 6, 5).astype(np.float32)  # small: many peaks lie at the rim
    found, score = decode(heatmaps)
    expected = [[slow_decode(h) for h in person] for person in heatmaps]
    assert np.allclose(found, expected)
    assert np.allclose(score, heatmaps.max((2, 3)))


@pytest.mark.parametrize("right, expected", [(0.5, 2.25), (0.2, 2.0), (0.1, 1.75)])
def test_quarter_offset_goes_to_the_higher_neighbour(right, expected):
    heatmap = np.zeros((1, 1, 5, 5), np.float32)
    heatmap[0, 0, 2, 1:4] = 0.2, 0.9, right
    assert decode(heatmap)[0][0, 0].tolist() == [expected, 2.0]


@pytest.mark.parametrize("size", [(1, 1), (1, 4), (4, 1)])
def test_decode_of_maps_one_pixel_wide_or_high(size):
    heatmap = np.zeros((1, 1) + size, np.float32)
    heatmap[0, 0, -1, -1] = 1
    assert decode(heatmap)[0][0, 0].tolist() == [size[1] - 1, size[0] - 1]


def test_score_is_cut_to_zero_and_one():
    heatmaps = np.array([[[[-3.0]], [[0.5]], [[7.0]]]])
    assert decode(heatmaps)[1].tolist() == [[0, 0.5, 1]]


def test_decode_takes_maps_that_are_not_contiguous():
    heatmaps = np.random.RandomState(2).rand(2, 6, 5, 3).astype(np.float32)
    turned = heatmaps.transpose(0, 3, 1, 2)
    assert (decode(turned)[0] == decode(turned.copy())[0]).all()


def slow_dark(heatmap, kernel):
    """DARK with UDP's derivatives, on the whole map, as mmpose's refine_keypoints_dark_udp describes it."""
    rim = (kernel - 1) // 2
    blurred = cv2.GaussianBlur(np.pad(heatmap, rim), (kernel, kernel), 0)[rim:-rim, rim:-rim]
    blurred = blurred * heatmap.max() / max(blurred.max(), 1e-12)
    log = np.pad(np.log(np.clip(blurred.astype(float), 1e-3, 50)), 1, "edge")
    peak_y, peak_x = np.unravel_index(heatmap.argmax(), heatmap.shape)
    y, x = peak_y + 1, peak_x + 1
    slope = np.array([log[y, x + 1] - log[y, x - 1], log[y + 1, x] - log[y - 1, x]]) / 2
    xx = log[y, x + 1] - 2 * log[y, x] + log[y, x - 1]
    yy = log[y + 1, x] - 2 * log[y, x] + log[y - 1, x]
    xy = log[y + 1, x + 1] - log[y, x + 1] - log[y + 1, x] + 2 * log[y, x]
    xy = (xy - log[y, x - 1] - log[y - 1, x] + log[y - 1, x - 1]) / 2
    step = -np.linalg.solve(np.array([[xx, xy], [xy, yy]]) + np.finfo(np.float32).eps * np.eye(2), slope)
    return np.array([peak_x, peak_y]) + (step if np.abs(step).max() <= FARTHEST_STEP else 0)


def noisy_maps(scale):
    random = np.random.RandomState(3)
    xy = np.concatenate([random.uniform(-2, 50, (40, 2)), [[0, 0], [23, 0], [0, 31], [23, 31]]])
    maps = encode(xy, np.ones(44), (24, 32))[0] + random.normal(0, 0.01, (44, 32, 24))
    return (scale * maps).astype(np.float32)


def test_dark_of_nobody():
    xy, score = decode_dark(np.zeros((0, 17, 64, 48), np.float32))
    assert xy.shape == (0, 17, 2) and score.shape == (0, 17)


@pytest.mark.parametrize("kernel", [11, 17])
@pytest.mark.parametrize("scale", [1, 0.05, 1e-3, 100])  # faint and high peaks reach the limits of the logarithm
def test_dark_is_the_slow_one_on_the_whole_map(scale, kernel):
    maps = noisy_maps(scale)
    xy, score = decode_dark(maps[None], kernel)
    expected = np.array([slow_dark(heatmap, kernel) for heatmap in maps])
    assert np.abs(xy[0] - expected).max() < 2e-3
    assert np.allclose(score[0], np.clip(maps.max((1, 2)), 0, 1))


def test_dark_finds_what_encode_made():
    """A blurred Gaussian is one, and the logarithm of a Gaussian is a parabola: one step leads to its top."""
    xy = np.random.RandomState(0).uniform(8, 40, (17, 2))
    heatmaps, _ = encode(xy, np.ones(17), (48, 64))
    assert np.abs(decode_dark(heatmaps[None])[0][0] - xy).max() < 0.02
    assert np.abs(decode(heatmaps[None])[0][0] - xy).max() > 0.15


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (3, 3)])
@pytest.mark.parametrize("value", [-1.0, 0.0, 1e-30, 0.5, 3e38])
def test_dark_of_flat_and_small_maps_is_finite(size, value):
    xy, score = decode_dark(np.full((1, 1) + size, value, np.float32))
    assert np.isfinite(xy).all() and score[0, 0] == np.clip(np.float32(value), 0, 1)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_dark_of_a_map_that_is_not_finite(bad):
    maps = noisy_maps(1)[None]
    expected = decode_dark(maps)
    maps[0, 3, 5, 6] = bad
    xy, score = decode_dark(maps)
    assert np.isfinite(xy).all() and np.isfinite(score).all()
    assert bad == -np.inf or (xy[0, 3].tolist() == [0, 0] and score[0, 3] == 0)
    assert (np.delete(xy, 3, 1) == np.delete(expected[0], 3, 1)).all()


def test_merge_flip_of_nobody():
    nobody = np.zeros((0, 17, 4, 5), np.float32)
    assert merge_flip(nobody, nobody, get_skeleton("coco17").flip_index, 0.75).shape == nobody.shape


@pytest.mark.parametrize("shift", [-6, -0.75, -1, 0, 0.25, 1, 1.5, 4])
def test_merge_flip_shifts_by_parts_of_a_pixel(shift):
    flip_index = get_skeleton("coco17").flip_index
    heatmaps, flipped = np.random.RandomState(3).rand(2, 2, 17, 4, 5)
    back = flipped[:, flip_index, :, ::-1]
    expected = np.zeros_like(heatmaps)
    for n in range(2):
        for k in range(17):
            for y in range(4):
                moved = np.interp(np.arange(5) - shift, np.arange(5), back[n, k, y])  # repeats the rim
                expected[n, k, y] = (heatmaps[n, k, y] + moved) / 2
    assert np.allclose(merge_flip(heatmaps, flipped, flip_index, shift), expected)


def test_merge_flip_by_one_pixel_is_the_slow_loop():
    flip_index = get_skeleton("coco17").flip_index
    random = np.random.RandomState(3)
    heatmaps, flipped = random.rand(2, 2, 17, 4, 5)
    expected = np.zeros_like(heatmaps)
    for n in range(2):
        for k in range(17):
            for y in range(4):
                for x in range(5):
                    source = x - 1 if x else 0  # the shift by one pixel, as HRNet's SHIFT_HEATMAP
                    expected[n, k, y, x] = (heatmaps[n, k, y, x] + flipped[n, flip_index[k], y, 4 - source]) / 2
    assert np.allclose(merge_flip(heatmaps, flipped, flip_index, 1), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_maps_that_are_turned_back_keep_their_type(dtype):
    maps = np.zeros((17, 4, 5), dtype)
    assert all(turn_back(maps, get_skeleton("coco17").flip_index, shift).dtype == dtype for shift in (0.75, 1))


@pytest.mark.parametrize(
    "input_px, map_px, pitch, shift",
    [
        (192, 48, 4, 3 / 4),
        (256, 64, 4, 3 / 4),
        (192, 96, 2, 1 / 2),
        (192, 24, 8, 7 / 8),
        (192, 192, 1, 0),
        (190, 48, 4, 1 / 4),  # rounded up
        (190, 47, 4, 5 / 4),  # rounded down
        (192, 48, 191 / 47, 0),  # corner pixels are the same points
        (192, 384, 1 / 2, -1),  # SimCC: two bins for each pixel
    ],
)
def test_mirrored_maps_come_back_to_the_joints(input_px, map_px, pitch, shift):
    """Joints on parts of a pixel, too; the mean of two pixels is a little lower than the peak between them."""
    assert np.isclose(mirror_shift(input_px, map_px, pitch), shift)
    x = np.linspace(0.3, 0.7, 17) * input_px
    y = np.full(17, 5.0)
    flip_index = get_skeleton("coco17").flip_index
    straight, mirrored = (
        encode(np.stack([at / pitch, y], 1), np.ones(17), (map_px, 11))[0] for at in (x, input_px - 1 - x[flip_index])
    )
    back = turn_back(mirrored, flip_index, mirror_shift(input_px, map_px, pitch))
    assert np.abs(back - straight).max() < 0.05
    columns = np.arange(map_px)
    centres = [(maps.sum(1) * columns).sum(1) / maps.sum((1, 2)) for maps in (straight, back)]
    assert np.allclose(*centres, atol=0.01)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("place", [(0, 0), (2, 3), (3, 4)])
def test_a_map_that_is_not_finite_has_no_peak(bad, place):
    heatmaps = np.random.RandomState(0).rand(2, 3, 4, 5).astype(np.float32)
    expected_xy, expected_score = decode(heatmaps)
    heatmaps[(1, 2) + place] = bad
    xy, score = decode(heatmaps)
    assert xy[1, 2].tolist() == [0, 0] and score[1, 2] == 0
    xy[1, 2], score[1, 2] = expected_xy[1, 2], expected_score[1, 2]
    assert (xy == expected_xy).all() and (score == expected_score).all()
