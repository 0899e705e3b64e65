"""skeletons.py: keypoints by name, skeletons of annotations completed by models, sigmas that are known or refused."""

import numpy as np
import pytest

from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.core.poses import empty_poses, make_poses
from pose_estimation_ros.core.skeleton import SKELETONS, Skeleton, get_skeleton
from pose_estimation_ros.evaluation.skeletons import (
    chosen,
    judged_skeleton,
    known_sigmas,
    missing_keypoints,
    refuse_missing_keypoints,
    sigma_facts,
)

COCO = get_skeleton("coco17")
TOY = Skeleton("toy", ("tip", "left_foot", "right_foot"), ((0, 1), (0, 2)), ((1, 2),), (0.1, 0.2, 0.3))
TURNED = Skeleton("file", ("right foot", "Tip", "left foot"), (), (), None)  # the same keypoints in another order


def test_nobody():
    assert chosen(empty_poses(133), get_skeleton("wholebody133"), COCO).score.shape == (0, 17)


@pytest.mark.parametrize(
    "model, annotated, missing",
    [
        ("halpe26", "coco17", []),
        ("wholebody133", "coco17", []),
        ("openpose18", "coco17", []),
        ("halpe26", "crowdpose14", []),  # "head" is the top of the head
        ("coco17", "openpose18", ["neck"]),
        ("coco17", "crowdpose14", ["head_top", "neck"]),
        ("ap10k", "coco17", list(COCO.keypoints[1:])),  # 17 keypoints, too; "Nose" is a nose
    ],
)
def test_keypoints_that_a_model_lacks(model, annotated, missing):
    source, target = get_skeleton(model), get_skeleton(annotated)
    assert missing_keypoints(source, target) == missing
    if not missing:
        refuse_missing_keypoints(source, target, "m", "d")
        return
    words = (
        f"^d: expected .* {annotated}, got m with {model}, which lacks {len(missing)} of its keypoints: {missing[0]}"
    )
    with pytest.raises(DataError, match=words):
        refuse_missing_keypoints(source, target, "m", "d")


@pytest.mark.parametrize("name", ["halpe26", "wholebody133", "openpose18", "hri18"])
def test_keypoints_are_chosen_by_name(name):
    source = get_skeleton(name)
    place = np.arange(float(source.num_keypoints))
    poses = make_poses(
        np.stack([place, -place], 1)[None], place[None] / 200, [[0, 0, 9, 9]], [0.5], np.array([7]), source
    )
    own = chosen(poses, source, COCO)
    expected = [source.keypoints.index(keypoint) for keypoint in COCO.keypoints]
    assert own.xy[0].tolist() == [[place, -place] for place in expected]
    assert own.score[0] == pytest.approx(np.array(expected) / 200)
    assert (own.skeleton, own.track_id.tolist(), own.person_score.tolist()) == (COCO, [7], [0.5])
    assert own.velocity.shape == (1, 17, 2)


@pytest.mark.parametrize(
    "annotated, models, sigma, expected",
    [
        (COCO, [], None, COCO),
        (COCO, [COCO._replace(sigmas=(1.0,) * 17)], None, COCO),  # the standard ones count
        (COCO, [], 0.5, COCO._replace(sigmas=(0.5,) * 17)),
        (TURNED, [COCO], None, TURNED),
        (TURNED, [COCO], 0.05, TURNED._replace(sigmas=(0.05,) * 3)),
        (
            TURNED,
            [COCO, TOY],
            None,
            Skeleton("toy", ("right_foot", "tip", "left_foot"), ((1, 2), (1, 0)), ((2, 0),), (0.3, 0.1, 0.2)),
        ),
        (
            TURNED._replace(sigmas=(1.0, 2.0, 3.0)),  # those of the file count before those of the model
            [TOY],
            None,
            Skeleton("toy", ("right_foot", "tip", "left_foot"), ((1, 2), (1, 0)), ((2, 0),), (1.0, 2.0, 3.0)),
        ),
    ],
)
def test_a_skeleton_of_annotations_is_completed(annotated, models, sigma, expected):
    assert judged_skeleton(annotated, models, sigma) == expected


def test_a_known_skeleton_in_another_order_has_its_sigmas():
    order = np.random.default_rng(0).permutation(17)
    names = tuple(COCO.keypoints[k] for k in order)
    skeleton = judged_skeleton(Skeleton("mine", names, (), (), None), [])
    assert skeleton.keypoints == names and skeleton.sigmas == tuple(COCO.sigmas[k] for k in order)
    pairs = {(names[a], names[b]) for a, b in skeleton.flip_pairs}
    assert pairs == {(COCO.keypoints[a], COCO.keypoints[b]) for a, b in COCO.flip_pairs}


@pytest.mark.parametrize(
    "skeleton, facts",
    [
        (TURNED, {}),
        *[(skeleton, {}) for skeleton in SKELETONS.values()],
        (TOY, {"skeleton": "toy", "sigmas": [0.1, 0.2, 0.3]}),
        (COCO._replace(sigmas=(0.08,) * 17), {"skeleton": "coco17", "sigma": 0.08}),
    ],
)
def test_sigmas_that_are_not_the_standard_ones(skeleton, facts):
    assert sigma_facts(skeleton) == facts


def test_unknown_sigmas_are_refused():
    assert known_sigmas(TOY).tolist() == [0.1, 0.2, 0.3]
    with pytest.raises(ConfigError, match="expected --sigma, such as 0.08, or .*, got none for file"):
        known_sigmas(TURNED)
