import numpy as np
import pytest

from pose_estimation_ros.core.poses import UNTRACKED, empty_poses, joined, make_poses


def some(count, keypoints=3):
    xy = np.arange(count * keypoints * 2, dtype=float).reshape(count, keypoints, 2)
    return make_poses(xy, np.ones((count, keypoints)), np.zeros((count, 4)), np.arange(count))


def test_empty_has_nobody_and_the_shapes_of_the_skeleton():
    poses = empty_poses(17)
    assert poses.count == 0
    assert [field.shape for field in poses] == [(0, 17, 2), (0, 17), (0, 4), (0,), (0,), (0,), (0, 17, 2)]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_dtypes_are_those_documented(count):
    assert [field.dtype for field in some(count)] == [np.float32] * 4 + [np.int32, np.uint8, np.float32]
    assert (some(count).track_id == UNTRACKED).all()


@pytest.mark.parametrize(
    "index, expected",
    [([], []), ([2, 0], [2, 0]), (np.array([True, False, True]), [0, 2])],
)
def test_select_takes_all_fields_in_the_order_given(index, expected):
    chosen = some(3).select(np.array(index, bool if len(index) == 3 else int))
    assert chosen.person_score.tolist() == expected
    assert chosen.xy[:, 0, 0].tolist() == [6.0 * i for i in expected]


@pytest.mark.parametrize(
    "xy, box, person_score, track_id",
    [
        ((2, 3, 3), (2, 4), (2,), None),
        ((2, 3, 2), (1, 4), (2,), None),
        ((2, 3, 2), (2, 4), (3,), None),
        ((2, 3, 2), (2, 4), (2,), (1,)),
    ],
)
def test_shapes_that_do_not_belong_together_raise(xy, box, person_score, track_id):
    with pytest.raises(ValueError, match="expected .* got"):
        make_poses(
            np.zeros(xy), np.zeros((2, 3)), np.zeros(box), np.zeros(person_score),
            None if track_id is None else np.zeros(track_id),
        )  # fmt: skip


def test_of_two_lots_of_people_the_first_come_first():
    both = joined(some(2), some(3))
    assert both.person_score.tolist() == [0, 1, 0, 1, 2] and both.velocity.shape == (5, 3, 2)
    assert joined(empty_poses(3), empty_poses(3)).count == 0
