"""What is nearer covers what is behind it, and a ball has the size that a pinhole camera sees."""

import numpy as np
import pytest

from pose_estimation_ros.datasets.toy.canvas import NOBODY, Canvas, Solid

RED, BLUE = np.array([200.0, 0, 0]), np.array([0.0, 0, 200])


def canvas():
    return Canvas(np.zeros((60, 80, 3)), 100.0, 30.0)


def ball(depth, radius=0.1, color=RED, x=0.0):
    at = np.array([x, 0.0, depth])
    return Solid(at, at, (radius, radius), color)


def test_nothing_is_drawn():
    empty = canvas()
    assert (empty.owner == NOBODY).all() and np.isinf(empty.depth).all() and not empty.color.any()


@pytest.mark.parametrize("depth", [1.0, 2.0])
def test_a_ball_has_the_size_of_its_distance(depth):
    drawn = canvas()
    drawn.draw(ball(depth), 3)
    assert (drawn.owner == 3).sum() == pytest.approx(np.pi * (100 * 0.1 / depth) ** 2, rel=0.06)
    assert drawn.depth.min() == pytest.approx(depth - 0.1, abs=0.01)
    rows, columns = np.nonzero(drawn.owner == 3)
    np.testing.assert_allclose([columns.mean(), rows.mean()], drawn.project(np.array([0, 0, depth])), atol=0.6)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_nearer_covers_in_any_order(order):
    solids, drawn = [ball(1.0), ball(2.0, 0.3, BLUE)], canvas()
    for owner in order:
        drawn.draw(solids[owner], owner)
    assert drawn.owner[30, 40] == 0 and drawn.color[30, 40, 0] > 0 == drawn.color[30, 40, 2]
    assert drawn.owner[30, 40 + 12] == 1


@pytest.mark.parametrize("x", [-9.0, 9.0, -0.42])
def test_what_is_outside_or_half_outside(x):
    drawn = canvas()
    drawn.draw(ball(1.0, x=x), 0)
    assert (drawn.owner == 0).any() == (x == -0.42)


def test_a_limb_becomes_thinner():
    drawn = canvas()
    drawn.draw(Solid(np.array([0.0, -0.2, 1]), np.array([0.0, 0.2, 1]), (0.1, 0.05), RED), 0)
    widths = (drawn.owner == 0).sum(1)
    assert widths[10] == pytest.approx(20, abs=2) and widths[50] == pytest.approx(10, abs=2)


@pytest.mark.parametrize(
    "left_top, pixels", [((0, 0), 200), ((-5, -4), 90), ((75, 55), 25), ((80, 0), 0), ((-30, 0), 0), ((0, -20), 0)]
)
def test_cards_are_cut_at_the_border_and_cover_only_what_is_behind(left_top, pixels):
    drawn = canvas()
    drawn.draw_card(left_top, 2.0, np.full((10, 20, 3), 50.0))
    assert (drawn.color == 50).all(-1).sum() == pixels
    drawn.draw_card((0, 0), 3.0, np.full((60, 80, 3), 90.0))
    assert (drawn.color == 50).all(-1).sum() == pixels
    drawn.draw_card((0, 0), 1.0, np.full((60, 80, 3), 90.0))
    assert (drawn.color == 90).all()
