import numpy as np
import pytest

from pose_estimation_ros.imaging.paint import Paint, ink_of, text_size, write

RED, GREEN = (20, 30, 240), (40, 200, 60)
ALL = np.array([0, 0, 40, 30])


def ramp():
    """Return an image (30, 40, 3) that has every level of grey."""
    return np.repeat(np.arange(1200, dtype=np.uint16).reshape(30, 40) % 256, 3).astype(np.uint8).reshape(30, 40, 3)


def inks(color, opacity=1.0, count=1):
    return ink_of(np.tile(color, (count, 1)), np.full(count, opacity))


def px(*values):
    return np.array(values, float)


def test_without_paint_nothing_changes():
    image = ramp()
    Paint(image, ALL).mix()
    assert (image == ramp()).all()


@pytest.mark.parametrize("opacity", [0.0, 0.3, 0.5, 1.0])
def test_the_opacity_mixes_colour_and_image_by_the_slow_way(opacity):
    image = ramp()
    paint = Paint(image, ALL)
    paint.plate(np.array([4, 5, 30, 20]), ink_of(RED, opacity))
    paint.mix()
    for x, y in [(4, 5), (29, 19), (12, 9)]:
        expected = [(1 - opacity) * below + opacity * color for below, color in zip(ramp()[y, x], RED)]
        assert np.abs(image[y, x] - expected).max() <= 1.01
    changed = (image != ramp()).any(-1)
    assert not changed[:5].any() and not changed[20:].any() and not changed[:, :4].any() and not changed[:, 30:].any()


def test_edges_lie_between_colour_and_image():
    """A thin slanted line on white: no channel is darker than the line's colour, or brighter than white."""
    image = np.full((30, 40, 3), 255, np.uint8)
    paint = Paint(image, ALL)
    paint.lines(np.array([[[3.3, 4.1], [33.7, 22.2]]]), inks(RED), px(1))
    paint.mix()
    assert (image >= np.array(RED) - 1).all() and (image < 255).any()


def test_what_is_painted_later_replaces_what_lies_below():
    image = ramp()
    paint = Paint(image, ALL)
    paint.plate(np.array([4, 4, 20, 20]), ink_of(RED, 1.0))
    paint.discs(np.array([[12, 12]]), inks(GREEN), px(4))
    paint.mix()
    assert tuple(image[12, 12]) == GREEN and tuple(image[5, 5]) == RED


@pytest.mark.parametrize("radius, area", [(0, 1), (0.9, 1), (1, 7), (2.5, 19.6), (3.5, 38.5), (8, 201)])
def test_the_area_of_a_disc(radius, area):
    image = np.zeros((30, 40, 3), np.uint8)
    paint = Paint(image, ALL)
    paint.discs(np.array([[20.3, 14.8]]), inks((255, 255, 255)), px(radius))
    paint.mix()
    assert image[..., 0].sum() / 255 == pytest.approx(area, rel=0.25)
    assert tuple(image[15, 20]) == (255, 255, 255)


@pytest.mark.parametrize("x", [10.0, 10.25, 10.5, 10.75])
def test_lines_lie_at_fractions_of_a_pixel(x):
    image = np.zeros((30, 40, 3), np.uint8)
    paint = Paint(image, ALL)
    paint.lines(np.array([[[x, 5], [x, 25]]]), inks((255, 255, 255)), px(3))
    paint.mix()
    weight = image[15, :, 0].astype(float)
    assert (weight * np.arange(40)).sum() / weight.sum() == pytest.approx(x, abs=0.2)


@pytest.mark.parametrize("width, seen", [(0.5, 1.35), (1, 1.35), (2, 2.1), (2.7, 2.7), (4, 4), (7.5, 7.5)])
@pytest.mark.parametrize("slope", [0.0, 0.4, 1.0])
def test_the_width_of_a_line(width, seen, slope):
    """The paint in a row is the width over the cosine of the slant."""
    image = np.zeros((30, 60, 3), np.uint8)
    paint = Paint(image, np.array([0, 0, 60, 30]))
    paint.lines(np.array([[[15, 2], [15 + 26 * slope, 28]]]), inks((255, 255, 255)), px(width))
    paint.mix()
    assert image[15, :, 0].sum() / 255 / np.hypot(1, slope) == pytest.approx(seen, abs=0.35)


@pytest.mark.parametrize("area", [(-30, -30, -10, -10), (500, 500, 600, 600), (-1e6, -1e6, 1e6, 1e6), (5, 5, 5, 5)])
def test_areas_anywhere_are_no_error(area):
    image = ramp()
    paint = Paint(image, np.array(area, float))
    ends = np.array([area], float).reshape(1, 2, 2)
    paint.lines(ends, inks(RED), px(2))
    paint.discs(ends[0], inks(RED, count=2), px(0, 5))
    paint.mix()
    assert image.shape == (30, 40, 3)


@pytest.mark.parametrize("scale", [0.4, 1.1])
def test_a_text_lies_within_its_size(scale):
    image = np.zeros((80, 200, 3), np.uint8)
    write(image, "#48 lost", np.array([20, 50]), (255, 255, 255), scale)
    width, height, below = text_size("#48 lost", scale)
    rows, columns = np.nonzero(image.any(-1))
    assert 18 <= columns.min() < columns.max() <= 22 + width
    assert 48 - height <= rows.min() < rows.max() <= 52 + below
