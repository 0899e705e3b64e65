import numpy as np
import pytest

from pose_estimation_ros.core.poses import empty_poses, make_poses
from pose_estimation_ros.core.skeleton import SKELETONS, get_skeleton
from pose_estimation_ros.imaging.appearance import LENGTH, appearance, trunk_keypoints, trunks

COCO = get_skeleton("coco17")
RED, BLUE, GREEN, GREY = (40, 40, 200), (200, 60, 40), (40, 180, 60), (110, 110, 110)


def people(*boxes, skeleton=COCO, score=0.0):
    """People in boxes, whose keypoints all lie in the middle."""
    box = np.array(boxes, float).reshape(-1, 4)
    middle = (box[:, None, :2] + box[:, None, 2:]) / 2
    keypoints = skeleton.num_keypoints if skeleton else 17
    xy = np.repeat(middle, keypoints, 1)
    return make_poses(xy, np.full(xy.shape[:2], score), box, np.ones(len(box)), skeleton=skeleton)


def scene(*places, brightness=1.0):
    """A grey image with figures of 40x120 px at (x, y): trunk and legs in two colours."""
    frame = np.full((300, 600, 3), GREY, np.float64)
    for x, y, upper, lower in places:
        frame[y : y + 60, x : x + 40] = upper
        frame[y + 60 : y + 120, x : x + 40] = lower
    return (brightness * frame).clip(0, 255).astype(np.uint8)


def box(x, y):
    return [x, y, x + 40, y + 120]


def alike(one, other):
    return float((np.sqrt(one) * np.sqrt(other)).sum())


def test_nobody():
    assert appearance(scene(), empty_poses(17, COCO)).shape == (0, LENGTH)


def test_the_same_clothes_are_alike_wherever_and_others_are_not():
    frame = scene((20, 20, RED, BLUE), (200, 100, RED, BLUE), (300, 20, BLUE, RED), (400, 100, GREEN, BLUE))
    looks = appearance(frame, people(box(20, 20), box(200, 100), box(300, 20), box(400, 100)))
    assert looks.dtype == np.float32 and looks.sum(1) == pytest.approx(np.ones(4), abs=1e-5)
    assert alike(looks[0], looks[1]) > 0.95
    assert alike(looks[0], looks[2]) < 0.2, "trunk and legs are told apart"
    assert 0.4 < alike(looks[0], looks[3]) < 0.7, "half of the clothes are the same"


@pytest.mark.parametrize("brightness", [0.5, 0.8, 1.25])
def test_a_lamp_changes_little(brightness):
    there = people(box(20, 20))
    before = appearance(scene((20, 20, RED, BLUE)), there)[0]
    assert alike(before, appearance(scene((20, 20, RED, BLUE), brightness=brightness), there)[0]) > 0.6


@pytest.mark.parametrize(
    "where", [[700, 20, 740, 140], [-100, 0, -50, 100], [5, 5, 5, 5], [5, 5, 8, 14], [0, 0, 0, 0], [9, 9, 2, 2]]
)
def test_who_is_outside_or_tiny_has_no_look(where):
    assert np.isnan(appearance(scene(), people(where))).all()


@pytest.mark.parametrize(
    "where", [[-50, -50, 80, 120], [0, 0, 600, 300], [-600, -300, 1200, 900], [560, 250, 640, 400]]
)
def test_who_is_partly_outside_or_fills_the_image_has_one(where):
    assert appearance(scene(), people(where)).sum() == pytest.approx(1, abs=1e-5)


def test_who_stands_behind_another_has_no_look():
    """The box that ends lower is nearer. Side by side both have looks."""
    frame = scene((20, 20, RED, BLUE))
    hidden = [np.isnan(appearance(frame, people(box(20, 20), box(20 + x, 30)))).all(1).tolist() for x in (0, 10, 35)]
    assert hidden == [[True, False], [True, False], [False, False]]


def test_the_trunk_is_where_shoulders_and_hips_are():
    one = people([0, 0, 100, 200])
    np.testing.assert_allclose(trunks(one), [[30, 30, 70, 100]], atol=1e-4)
    xy, score = one.xy.copy(), one.score.copy()
    xy[0, [5, 6, 11, 12]] = [[70, 40], [20, 42], [60, 110], [30, 112]]
    score[0, [5, 6, 11, 12]] = 0.5
    np.testing.assert_allclose(trunks(one.replace(xy=xy, score=score)), [[20, 40, 70, 112]], atol=1e-4)
    score[0, 12] = 0
    np.testing.assert_allclose(trunks(one.replace(xy=xy, score=score)), [[30, 30, 70, 100]], atol=1e-4)


@pytest.mark.parametrize("name", sorted(SKELETONS))
def test_any_skeleton_has_a_look(name):
    skeleton = SKELETONS[name]
    assert len(trunk_keypoints(skeleton)) in (0, 4)
    assert np.isfinite(appearance(scene(), people([20, 20, 60, 140], skeleton=skeleton, score=0.9))).all()


def test_trunk_keypoints_by_hand():
    assert sorted(trunk_keypoints(COCO)) == [5, 6, 11, 12]
    assert trunk_keypoints(None) == [] and trunk_keypoints(SKELETONS["hand21"]) == []
