import copy
import json
import pickle

import numpy as np
import pytest

from pose_estimation_ros.core.poses import (
    CONFIRMED,
    FIELDS,
    UNTRACKED,
    Keypoint,
    Pose,
    Poses,
    empty_poses,
    joined,
    make_poses,
)
from pose_estimation_ros.core.skeleton import Skeleton, get_skeleton

THREE = Skeleton("three", ("nose", "left_hand", "right_hand"), ((0, 1), (0, 2)), ((1, 2),), (0.1, 0.1, 0.1))


def some(count, keypoints=3):
    xy = np.arange(count * keypoints * 2, dtype=float).reshape(count, keypoints, 2)
    return make_poses(xy, np.ones((count, keypoints)), np.zeros((count, 4)), np.arange(count))


def test_empty_has_nobody_and_the_shapes_of_the_skeleton():
    poses = empty_poses(17)
    assert poses.count == 0
    shapes = [array.shape for array in poses.fields().values()]
    assert shapes == [
        (0, 17, 2),
        (0, 17),
        (0, 4),
        (0,),
        (0,),
        (0,),
        (0, 17, 2),
    ]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_dtypes_are_those_documented(count):
    dtypes = [array.dtype for array in some(count).fields().values()]
    assert dtypes == [np.float32] * 4 + [
        np.int32,
        np.uint8,
        np.float32,
    ]
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


def hand_made():
    """Two people of three joints each, the second one tracked, with the left hand not found."""
    xy = [[[1, 2], [3, 4], [5, 6]], [[10.5, 20.25], [0, 0], [50.123456, 60]]]
    score = [[0.9, 0.8, 0.7], [0.5, 0.0, 0.25]]
    boxes, person_score, track_id = [[0, 0, 10, 20], [100, 0, 200, 50]], [0.8, 0.375], [-1, 7]
    poses = make_poses(*map(np.array, (xy, score, boxes, person_score, track_id)), skeleton=THREE)
    return poses.replace(state=np.array([0, CONFIRMED], np.uint8))


def test_nobody_is_an_empty_sequence():
    poses = empty_poses(3, THREE)
    assert len(poses) == 0 and list(poses) == [] and not poses and poses.skeleton is THREE
    assert poses.to_dict() == {"skeleton": "three", "people": []} and poses.to_coco(1) == []
    with pytest.raises(IndexError):
        poses[0]


def test_people_one_by_one():
    poses = hand_made()
    assert len(poses) == poses.count == 2 and [person.track_id for person in poses] == [UNTRACKED, 7]
    for index in (1, -1, np.int64(1)):
        person = poses[index]
        assert isinstance(person, Pose) and person.skeleton is THREE and person.names == THREE.keypoints
        assert (person.person_score, person.track_id, person.state) == (0.375, 7, CONFIRMED)
        for name in ("xy", "score", "box_xyxy", "velocity"):
            assert np.array_equal(getattr(person, name), getattr(poses, name)[1])
    with pytest.raises(IndexError):
        poses[2]


@pytest.mark.parametrize(
    "index, expected",
    [
        (slice(None), [0, 1, 2, 3]),
        (slice(1, 3), [1, 2]),
        (slice(5, 9), []),
        ([], []),
        ([2, 0], [2, 0]),
        ([True, False, False, True], [0, 3]),
        (np.array([False] * 4), []),
        (np.array([3, 3]), [3, 3]),
    ],
)
def test_slices_masks_and_lists_choose_people(index, expected):
    poses = some(4).replace(skeleton=THREE)[index]
    assert isinstance(poses, Poses) and poses.skeleton is THREE
    assert poses.person_score.tolist() == expected and poses.velocity.shape == (len(expected), 3, 2)


def test_joints_by_name():
    person = hand_made()[1]
    assert person["nose"] == Keypoint(10.5, 20.25, 0.5) == (10.5, 20.25, 0.5)
    assert person["nose"].x == 10.5 and person["left_hand"].score == 0
    assert len(person) == 3 and list(person) == ["nose", "left_hand", "right_hand"] and "nose" in person
    assert dict(person.items())["right_hand"] == person["right_hand"] and person.get("tail") is None


@pytest.mark.parametrize("name, hint", [("left_hnad", ", did you mean 'left_hand'?"), ("zzz", " (known"), (0, " (")])
def test_an_unknown_joint(name, hint):
    with pytest.raises(KeyError) as error:
        hand_made()[0][name]
    assert "unknown joint %r%s" % (name, hint) in error.value.args[0]
    assert "known: nose, left_hand, right_hand" in error.value.args[0]


def test_without_a_skeleton_joints_have_no_names():
    person = some(1)[0]
    assert len(person) == 3 and "3 of 3 keypoints" in repr(person)
    for look in (lambda: person["nose"], lambda: list(person), lambda: person.names, lambda: person.get("nose")):
        with pytest.raises(ValueError, match="expected poses with a skeleton"):
            look()


def test_people_are_the_same_only_as_themselves():
    poses = hand_made()
    person, other = poses
    assert person == person and person != other and len({person, other}) == 2
    assert person == poses[0] == poses[-2] and person in poses and {person} == {poses[0]}
    assert person != hand_made()[0] and person not in hand_made() and person != "person"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_people_can_be_pickled(protocol):
    poses = hand_made()
    person, again = pickle.loads(pickle.dumps((poses[1], poses), protocol))
    assert isinstance(person, Pose) and person in again and person["nose"] == poses[1]["nose"]
    assert (person.track_id, person.person_score, person.state) == (7, 0.375, CONFIRMED)


@pytest.mark.parametrize(
    "index",
    [1.0, np.float64(1), None, "", "nose", np.array(1.0), [1.0], [None], {}, np.array("x"), [[0], [1]], [[0], []]],
)
def test_what_is_no_index(index):
    with pytest.raises(TypeError, match="expected the index of a person, a slice, a mask or a list of indices, got "):
        hand_made()[index]


def test_what_is_an_index():
    poses = hand_made()
    for index in (1, np.int32(1), np.array(1), np.argmax(poses.person_score * 0 + [0, 1])):
        assert isinstance(poses[index], Pose) and poses[index].track_id == 7
    assert poses[range(1, 2)].track_id.tolist() == [7] and poses[(1, 0)].track_id.tolist() == [7, UNTRACKED]


def test_numbers_that_are_not_finite_are_null_in_json():
    poses = hand_made().replace(xy=np.full((2, 3, 2), np.nan, np.float32), person_score=np.float32([np.inf, 1]))
    person = json.loads(json.dumps(poses.to_dict(), allow_nan=False))["people"][0]
    assert person["keypoints"]["nose"] == [None, None, 0.9] and person["person_score"] is None


def test_a_numpy_number_is_an_image_id():
    assert json.loads(json.dumps(hand_made().to_coco(np.int64(8))))[0]["image_id"] == 8
    assert hand_made().to_coco("a.jpg")[0]["image_id"] == "a.jpg"


@pytest.mark.parametrize("score", [np.zeros(3), np.zeros((2, 3, 1)), 0.5])
def test_scores_of_another_shape_raise(score):
    with pytest.raises(ValueError, match=r"expected score of shape \(N, K\), got \("):
        make_poses(np.zeros((2, 3, 2)), score, np.zeros((2, 4)), np.zeros(2))


def test_a_skeleton_must_fit():
    for make in (
        lambda skeleton: empty_poses(17, skeleton),
        lambda skeleton: empty_poses(17).replace(skeleton=skeleton),
    ):
        with pytest.raises(ValueError, match="expected a skeleton of 17 keypoints, got three with 3"):
            make(THREE)
        with pytest.raises(TypeError, match="expected skeleton to be a Skeleton or None, got 'coco17'"):
            make("coco17")
        assert make(get_skeleton("coco17")).skeleton is get_skeleton("coco17") and make(None).skeleton is None


@pytest.mark.parametrize(
    "name, value", [("xy", np.zeros((2, 3))), ("score", np.zeros((1, 3))), ("track_id", [1]), ("person_score", 0.5)]
)
def test_replace_checks_shapes(name, value):
    with pytest.raises(ValueError, match="expected %s of shape .*, got " % name):
        hand_made().replace(**{name: value})


def test_joined_to_nobody_they_are_themselves():
    poses, nobody = hand_made(), empty_poses(3, THREE)
    for together in (joined(poses, nobody), joined(nobody, poses)):
        assert all((together.fields()[name] == array).all() for name, array in poses.fields().items())
    assert joined(nobody, nobody).count == 0 and joined(hand_made(), nobody).skeleton == THREE


def test_replace_takes_lists():
    poses = hand_made().replace(track_id=[4, 5])
    assert poses.track_id.tolist() == [4, 5] and poses.track_id.dtype == np.int32


def test_they_cannot_be_changed():
    poses = hand_made()
    with pytest.raises(AttributeError, match=r"poses.replace\(xy=...\)"):
        poses.xy = np.zeros((2, 3, 2))
    with pytest.raises(AttributeError):
        poses.other = 1
    with pytest.raises(AttributeError):
        del poses.xy
    assert poses.xy[0, 0, 0] == 1


def test_replace_changes_some_and_keeps_the_others():
    poses, score = hand_made(), np.zeros((2, 3), np.float32)
    other = poses.replace(score=score, skeleton=None)
    assert other.score is score and other.skeleton is None and poses.skeleton is THREE
    assert all(getattr(other, name) is getattr(poses, name) for name in FIELDS if name != "score")
    with pytest.raises(TypeError, match="expected names out of xy, .*, skeleton, got scores"):
        poses.replace(scores=score)


def test_fields_are_the_arrays_in_their_order():
    poses = hand_made()
    assert tuple(poses.fields()) == FIELDS and all(poses.fields()[name] is getattr(poses, name) for name in FIELDS)


@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_copies_and_pickles_are_the_same(clone):
    poses = clone(hand_made())
    assert isinstance(poses, Poses) and poses.skeleton == THREE
    for name, array in hand_made().fields().items():
        assert array.dtype == getattr(poses, name).dtype and np.array_equal(array, getattr(poses, name))
    person = clone(poses[1])
    assert isinstance(person, Pose) and person["nose"] == poses[1]["nose"] and person.track_id == 7


def test_to_dict_by_hand():
    people = hand_made().to_dict()
    assert json.loads(json.dumps(people)) == people
    first, second = people.pop("people")
    assert people == {"skeleton": "three"}
    assert first == {
        "track_id": None, "state": "none", "person_score": 0.8, "box_xyxy": [0, 0, 10, 20],
        "keypoints": {"nose": [1, 2, 0.9], "left_hand": [3, 4, 0.8], "right_hand": [5, 6, 0.7]},
    }  # fmt: skip
    assert (second["track_id"], second["state"]) == (7, "confirmed")
    assert second["keypoints"]["right_hand"] == [50.1235, 60, 0.25]
    unnamed = hand_made().replace(skeleton=None).to_dict()["people"]
    assert unnamed[0]["keypoints"] == [[1, 2, 0.9], [3, 4, 0.8], [5, 6, 0.7]]


def test_to_coco_by_hand():
    first, second = hand_made().to_coco(8)
    assert first == {
        "image_id": 8, "category_id": 1, "score": 0.8, "keypoints": [1, 2, 0.9, 3, 4, 0.8, 5, 6, 0.7],
    }  # fmt: skip
    assert list(second) == ["image_id", "category_id", "keypoints", "score", "track_id"] and second["track_id"] == 7
    assert second["keypoints"] == [10.5, 20.25, 0.5, 0, 0, 0, 50.1235, 60, 0.25]


@pytest.mark.parametrize(
    "poses, text",
    [
        (empty_poses(17), "Poses(0 people, 17 keypoints)"),
        (empty_poses(17, get_skeleton("coco17")), "Poses(0 people, 17 keypoints coco17)"),
        (hand_made()[:1], "Poses(1 person, 3 keypoints three: 0.80 at (5, 10))"),
        (hand_made(), "Poses(2 people, 3 keypoints three: 0.80 at (5, 10), #7 0.38 at (150, 25))"),
        (hand_made()[[0] * 3], "Poses(3 people, 3 keypoints three%s)" % (": " + ", ".join(["0.80 at (5, 10)"] * 3))),
    ],
)
def test_repr(poses, text):
    assert repr(poses) == text


def test_repr_stays_short():
    assert repr(hand_made()[[0] * 1000]).endswith("0.80 at (5, 10), ...)") and len(repr(hand_made()[[0] * 1000])) < 120
    assert repr(hand_made()[1]) == "Pose(#7 0.38 at (150, 25), 2 of 3 keypoints)"


def test_joined_keeps_a_skeleton():
    known = hand_made()
    assert joined(known, some(1)).skeleton is THREE and joined(some(1), known, known).skeleton is THREE
    assert len(joined(known)) == 2 and joined(some(1), some(1)).skeleton is None
