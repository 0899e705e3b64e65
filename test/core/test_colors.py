import pytest

from pose_estimation_ros.core.colors import LEFT, MIDDLE, RIGHT, TRACK_COLORS, side_colors, track_color
from pose_estimation_ros.core.poses import UNTRACKED
from pose_estimation_ros.core.skeleton import get_skeleton


@pytest.mark.parametrize("name", ["coco17", "crowdpose14", "mpii16"])
def test_every_keypoint_has_the_colour_of_its_side(name):
    keypoints = get_skeleton(name).keypoints
    expected = [LEFT if "left_" in k else RIGHT if "right_" in k else MIDDLE for k in keypoints]
    assert side_colors(get_skeleton(name)) == expected


def test_colours_of_tracks_repeat_only_after_all_others():
    colors = [track_color(track_id) for track_id in range(2 * len(TRACK_COLORS))]
    assert len(set(colors)) == len(TRACK_COLORS) and colors[: len(TRACK_COLORS)] == list(TRACK_COLORS)
    assert track_color(UNTRACKED) == TRACK_COLORS[0]
