"""Check views.py: labels stay on what they label, whoever is put in front of whom."""

import cv2
import numpy as np
import pytest

pytest.importorskip("pycocotools", reason="training needs pycocotools")

from pose_estimation_ros.core.skeleton import get_skeleton  # noqa: E402
from pose_estimation_ros.training.data.scenes import Scene  # noqa: E402
from pose_estimation_ros.training.data.views import (  # noqa: E402
    MARGIN,
    View,
    can_be_pasted,
    cut_out,
    join_views,
    paste,
    paste_person,
    random_place,
)
from pose_estimation_ros.training.recipe import Augmentation  # noqa: E402

FLIP = get_skeleton("coco17").flip_index
COLORS = np.array([[15 * k, 255 - 15 * k, 255 * (k % 2)] for k in range(17)], float)  # RGB of joints
NOBODY = np.zeros((0, 17, 2))
STILL = Augmentation(flip=0, rotation_deg=0, color=0)


def view_of(xy, size_wh=(60, 40), level=0.0):
    """A view of one level whose people have joints xy (P, K, 2), all visible, and boxes around them."""
    xy = np.asarray(xy, float)
    low, high = xy.min(1, initial=np.inf), xy.max(1, initial=-np.inf)
    corners = np.stack([low, np.stack([high[:, 0], low[:, 1]], 1), high, np.stack([low[:, 0], high[:, 1]], 1)], 1)
    people = np.ones(xy.shape[:2]), np.zeros(xy.shape[:2], bool), corners
    return View(np.full((3, *size_wh[::-1]), level, np.float32), xy, *people, np.zeros(size_wh[::-1], np.uint8))


def photograph(seed=0, size_wh=(96, 128)):
    """A photograph of 17 dots, each in its joint's colour, and its scene."""
    rng = np.random.default_rng(seed)
    places = np.array([(x, y) for y in range(16, 116, 12) for x in range(16, 84, 12)])
    xy = places[rng.permutation(len(places))[:17]]
    frame = np.full((*size_wh[::-1], 3), 90, np.uint8)
    for (x, y), color in zip(xy.tolist(), COLORS.tolist()):
        cv2.circle(frame, (x, y), 4, color[::-1], -1)
    keypoints = np.concatenate([xy, np.full((17, 1), 2)], 1)[None].astype(np.float32)
    (x1, y1), (x2, y2) = xy.min(0), xy.max(0)
    corners = np.array([[[x1, y1], [x2, y1], [x2, y2], [x1, y2]]], np.float32)
    return frame, Scene("1.png", keypoints, {}, corners, np.zeros((1, 17), bool), np.ones((1, 17), np.float32))


def test_nobody_in_front_of_nobody():
    view = paste(view_of(NOBODY), view_of(NOBODY, (10, 10), 9.0), np.ones((10, 10), np.float32), np.array([5, 6]))
    assert view.xy.shape == (0, 17, 2) and view.unknown.shape == (0, 17)
    assert view.image.sum() == 3 * 9 * 100 and (view.image[:, 6:16, 5:15] == 9).all()


@pytest.mark.parametrize(
    "joints, peak",
    [
        ([(2, 2), (3, 3)], [1, 1]),  # beside
        ([(2, 2), (25, 15)], [1, 0]),
        ([(-3, 2), (25, 15)], [1, 0]),  # the first is outside the picture
        ([(25, 15), (26, 16)], None),  # nothing is left of this one
        ([(25, 15), (35, 15)], [0, 1]),  # behind the soft part
    ],
)
def test_joints_behind_somebody_are_not_known(joints, peak):
    share = np.ones((20, 20), np.float32)
    share[:, 12:] = 0.4
    view = paste(view_of([joints]), view_of([[(3, 3), (15, 3)]], (20, 20)), share, np.array([20, 10]))
    assert view.xy[-1].tolist() == [[23, 13], [35, 13]]
    assert view.peak[-1].tolist() == [1, 0]  # its own second joint is hardly seen
    assert view.corners[-1].min(0).tolist() == [23, 13]
    assert (view.unknown == (view.peak == 0)).all()
    assert len(view.xy) == (1 if peak is None else 2) and (peak is None or view.peak[0].tolist() == peak)


def test_what_is_masked_behind_is_hidden_too():
    behind, front = view_of(NOBODY), view_of(NOBODY, (20, 20))
    behind.ignored[:] = 1
    front.ignored[5:10, 5:10] = 1
    share = np.zeros((20, 20), np.float32)
    share[:, :15] = 1
    expected = np.ones((40, 60))
    expected[10:30, 20:35] = 0
    expected[15:20, 25:30] = 1
    np.testing.assert_array_equal(paste(behind, front, share, np.array([20, 10])).ignored, expected)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("turned", [False, True])
def test_labels_of_a_pasted_person_are_on_the_drawn_joints(seed, turned):
    frame, scene = photograph(seed)
    ranges = Augmentation(flip=0.5, rotation_deg=40 * turned, rotation_probability=1, color=0, pasted_px=[60, 160])
    view = view_of(NOBODY, (200, 160))
    view = paste_person(view, frame, scene, FLIP, ranges, np.random.default_rng(seed))
    inside = ((view.xy[0] >= 2) & (view.xy[0] < [198, 158])).all(1)
    assert (view.peak[0, inside] == 1).all() and inside.sum() > 3
    seen = np.array([view.image[:, y, x] for x, y in np.round(view.xy[0, inside]).astype(int)])
    as_is, mirrored = (np.abs(seen - COLORS[order][inside]).max() for order in (np.arange(17), FLIP))
    assert min(as_is, mirrored) < 40


def test_most_of_a_rectangle_is_not_pasted_with_its_person():
    frame, scene = photograph()
    line = np.stack([np.linspace(20, 76, 17), np.linspace(20, 108, 17)], 1)  # arms along the body, leaning
    scene = scene._replace(keypoints=np.concatenate([line, np.full((17, 1), 2)], 1)[None].astype(np.float32))
    view = paste_person(view_of(NOBODY, (200, 160), 255.0), frame, scene, FLIP, STILL, np.random.default_rng(1))
    changed = (view.image < 250).any(0)
    low, high = view.corners[0].min(0), view.corners[0].max(0)
    assert 0 < changed.sum() < 0.7 * np.prod(high - low)


@pytest.mark.parametrize("side", ["in the middle", "at the photograph's edge"])
def test_a_cut_is_soft_and_ends_at_the_margin(side):
    picture = np.zeros((100, 100), np.uint8)
    picture[:, 50 * (side != "in the middle") :] = 1
    joints, length = np.array([(52, 40), (52, 60), (70, 50)]), 60.0
    share = cut_out(joints, picture, length)
    y, x = np.mgrid[:100, :100]
    hull = cv2.convexHull(joints.astype(np.float32))
    away = np.array([-cv2.pointPolygonTest(hull, (float(a), float(b)), True) for a, b in zip(x.ravel(), y.ravel())])
    away = away.reshape(100, 100)
    assert share[50, 62] > 0.99 and (share[away > 1.8 * MARGIN * length] < 0.01).all()
    assert share[picture == 0].max(initial=0) < 0.1
    if side == "in the middle":
        assert (share[away < 0] > 0.9).all() and 0.3 < share[np.abs(away - MARGIN * length) < 0.5].mean() < 0.7
    assert np.abs(np.diff(share, axis=1)).max() < 0.4


@pytest.mark.parametrize("people", [0, 1])
def test_people_are_put_anywhere_or_beside_somebody_of_their_size(people):
    view = view_of([[(20, 10), (30, 30)]] if people else NOBODY, (200, 100))
    ranges, rng = Augmentation(pasted_px=[8, 128]), np.random.default_rng(0)
    drawn = [random_place(view, ranges, rng) for _ in range(1000)]
    centres, lengths = np.array([centre for centre, _ in drawn]), np.array([length for _, length in drawn])
    assert 8 <= lengths.min() < 9 and 120 < lengths.max() <= 128
    assert (centres >= 0).all() and np.ptp(centres, 0)[0] > 190
    beside = ((np.abs(centres - (25, 20)) <= (10, 6)).all(1) & (np.abs(np.log(lengths / 20)) <= 0.3)).mean()
    assert beside > 0.45 if people else beside < 0.05


@pytest.mark.parametrize(
    "people, joints, expected", [(0, 0, False), (1, 7, False), (1, 8, True), (1, 17, True), (2, 17, False)]
)
def test_who_can_be_pasted(people, joints, expected):
    keypoints = np.zeros((people, 17, 3), np.float32)
    keypoints[:, :joints, 2] = 2
    unknown, corners = np.zeros((people, 17), bool), np.zeros((people, 4, 2), np.float32)
    scene = Scene("1.png", keypoints, {}, corners, unknown, keypoints[..., 2])
    assert can_be_pasted(scene) == expected


def test_four_views_beside_each_other():
    """Each ends at its border: a joint beyond it is no label, and a box is cut."""
    sizes = [(20, 10), (40, 10), (20, 30), (40, 30)]
    views = [view_of([[(5, 5), (25, 5), (-2, 8)]], size, level) for level, size in enumerate(sizes)]
    views[3].ignored[:] = 1
    joined = join_views(views, (20, 10), (60, 40))
    assert [joined.image[0, y, x] for y, x in ((9, 19), (9, 20), (10, 19), (10, 20))] == [0, 1, 2, 3]
    assert joined.xy[:, 0].tolist() == [[5, 5], [25, 5], [5, 15], [25, 15]]
    assert joined.peak.tolist() == [[1, wide, 0] for wide in (0, 1, 0, 1)]
    assert joined.corners[:, :, 0].min(1).tolist() == [-0.5, 19.5, -0.5, 19.5]
    assert joined.corners[:, :, 0].max(1).tolist() == [19.5, 45, 19.5, 45]
    assert joined.ignored.sum() == 40 * 30 and joined.ignored[10:, 20:].all()
