import numpy as np
import pytest

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.skeleton import SKELETONS, convert, get_skeleton

# cocodataset.org's list and pycocotools' sigmas, copied from there.
COCO_NAMES = (
    "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow left_wrist "
    "right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle"
).split()
COCO_SIGMAS = [0.26, 0.25, 0.25, 0.35, 0.35, 0.79, 0.79, 0.72, 0.72, 0.62, 0.62, 1.07, 1.07, 0.87, 0.87, 0.89, 0.89]


def test_coco_is_cocos():
    coco = get_skeleton("coco17")
    assert list(coco.keypoints) == COCO_NAMES
    assert np.allclose(np.array(coco.sigmas) * 10, COCO_SIGMAS)


@pytest.mark.parametrize(
    "name, expected",
    [
        ("coco17", {0: "nose", 5: "left_shoulder", 16: "right_ankle"}),
        ("crowdpose14", {0: "left_shoulder", 7: "right_hip", 12: "head_top", 13: "neck"}),
        ("mpii16", {0: "right_ankle", 6: "pelvis", 7: "thorax", 8: "neck", 9: "head_top", 15: "left_wrist"}),
        ("openpose18", {1: "neck", 14: "right_eye", 15: "left_eye", 16: "right_ear", 17: "left_ear"}),
        ("hri18", {1: "neck", 2: "right_shoulder", 14: "left_eye", 15: "right_eye", 16: "left_ear", 17: "right_ear"}),
    ],
)
def test_order_is_the_one_published(name, expected):
    keypoints = get_skeleton(name).keypoints
    assert {index: keypoints[index] for index in expected} == expected


def test_crowdpose_sigmas_are_those_of_its_api():
    api = [0.79, 0.79, 0.72, 0.72, 0.62, 0.62, 1.07, 1.07, 0.87, 0.87, 0.89, 0.89, 0.79, 0.79]
    assert np.allclose(np.array(get_skeleton("crowdpose14").sigmas) * 10, api)


@pytest.mark.parametrize("name", sorted(SKELETONS))
class TestEverySkeleton:
    def test_lengths_and_indices_fit(self, name):
        skeleton = get_skeleton(name)
        count = skeleton.num_keypoints
        assert name.endswith(str(count)) and len(set(skeleton.keypoints)) == count == len(skeleton.sigmas)
        assert all(0 <= a < count and 0 <= b < count and a != b for a, b in skeleton.links)
        assert len({frozenset(link) for link in skeleton.links}) == len(skeleton.links)
        assert {end for link in skeleton.links for end in link} == set(range(count))

    def test_flip_pairs_join_left_and_right(self, name):
        skeleton = get_skeleton(name)
        for left, right in skeleton.flip_pairs:
            assert skeleton.keypoints[left].replace("left_", "") == skeleton.keypoints[right].replace("right_", "")
        sided = [n for n in skeleton.keypoints if n.startswith(("left_", "right_"))]
        assert 2 * len(skeleton.flip_pairs) == len(sided)

    def test_flip_twice_is_no_flip(self, name):
        index = get_skeleton(name).flip_index
        assert (index[index] == np.arange(len(index))).all() and (index != np.arange(len(index))).any()

    def test_convert_to_itself_changes_nothing(self, name):
        skeleton = get_skeleton(name)
        xy = np.random.RandomState(0).rand(2, skeleton.num_keypoints, 2).astype(np.float32)
        score = np.full((2, skeleton.num_keypoints), 0.5, np.float32)
        new_xy, new_score = convert(xy, score, skeleton, skeleton)
        assert (new_xy == xy).all() and (new_score == score).all()


def test_unknown_name_says_which_there_are():
    with pytest.raises(ConfigError, match="coco17.*hri18.*'coco'"):
        get_skeleton("coco")


def numbered(skeleton):
    """One person whose keypoint k is at (k, 10 k) with score (k + 1) / 100."""
    k = np.arange(skeleton.num_keypoints, dtype=np.float32)
    return np.stack([k, 10 * k], -1)[None], (k + 1)[None] / 100


def test_convert_of_nobody_is_nobody():
    coco, hri = get_skeleton("coco17"), get_skeleton("hri18")
    xy, score = convert(np.zeros((0, 17, 2)), np.zeros((0, 17)), coco, hri)
    assert xy.shape == (0, 18, 2) and score.shape == (0, 18)


# Written out by hand: COCO index of each keypoint of the target (PEERS: hri_msgs swaps OpenPose's eyes and ears).
BODY = [0, None, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15]


@pytest.mark.parametrize("target, order", [("openpose18", BODY + [2, 1, 4, 3]), ("hri18", BODY + [1, 2, 3, 4])])
def test_coco_to_openpose_and_hri_order(target, order):
    xy, score = convert(*numbered(get_skeleton("coco17")), get_skeleton("coco17"), get_skeleton(target))
    same = [k for k in range(18) if k != 1]
    assert xy[0, same, 0].tolist() == [order[k] for k in same]
    assert np.allclose(score[0, same], [(order[k] + 1) / 100 for k in same])
    assert xy[0, 1].tolist() == [5.5, 55] and np.isclose(score[0, 1], 0.06)  # mid-shoulders, the lower score


def test_a_midpoint_needs_both_of_its_ends():
    coco = get_skeleton("coco17")
    xy, score = numbered(coco)
    score[0, 5] = 0
    new_xy, new_score = convert(xy, score, coco, get_skeleton("hri18"))
    assert new_score[0, 1] == 0 and new_xy[0, 1].tolist() == [0, 0]


def test_what_the_source_lacks_has_score_zero_at_the_origin():
    xy, score = convert(*numbered(get_skeleton("mpii16")), get_skeleton("mpii16"), get_skeleton("coco17"))
    assert (score[0, :5] == 0).all() and (xy[0, :5] == 0).all()
    assert xy[0, 5:, 0].tolist() == [13, 12, 14, 11, 15, 10, 3, 2, 4, 1, 5, 0]
