import numpy as np
import pytest

from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.inference.decoders.keypoints import KeypointsInGraph

SKELETON = get_skeleton("coco17")
SPEC = ModelSpec("x", "top_down", (48, 64), "rgb", SKELETON, 1, "keypoints", 1.25, "", {}, {})


def keypoints(count, seed=0):
    random = np.random.RandomState(seed)
    return np.concatenate([random.uniform(1, 11, (count, 17, 2)), random.uniform(0, 1, (count, 17, 1))], 2)


@pytest.mark.parametrize("stride", [1, 4])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_keypoints_are_read(count, stride):
    given = keypoints(count) * [0.9, 1, 1]  # inside of a map of 12 px
    xy, score = KeypointsInGraph(SPEC._replace(stride=stride))({"keypoints": given})
    assert np.allclose(xy, stride * given[..., :2]) and np.allclose(score, given[..., 2])
    assert KeypointsInGraph(SPEC).output_shapes() == {"keypoints": (None, 17, 3)}


@pytest.mark.parametrize(
    "x, y, score",
    [(0, 9, 0), (0.5, 9, 0), (0.6, 9, 1), (46.4, 9, 1), (46.6, 9, 0), (9, 62.4, 1), (9, 63, 0)],
)
def test_keypoints_at_the_rim_of_the_input_score_zero_and_stay_in_place(x, y, score):
    given = np.broadcast_to([x, y, 1.0], (1, 17, 3))
    xy, found = KeypointsInGraph(SPEC)({"keypoints": given})
    assert (xy == [x, y]).all() and (found == score).all()


@pytest.mark.parametrize("bad", [[np.nan] * 3, [np.inf, 3, 1], [3, -2e6, 1], [3, 4, np.nan]])
def test_what_is_not_finite_or_out_of_reach_scores_zero(bad):
    given = keypoints(1)
    given[0, 3] = bad
    xy, score = KeypointsInGraph(SPEC)({"keypoints": given})
    assert xy[0, 3].tolist() == [0, 0] and score[0, 3] == 0 and (np.delete(score, 3, 1) > 0).all()


def test_scores_are_cut_to_zero_and_one():
    given = keypoints(1)
    given[0, :2, 2] = -0.5, 1.5
    assert KeypointsInGraph(SPEC)({"keypoints": given})[1][0, :2].tolist() == [0, 1]


@pytest.mark.parametrize("count", [0, 2])
def test_flip_test_is_the_weighted_mean(count):
    first, second = keypoints(count), keypoints(count, 1)
    second[:1, 3, 2] = 0  # found in one of them only
    first[1:, 5, 2] = np.nan
    first[1:, 6, 2] = second[1:, SKELETON.flip_index[6], 2] = 0  # found in neither
    xy, score = KeypointsInGraph(SPEC)({"keypoints": first}, {"keypoints": second})
    for n in range(count):
        for k, other in enumerate(SKELETON.flip_index):
            (x, y, weight), (other_x, other_y, other_weight) = first[n, k], second[n, other]
            weight = np.nan_to_num(weight)
            assert np.isclose(score[n, k], max(weight, other_weight))
            if score[n, k]:
                middle = (x * weight + (47 - other_x) * other_weight, y * weight + other_y * other_weight)
                assert np.allclose(xy[n, k], np.array(middle) / (weight + other_weight))
    assert np.isfinite(xy).all() and xy.shape == (count, 17, 2)


def test_the_mirror_image_of_the_same_keypoints_changes_nothing():
    given = keypoints(3)
    mirrored = (given * [-1, 1, 1] + [47, 0, 0])[:, SKELETON.flip_index]
    decode = KeypointsInGraph(SPEC)
    for value, expected in zip(decode({"keypoints": given}, {"keypoints": mirrored}), decode({"keypoints": given})):
        assert np.allclose(value, expected, atol=1e-5)
