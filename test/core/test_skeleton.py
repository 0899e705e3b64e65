import json

import numpy as np
import pytest

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.skeleton import (
    SKELETONS,
    UNKNOWN_SIGMA,
    Skeleton,
    convert,
    find_flip_pairs,
    get_skeleton,
    skeleton_from_json,
)

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
        assert name.endswith((str(count), "ap10k")) and len(set(skeleton.keypoints)) == count == len(skeleton.sigmas)
        assert all(0 <= a < count and 0 <= b < count and a != b for a, b in skeleton.links)
        assert len({frozenset(link) for link in skeleton.links}) == len(skeleton.links)
        linked = {skeleton.keypoints[end] for link in skeleton.links for end in link}
        assert {
            n for n in set(skeleton.keypoints) - linked if not n.startswith(("face", "left_hand", "right_hand"))
        } == set()

    def test_flip_pairs_join_left_and_right(self, name):
        skeleton = get_skeleton(name)
        named = [(skeleton.keypoints[left], skeleton.keypoints[right]) for left, right in skeleton.flip_pairs]
        for left, right in named:
            assert left.startswith("face-") or left.replace("left_", "right_").replace("L_", "R_") == right
        sided = [n for n in skeleton.keypoints if n.startswith(("left_", "right_", "L_", "R_"))]
        assert 2 * len([left for left, _ in named if not left.startswith("face-")]) == len(sided)

    def test_flip_twice_is_no_flip(self, name):
        index = get_skeleton(name).flip_index
        assert (index[index] == np.arange(len(index))).all()
        assert (index != np.arange(len(index))).sum() == 2 * len(get_skeleton(name).flip_pairs)

    def test_json_and_back_changes_nothing(self, name):
        skeleton = get_skeleton(name)
        assert skeleton_from_json(json.loads(json.dumps(skeleton.to_json()))) == skeleton == skeleton_from_json(name)

    def test_convert_to_itself_changes_nothing(self, name):
        skeleton = get_skeleton(name)
        xy = np.random.RandomState(0).rand(2, skeleton.num_keypoints, 2).astype(np.float32)
        score = np.full((2, skeleton.num_keypoints), 0.5, np.float32)
        new_xy, new_score = convert(xy, score, skeleton, skeleton)
        assert (new_xy == xy).all() and (new_score == score).all()


@pytest.mark.parametrize(
    "name, links, flip_pairs",
    [("halpe26", 27, 11), ("wholebody133", 65, 61), ("hand21", 20, 0), ("ap10k", 17, 7)],  # as MMPose counts them
)
def test_the_large_skeletons_have_the_counts_of_their_sets(name, links, flip_pairs):
    assert (len(SKELETONS[name].links), len(SKELETONS[name].flip_pairs)) == (links, flip_pairs)


def test_body_joints_of_larger_skeletons_are_those_of_coco():
    for name in ("halpe26", "wholebody133"):
        skeleton, coco = get_skeleton(name), get_skeleton("coco17")
        assert skeleton.keypoints[:17] == coco.keypoints and skeleton.sigmas[:17] == coco.sigmas


@pytest.mark.parametrize(
    "names, pairs",
    [
        ([], ()),
        (["wrist", "left"], ()),
        (["nose", "left_eye", "right_eye"], ((1, 2),)),
        (["R_Eye", "L_Eye", "Root of tail"], ((1, 0),)),
        (["eye_r", "eye_l"], ((1, 0),)),
        (["Left Eye", "RightEye", "right eye"], ((0, 2),)),
        (["LeftEye", "RightEye"], ((0, 1),)),
        (["left_eye", "right_ear"], ()),
        (["l1", "r1"], ()),
    ],
)
def test_flip_pairs_are_found_by_the_words_of_the_names(names, pairs):
    assert find_flip_pairs(names) == pairs


TOY = {"name": "toy", "keypoints": ["tip", "left_end", "right_end"], "links": [[0, 1], [0, 2]]}


def test_what_a_file_leaves_out_is_derived_or_unknown():
    toy = skeleton_from_json(TOY)
    assert toy == Skeleton("toy", ("tip", "left_end", "right_end"), ((0, 1), (0, 2)), ((1, 2),), None)
    assert toy.oks_sigmas == (UNKNOWN_SIGMA,) * 3 and toy.to_json()["sigmas"] is None
    assert skeleton_from_json(dict(TOY, flip_pairs=[])).flip_pairs == ()


def test_sigmas_for_tracking_have_a_floor_that_coco_does_not_reach():
    assert get_skeleton("coco17").tracking_sigmas == get_skeleton("coco17").sigmas
    wide, known = get_skeleton("wholebody133").tracking_sigmas, get_skeleton("wholebody133").sigmas
    assert min(wide) == 0.025 and [w for w, s in zip(wide, known) if s > 0.025] == [s for s in known if s > 0.025]
    assert skeleton_from_json(TOY).tracking_sigmas == (UNKNOWN_SIGMA,) * 3


@pytest.mark.parametrize(
    "value, words",
    [
        (None, "a skeleton as its name or an object, got None"),
        ("coco", "out of .*got 'coco'"),
        ({}, "name, keypoints and links"),
        (dict(TOY, colour="red"), "name, keypoints and links.*colour"),
        (dict(TOY, name=""), "names of 1 to 100"),
        (dict(TOY, name="a\nb"), "names of 1 to 100"),
        (dict(TOY, keypoints=[]), "1 to 255 keypoints in skeleton toy, got 0"),
        (dict(TOY, keypoints=["k%d" % k for k in range(256)]), "1 to 255 keypoints in skeleton toy, got 256"),
        (dict(TOY, keypoints="abc"), "1 to 255 keypoints"),
        (dict(TOY, keypoints=["tip", 1, "b"]), "names of 1 to 100.*got 1"),
        (dict(TOY, keypoints=["tip", "tip", "b"]), "'tip' twice"),
        (dict(TOY, links=None), "links as pairs.*got None"),
        (dict(TOY, links=[[0, 3]]), r"links as pairs .*0 to 2, got \[0, 3\]"),
        (dict(TOY, links=[[0, 0]]), r"links as pairs .*got \[0, 0\]"),
        (dict(TOY, links=[[0, True]]), "links as pairs"),
        (dict(TOY, links=[[0, 1, 2]]), "links as pairs"),
        (dict(TOY, flip_pairs=[[0, 1], [1, 2]]), "one of the flip_pairs at most"),
        (dict(TOY, flip_pairs=[[0, -1]]), "flip_pairs as pairs"),
        (dict(TOY, sigmas=[0.1]), "null or 3 numbers"),
        (dict(TOY, sigmas=[0.1, 0.1, 0]), "null or 3 numbers"),
        (dict(TOY, sigmas=[0.1, 0.1, float("nan")]), "null or 3 numbers"),
    ],
)
def test_wrong_skeletons_say_expected_and_actual(value, words):
    with pytest.raises(ConfigError, match=words):
        skeleton_from_json(value)


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


def test_joints_of_an_animals_legs_have_the_sigmas_of_a_persons_limbs():
    animal, coco = get_skeleton("ap10k"), get_skeleton("coco17")
    limbs = {"Shoulder": "shoulder", "Elbow": "elbow", "F_Paw": "wrist", "Hip": "hip", "Knee": "knee", "B_Paw": "ankle"}
    for part, of_coco in limbs.items():
        sigmas = {animal.sigmas[animal.keypoints.index(side + part)] for side in ("L_", "R_")}
        assert sigmas == {coco.sigmas[coco.keypoints.index("left_" + of_coco)]}
