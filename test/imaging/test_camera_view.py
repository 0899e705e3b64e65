"""Cut and turned images against np.rot90 and against pixels followed one by one."""

import numpy as np
import pytest

from pose_estimation_ros.core.errors import ConfigError, FrameError
from pose_estimation_ros.core.poses import empty_poses, make_poses
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.imaging.camera_view import View

ROTATIONS = [0, 90, 180, 270]
WIDTH, HEIGHT = 7, 5
REGIONS = [(0, 0, 0, 0), (2, 1, 4, 3), (3, 0, 0, 2), (0, 2, 100, 0), (6, 4, 1, 1), (5, 3, 3, 3)]


def numbered():
    """(5, 7, 3) with the pixel's own x and y in the first two channels."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack([x, y, 0 * x], -1).astype(np.uint8)


def at(frame, keypoints):
    """What the frame shows at the pixels (N, K, 2)."""
    x, y = np.moveaxis(keypoints.astype(int), -1, 0)
    return frame[y, x, :2]


@pytest.mark.parametrize("roi", REGIONS)
@pytest.mark.parametrize("rotation", ROTATIONS)
def test_every_pixel_goes_back_where_it_came_from(roi, rotation):
    view = View(roi, rotation)
    cut = view.cut(numbered())
    assert cut.shape[1::-1] == view.size_wh((WIDTH, HEIGHT))
    y, x = np.mgrid[: cut.shape[0], : cut.shape[1]]
    xy = np.stack([x, y], -1).reshape(1, -1, 2)
    poses = make_poses(xy, np.ones(xy.shape[:2]), np.zeros((1, 4)), np.ones(1))
    back = view.back(poses, (WIDTH, HEIGHT))
    assert back.xy.dtype == back.velocity.dtype == back.box_xyxy.dtype == np.float32
    np.testing.assert_array_equal(back.xy, at(cut, xy))


@pytest.mark.parametrize("rotation", ROTATIONS)
def test_turned_clockwise(rotation):
    frame = numbered()
    x, y, width, height = 2, 1, 4, 3
    expected = np.rot90(frame[y : y + height, x : x + width], -rotation // 90)
    cut = View((x, y, width, height), rotation).cut(frame)
    np.testing.assert_array_equal(cut, expected)
    assert cut.flags.c_contiguous == (rotation != 0) and np.shares_memory(cut, frame) == (rotation == 0)


def test_the_whole_image_is_passed_on():
    frame = numbered()
    cut = View().cut(frame)
    assert cut.shape == frame.shape and cut.flags.c_contiguous and np.shares_memory(cut, frame)


@pytest.mark.parametrize("rotation, velocity", [(0, (1, 2)), (90, (2, -1)), (180, (-1, -2)), (270, (-2, 1))])
def test_boxes_and_velocities(rotation, velocity):
    """A person of 7 x 5 px who moves by (1, 2) px/s in the upright image, at its upper left corner."""
    view = View((20, 10, 40, 30), rotation)
    poses = make_poses(np.zeros((1, 2, 2)), [[0.7, 0]], [[0, 0, 6, 4]], [0.9], [3])
    poses = poses.replace(velocity=np.full((1, 2, 2), (1, 2), np.float32))
    back = view.back(poses, (640, 480))
    corner = {0: (20, 10, 26, 14), 90: (20, 33, 24, 39), 180: (53, 35, 59, 39), 270: (55, 10, 59, 16)}[rotation]
    np.testing.assert_allclose(back.box_xyxy, [corner], atol=1e-5)
    np.testing.assert_allclose(back.velocity[0, 0], velocity, atol=1e-6)
    for name in ("score", "person_score", "track_id", "state"):
        np.testing.assert_array_equal(getattr(back, name), getattr(poses, name))
    np.testing.assert_allclose(view.boxes(back.box_xyxy, (640, 480)), poses.box_xyxy, atol=1e-5)
    assert view.boxes(back.box_xyxy, (640, 480)).dtype == np.float32


@pytest.mark.parametrize("rotation", ROTATIONS)
def test_nobody(rotation):
    view = View((1, 1, 3, 3), rotation)
    assert view.back(empty_poses(17), (9, 9)).xy.shape == (0, 17, 2)
    assert view.boxes(np.zeros((0, 4)), (9, 9)).shape == (0, 4)


@pytest.mark.parametrize("rotation", ROTATIONS)
def test_left_and_right_stay(rotation):
    """A person who faces the camera: left shoulder, right shoulder, down: always the same way round."""
    names = get_skeleton("coco17").keypoints
    index = [names.index(name) for name in ("left_shoulder", "right_shoulder", "right_hip")]
    xy = np.zeros((1, 17, 2))
    xy[0, index] = [(30, 10), (10, 10), (12, 40)]
    back = View((0, 0, 0, 0), rotation).back(make_poses(xy, np.ones((1, 17)), np.zeros((1, 4)), [1]), (100, 100))
    (a, b), (c, d) = np.diff(back.xy[0, index], axis=0)
    assert a * d - b * c == -20 * 30  # a mirrored person would have the other sign


def test_missing_keypoints_stay_missing():
    xy = np.array([[(0, 0), (np.nan, np.nan)]])
    back = View((5, 5, 20, 20), 90).back(make_poses(xy, np.zeros((1, 2)), np.zeros((1, 4)), [1]), (100, 100))
    assert (back.score == 0).all() and np.isnan(back.xy[0, 1]).all()


@pytest.mark.parametrize("roi", [(7, 0, 1, 1), (0, 5, 0, 0), (100, 100, 5, 5)])
def test_a_region_outside_the_frame(roi):
    with pytest.raises(FrameError, match="image of 7 x 5 px.*%d, %d, %d, %d" % roi) as caught:
        View(roi, 90).cut(numbered())
    assert caught.value.kind == "roi"


def test_the_frame_may_change_its_size():
    view = View((100, 50, 400, 300), 270)
    assert view.size_wh((640, 480)) == (300, 400) and view.size_wh((320, 240)) == (190, 220)
    assert view.cut(np.zeros((240, 320, 3), np.uint8)).shape == (220, 190, 3)


@pytest.mark.parametrize(
    "given, words",
    [
        (dict(rotation_deg=45), "0, 90, 180, 270 degrees, got 45"),
        (dict(rotation_deg=-90), "got -90"),
        (dict(rotation_deg=360), "got 360"),
        (dict(roi_xywh=(0, 0, 5)), "got .0, 0, 5."),
        (dict(roi_xywh=(-1, 0, 5, 5)), "got .-1, 0, 5, 5."),
        (dict(roi_xywh=(0, 0, 5.5, 5)), "5.5"),
    ],
)
def test_bad_settings(given, words):
    with pytest.raises(ConfigError, match=words):
        View(**given)
