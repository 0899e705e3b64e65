"""Kinds of errors on people put where each kind is known, and the matches that they start from."""

import numpy as np
import pytest

from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.datasets.coco_index import index_persons
from pose_estimation_ros.evaluation.metrics.localization_errors import (
    KINDS,
    UNKNOWN,
    error_kinds,
    kinds_of,
    normalised_errors,
    shares,
)
from pose_estimation_ros.evaluation.metrics.matches import match, people_of

SKELETON = get_skeleton("coco17")
SIGMAS = np.array(SKELETON.sigmas)
SIDE = 200.0  # px, square root of a person's area
NOSE, LEFT_WRIST, RIGHT_WRIST = 0, 9, 10


def shift_of(similarity):
    """(K,) px by which each keypoint must be off to be so similar to its own."""
    return 2 * SIGMAS * SIDE * np.sqrt(-2 * np.log(similarity))


@pytest.fixture
def people():
    """(2, 17, 3): keypoints 400 px apart from each other and from the other person's: none is near another's."""
    grid = np.stack(np.meshgrid(np.arange(6), np.arange(6)), -1).reshape(-1, 2)[:34] * 400.0
    return np.insert(grid.reshape(2, 17, 2), 2, 2, -1)


def kinds_of_first(people, predicted_xy):
    """Kinds (17,) of a prediction (17, 2) for the first person, the second one's being perfect."""
    shared = {"image_id": 1, "category_id": 1, "iscrowd": 0, "bbox": [0, 0, 9, 9], "area": SIDE**2}
    annotations = [{"id": n + 1, "keypoints": own.ravel().tolist(), **shared} for n, own in enumerate(people)]
    truth = index_persons({"images": [{"id": 1, "file_name": "1"}], "annotations": annotations}, "f", SKELETON)
    fields = {"image_id": 1, "category_id": 1, "score": 0.5}
    results = [
        {**fields, "keypoints": np.insert(xy, 2, 1, 1).ravel().tolist()} for xy in (predicted_xy, people[1, :, :2])
    ]
    asked = people_of(truth)
    _, matches = match(truth, asked, results, SKELETON)
    assert matches.predicted_id[1] == 2 and matches.recall[1] == 1
    kinds = error_kinds(truth, asked, matches, SKELETON)
    assert (kinds[1] == 0).all(), "the second person is found as annotated"
    return [KINDS[kind] if kind != UNKNOWN else None for kind in kinds[0]], matches, asked


def test_exact_is_good(people):
    kinds, matches, asked = kinds_of_first(people, people[0, :, :2])
    assert kinds == ["good"] * 17 and matches.oks.tolist() == [1, 1]
    assert (normalised_errors(asked, matches, SKELETON) == 0).all()


@pytest.mark.parametrize("similarity, kind", [(0.86, "good"), (0.84, "jitter"), (0.51, "jitter"), (0.49, "miss")])
def test_shifted(people, similarity, kind):
    off = np.stack([shift_of(similarity), np.zeros(17)], 1)
    kinds, matches, asked = kinds_of_first(people, people[0, :, :2] + off)
    assert kinds == [kind] * 17
    assert matches.similarity[0] == pytest.approx(np.full(17, similarity)) and matches.oks[0] == pytest.approx(
        similarity
    )
    assert normalised_errors(asked, matches, SKELETON)[0] == pytest.approx(np.sqrt(-2 * np.log(similarity)))


def test_left_and_right_exchanged_are_inversions(people):
    found = people[0, :, :2].copy()
    found[[LEFT_WRIST, RIGHT_WRIST]] = found[[RIGHT_WRIST, LEFT_WRIST]]
    kinds, _, _ = kinds_of_first(people, found)
    assert [k for k, kind in enumerate(kinds) if kind == "inversion"] == [LEFT_WRIST, RIGHT_WRIST]
    assert kinds.count("good") == 15


@pytest.mark.parametrize("joint, of_other", [(NOSE, NOSE), (LEFT_WRIST, LEFT_WRIST), (LEFT_WRIST, RIGHT_WRIST)])
def test_a_neighbours_joint_of_either_side_is_a_swap(people, joint, of_other):
    found = people[0, :, :2].copy()
    found[joint] = people[1, of_other, :2]
    kinds, _, _ = kinds_of_first(people, found)
    assert kinds[joint] == "swap" and kinds.count("good") == 16


@pytest.mark.parametrize("place", [[1e5, 1e5], "another part"])
def test_far_from_all_or_at_another_part_is_a_miss(people, place):
    found = people[0, :, :2].copy()
    found[NOSE] = people[0, LEFT_WRIST, :2] if place == "another part" else place
    assert kinds_of_first(people, found)[0] == ["miss"] + ["good"] * 16


def test_unlabelled_keypoints_have_no_kind_and_are_nobodys_goal(people):
    found = people[0, :, :2].copy()
    found[[LEFT_WRIST, RIGHT_WRIST]] = found[[RIGHT_WRIST, LEFT_WRIST]]
    people[0, RIGHT_WRIST] = 0
    kinds, matches, asked = kinds_of_first(people, found)
    assert kinds[RIGHT_WRIST] is None and kinds[LEFT_WRIST] == "miss" and kinds.count("good") == 15
    assert np.isnan(normalised_errors(asked, matches, SKELETON)[0, RIGHT_WRIST])


def test_who_is_not_found_has_no_kinds(people):
    kinds, matches, asked = kinds_of_first(people, people[0, :, :2] + 1e5)
    assert kinds == [None] * 17 and matches.predicted_id[0] == 0 and matches.oks[0] == matches.recall[0] == 0
    assert np.isnan(normalised_errors(asked, matches, SKELETON)[0]).all()


@pytest.mark.parametrize(
    "own, inversion, swap, kind",
    [
        (0.85, 1, 1, "good"),
        (0.5, 1, 1, "jitter"),
        (0.4, 0.6, 0.6, "inversion"),
        (0.4, 0.6, 0.7, "swap"),
        (0.4, 0.5, 0, "inversion"),
        (0.49, 0.49, 0.49, "miss"),
    ],
)
def test_order_of_kinds(own, inversion, swap, kind):
    assert KINDS[kinds_of(*(np.array([value]) for value in (own, inversion, swap)))[0]] == kind


@pytest.mark.parametrize(
    "kinds, expected", [([], [0] * 5), ([UNKNOWN], [0] * 5), ([0, 0, 4, UNKNOWN, 2], [0.5, 0, 0.25, 0, 0.25])]
)
def test_shares(kinds, expected):
    assert shares(np.array(kinds, int)).tolist() == expected
