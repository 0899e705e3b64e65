"""Check coco_categories.py: which category is the person, and whether its keypoints are those of the skeleton."""

import json

import pytest

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.core.skeleton import SKELETONS, Skeleton, get_skeleton
from pose_estimation_ros.datasets.coco_categories import (
    COCO_CATEGORIES,
    Categories,
    annotated_skeleton,
    category_of,
    check_keypoint_names,
    entries_of_persons,
    read_categories,
)
from pose_estimation_ros.datasets.coco_json import checked_content

COCO = get_skeleton("coco17")
PERSON, CAR, DOG = {"id": 1, "name": "person"}, {"id": 3, "name": "car"}, {"id": 18, "name": "dog"}


def read(categories, ids=(), skeleton=None):
    content = {"annotations": [{"category_id": i} for i in ids]}
    return read_categories(
        {**content, **({} if categories is None else {"categories": categories})}, "f.json", skeleton
    )


@pytest.mark.parametrize(
    "categories, ids, person, others",
    [
        (None, (), 1, ()),
        ([], (), 1, ()),
        (None, (1, 1), 1, ()),
        (None, (0, 0), 0, ()),
        (None, (None,), None, ()),
        (None, (1, 3), 1, (3,)),
        ([PERSON], (1,), 1, ()),
        ([{"id": 0, "name": "Person "}], (0,), 0, ()),
        ([CAR, {"id": "7", "name": "person"}], (7.0,), 7, (3,)),
        ([CAR, {"id": 2, "name": "walker", "keypoints": ["a"]}], (2,), 2, (3,)),
        ([{"id": 5, "name": "pedestrian"}], (5,), 5, ()),
    ],
)
def test_the_person(categories, ids, person, others):
    assert read(categories, ids) == Categories(person, frozenset(others))


CAT, COW = {"id": 2, "name": "cat", "keypoints": ["a", "b"]}, {"id": 7.0, "name": "cow", "keypoints": ["a", "b"]}


@pytest.mark.parametrize(
    "categories, expected",
    [
        ([CAR, CAT, COW], Categories(2, frozenset({3}), frozenset({7}))),
        ([CAT, COW, PERSON], Categories(1, frozenset({2, 7}))),
    ],
)
def test_categories_of_the_same_keypoints(categories, expected):
    """Species of animals are judged together, unless there is a person."""
    assert read(categories) == expected


def test_categories_of_other_keypoints():
    with pytest.raises(DataError, match="expected one category named 'person', got 0 of 2: cat, cow"):
        read([CAT, {**COW, "keypoints": ["a"]}])


def test_animals_of_several_species_and_predictions_of_them():
    images = [{"id": 1, "file_name": "1.png"}]
    animal = {"image_id": 1, "bbox": [0, 0, 9, 9], "keypoints": [1, 2, 2, 3, 4, 2]}
    annotations = [{**animal, "category_id": i} for i in (2, 7, 3)]
    content = {"images": images, "annotations": annotations, "categories": [CAR, CAT, COW]}
    skeleton = annotated_skeleton(content, "f.json")
    checked, categories = checked_content(content, "f.json", skeleton)
    assert skeleton.name == "cat" and [a["category_id"] for a in checked["annotations"]] == [1, 1]
    for ids, count in (((2, 7, 3), 2), ((1, 1), 2)):
        assert len(entries_of_persons([{"category_id": i} for i in ids], categories, "r.json", "predictions")) == count


@pytest.mark.parametrize(
    "categories, ids, message",
    [
        (None, (2, 3), "expected 'categories' that name the person among the ids 2, 3, got none"),
        ([CAR, DOG], (3,), "expected one category named 'person', got 0 of 2: car, dog"),
        ([PERSON, {"id": 2, "name": "person"}], (1,), "got 2 of 2: person, person"),
        ([PERSON, {**CAR, "id": 1.0}], (1,), r"expected categories of different ids, got \[1, 1\]"),
        ({"person": 1}, (1,), "expected 'categories' to be a list of objects"),
        ([1], (1,), "expected 'categories' to be a list of objects"),
        ([{"name": "person"}], (1,), "expected 'categories' to be a list of objects"),
        ([{"id": [1], "name": "person"}], (1,), "expected 'categories' to be a list of objects"),
    ],
)
def test_no_person(categories, ids, message):
    with pytest.raises(DataError, match="f.json: .*" + message):
        read(categories, ids)


POSETRACK = ["nose", "head_bottom", "head_top", *COCO.keypoints[3:]]
CHALLENGER = [f"{side} {part}" for side in ("Right", "Left") for part in ("Shoulder", "Elbow", "Wrist")]
CHALLENGER += [f"{side} {part}" for side in ("Right", "Left") for part in ("Hip", "Knee", "Ankle")]
CHALLENGER += ["Head top", "Neck"]
AP10K = ["left_eye", "right_eye", "nose", "neck", "root_of_tail", *["x"] * 12]
CROWDPOSE = [*get_skeleton("crowdpose14").keypoints[:12], "head", "neck"]
MPII = ["Upper Neck" if name == "neck" else name for name in get_skeleton("mpii16").keypoints]


@pytest.mark.parametrize(
    "names, skeleton",
    [
        (None, "coco17"),
        ([], "coco17"),
        (COCO.keypoints, "coco17"),
        ([name.replace("_", "-").upper() for name in COCO.keypoints], "coco17"),
        ([name.title().replace("_", " ") for name in COCO.keypoints], "coco17"),
        (CROWDPOSE, "crowdpose14"),
        (MPII, "mpii16"),
    ],
)
def test_names_of_the_skeleton(names, skeleton):
    check_keypoint_names({**PERSON, "keypoints": names and list(names)}, get_skeleton(skeleton), "f.json")


@pytest.mark.parametrize(
    "names, skeleton, message",
    [
        (POSETRACK, "coco17", "expected keypoint 1 'left_eye', got 'head_bottom'"),
        (CHALLENGER, "crowdpose14", "expected keypoint 0 'left_shoulder', got 'Right Shoulder'"),
        (
            AP10K,
            "coco17",
            "'person' is not of the skeleton coco17: expected keypoint 0 'nose', got 'left_eye'",
        ),
        (list(COCO.keypoints[:14]), "coco17", "expected 17 keypoints, got 14"),
        ([*COCO.keypoints, "neck"], "coco17", "expected 17 keypoints, got 18"),
        ([1, 2], "coco17", "to be names"),
        ("nose", "coco17", "to be names"),
    ],
)
def test_names_of_another_skeleton(names, skeleton, message):
    with pytest.raises(DataError, match=message):
        check_keypoint_names({**PERSON, "keypoints": names}, get_skeleton(skeleton), "f.json")


@pytest.mark.parametrize(
    "ids, categories, chosen, warning",
    [
        ([], COCO_CATEGORIES, [], ""),
        ([1, 2, 1.0], COCO_CATEGORIES, [0, 2], ""),
        ([0, 2], Categories(0, frozenset({1})), [0], ""),
        ([1, 1], Categories(0, frozenset()), [0, 1], "boxes of category 1 are taken for the annotated persons"),
        ([1, 1], Categories(None, frozenset()), [0, 1], ""),
    ],
)
def test_entries_of_persons(ids, categories, chosen, warning, tmp_path, capsys):
    entries = [{"category_id": i, "place": n} for n, i in enumerate(ids)]
    assert [e["place"] for e in entries_of_persons(entries, categories, str(tmp_path), "boxes")] == chosen
    assert warning in capsys.readouterr().err


@pytest.mark.parametrize("ids, person, others", [([0, 0], 1, []), ([1, 2], 0, [1]), ([[1]], 1, [])])
def test_no_entry_of_a_person(ids, person, others):
    entries = [{"category_id": i} for i in ids]
    with pytest.raises(DataError, match=f"expected boxes of the category of the annotated persons, {person}, got"):
        entries_of_persons(entries, Categories(person, frozenset(others)), "f.json", "boxes")


CATEGORY = {"id": 3, "name": "hand", "keypoints": ["tip", "left_root", "right_root"], "skeleton": [[1, 2], [1, 3]]}


@pytest.mark.parametrize(
    "content, expected",
    [
        (None, COCO),
        ([], COCO),
        ({}, COCO),
        ({"categories": [PERSON]}, COCO),
        ({"categories": [{**PERSON, "keypoints": [n.title().replace("_", " ") for n in COCO.keypoints]}]}, COCO),
        ({"categories": [{**PERSON, "keypoints": CROWDPOSE}]}, get_skeleton("crowdpose14")),
        ({"categories": [CATEGORY]}, Skeleton("hand", tuple(CATEGORY["keypoints"]), ((0, 1), (0, 2)), ((1, 2),), None)),
        (
            {"categories": [{"id": 1, "name": "box"}, {**CATEGORY, "skeleton": [], "sigmas": [1, 2, 3]}]},
            Skeleton("hand", tuple(CATEGORY["keypoints"]), (), ((1, 2),), (1.0, 2.0, 3.0)),
        ),
        (
            {"categories": [{**CATEGORY, "skeleton": None, "flip_pairs": []}]},
            Skeleton("hand", tuple(CATEGORY["keypoints"]), (), (), None),
        ),
    ],
)
def test_the_skeleton_of_a_file(content, expected):
    assert annotated_skeleton(content, "f.json") == expected


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"keypoints": "tip"}, "to be names"),
        (
            {"keypoints": ["tip", "tip"], "skeleton": []},
            "expected different names of keypoints in skeleton hand, got 'tip' twice",
        ),
        ({"keypoints": ["k%d" % k for k in range(256)]}, "expected 1 to 255 keypoints in skeleton hand, got 256 names"),
        ({"skeleton": [[0, 1]]}, "expected skeleton as pairs of whole numbers from 1 to 3"),  # COCO counts from 1
        ({"skeleton": [[1, 4]]}, "expected skeleton as pairs of whole numbers from 1 to 3"),
        ({"skeleton": 5}, "expected skeleton as pairs of whole numbers from 1 to 3"),
        ({"sigmas": [0.1]}, "expected sigmas as null or 3 numbers"),
        ({"flip_pairs": [[2, 2]]}, "expected flip_pairs as pairs of different whole numbers"),
    ],
)
def test_a_category_that_makes_no_skeleton(changes, message):
    with pytest.raises(DataError, match="^f.json: .*" + message):
        annotated_skeleton({"categories": [{**CATEGORY, **changes}]}, "f.json")


UNKNOWN = Skeleton("toy", ("a", "b"), ((1, 0),), ((0, 1),), None)


@pytest.mark.parametrize("skeleton", [*SKELETONS.values(), UNKNOWN, UNKNOWN._replace(flip_pairs=(), sigmas=(1.0, 2.0))])
def test_a_skeleton_is_read_as_it_was_written(skeleton):
    content = json.loads(json.dumps({"categories": [category_of(skeleton)]}))
    assert annotated_skeleton(content, "f.json") == skeleton
