import numpy as np
import pytest

from pose_estimation_ros.core.colors import (
    LEFT,
    MIDDLE,
    RIGHT,
    TRACK_COLORS,
    crowding,
    opacity,
    side_colors,
    spacing,
    track_color,
)
from pose_estimation_ros.core.poses import UNTRACKED
from pose_estimation_ros.core.skeleton import get_skeleton


@pytest.mark.parametrize("name", ["coco17", "crowdpose14", "mpii16"])
def test_every_keypoint_has_the_colour_of_its_side(name):
    keypoints = get_skeleton(name).keypoints
    expected = [LEFT if "left_" in k else RIGHT if "right_" in k else MIDDLE for k in keypoints]
    assert side_colors(get_skeleton(name)) == expected


def test_sides_that_names_do_not_tell():
    colors = dict(zip(get_skeleton("wholebody133").keypoints, side_colors(get_skeleton("wholebody133"))))
    assert [colors["face-%d" % k] for k in (16, 0, 8)] == [LEFT, RIGHT, MIDDLE]  # ends of the jaw, and the chin


def test_colours_of_tracks_repeat_only_after_all_others():
    colors = [track_color(track_id) for track_id in range(2 * len(TRACK_COLORS))]
    assert len(set(colors)) == len(TRACK_COLORS) and colors[: len(TRACK_COLORS)] == list(TRACK_COLORS)
    assert track_color(UNTRACKED) == TRACK_COLORS[0]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_fewer_than_three_keypoints_have_all_the_room(count):
    points = np.zeros((3, 2))
    visible = np.arange(3) < count
    assert np.isinf(spacing(points, visible)).all() and crowding(points, visible, 8) == 1


@pytest.mark.parametrize("dimensions", [2, 3])
def test_room_is_the_distance_to_the_second_nearest_by_the_slow_way(dimensions):
    dice = np.random.RandomState(0)
    points, visible = dice.randn(30, dimensions), dice.rand(30) < 0.7
    points[~visible] = np.nan
    for k, room in enumerate(spacing(points, visible)):
        away = sorted(np.linalg.norm(points[k] - points[other]) for other in np.flatnonzero(visible) if other != k)
        assert room == pytest.approx(away[1] if visible[k] else np.inf)


@pytest.mark.parametrize("step, factor", [(100, 1), (4, 0.35), (0, 0.1)])
def test_marks_shrink_where_keypoints_are_dense(step, factor):
    """On the corners of a square the second nearest is as far away as the nearest."""
    square = step * np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    assert crowding(square, np.ones(4, bool), 8) == pytest.approx(factor)


@pytest.mark.parametrize("score, expected", [(0, 0.3), (0.5, 0.65), (1, 1), (9, 1), (-1, 0.3), (np.inf, 1)])
def test_joints_of_a_low_score_are_faint_and_still_seen(score, expected):
    assert opacity(np.array([score])) == pytest.approx(expected)
