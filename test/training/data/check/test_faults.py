"""All faults of a file are found by a reader that names only one at a time."""

import pickle

import pytest

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.datasets.coco_faults import FaultyEntries, refuse
from pose_estimation_ros.training.data.check.faults import Fault, faults_of


def read_list(entries):
    """Refuse what is no number, then negative numbers, then large ones in a sum, which no entry has alone."""
    refuse(
        "f", "entries that are no numbers", [f"entry {n}: {e!r}" for n, e in enumerate(entries) if type(e) is not int]
    )
    refuse("f", "entries below 0", [f"entry {n}" for n, e in enumerate(entries) if e < 0])
    if sum(entries) > 100:
        raise DataError(f"f: expected a sum up to 100, got {sum(entries)}")


def read_coco(content):
    """Refuse images without a name, repeated ids, and annotations of unknown images or without keypoints."""
    images, annotations = content["images"], content["annotations"]
    refuse("f", "images without a name", [i for i in images if "file_name" not in i])
    ids = [entry["id"] for entry in images]
    refuse("f", "ids that occur twice", [number for number in set(ids) if ids.count(number) > 1])
    refuse("f", "annotations of unknown images", [a for a in annotations if a["image_id"] not in ids])
    for annotation in annotations:  # a reader that stops at the first one
        if not annotation["keypoints"]:
            raise FaultyEntries("f: no keypoints", "annotations without keypoints", 1, [str(annotation["id"])])


def image(number, **fields):
    return {"id": number, "file_name": f"{number}.png", **fields}


def person(number, image_id, keypoints=(1,)):
    return {"id": number, "image_id": image_id, "keypoints": keypoints}


@pytest.mark.parametrize(
    "entries, expected, rest",
    [
        ([], [], []),
        ([1, 2], [], [1, 2]),
        ([1, "a", -2, None, -3, 4], [("entries that are no numbers", 2, ("entry 1: 'a'", "entry 3: None")),
                                     ("entries below 0", 2, ("entry 2", "entry 4"))], [1, 4]),
        ([-1], [("entries below 0", 1, ("entry 0",))], []),
        ([-1, -2, -3, -4, 5], [("entries below 0", 4, ("entry 0", "entry 1", "entry 2"))], [5]),
        ([99, -1, 99], [("entries below 0", 1, ("entry 1",)), ("expected a sum up to 100, got 198", 0, ())], [99, 99]),
    ],
)  # fmt: skip
def test_lists(entries, expected, rest):
    assert faults_of(read_list, entries, "f") == ([Fault(*fault) for fault in expected], rest)


@pytest.mark.parametrize("content", [None, 3, "text", {}, {"images": 3, "annotations": []}, [None], {"images": []}])
def test_what_is_no_content_ends_the_search(content):
    def read(_content):
        raise DataError("f: expected something else")

    faults, _rest = faults_of(read, content, "f")
    assert faults == [Fault("expected something else")]


@pytest.mark.parametrize(
    "images, annotations, expected, left",
    [
        ([], [], [], (0, 0)),
        ([image(1)], [person(1, 1)], [], (1, 1)),
        (  # the annotation of the image without a name is no further fault
            [image(1), {"id": 2}], [person(1, 1), person(2, 2)], [("images without a name", 1)], (1, 1),
        ),
        ([image(1), image(1)], [person(1, 1), person(2, 9)],
         [("ids that occur twice", 1), ("annotations of unknown images", 1)], (1, 1)),
        ([image(1)], [person(1, 1), person(2, 1, ()), person(3, 1, ())],
         [("annotations without keypoints", 2)], (1, 1)),
    ],
)  # fmt: skip
def test_images_and_annotations(images, annotations, expected, left):
    faults, rest = faults_of(read_coco, {"images": images, "annotations": annotations}, "f")
    assert [(fault.problem, fault.count) for fault in faults] == expected
    assert (len(rest["images"]), len(rest["annotations"])) == left


def test_a_reader_that_refuses_everything_ends():
    def read(_content):
        refuse("f", "things", ["one"])

    faults, _rest = faults_of(read, {"images": [image(1)], "annotations": [person(1, 1)]}, "f")
    assert [fault.problem for fault in faults] == ["things"]


@pytest.mark.parametrize(
    "fault, text",
    [
        (Fault("expected a list, got a number"), "expected a list, got a number"),
        (Fault("boxes", 1, ("a",)), "expected no boxes, got 1: a"),
        (Fault("boxes", 4, ("a", "b", "c")), "expected no boxes, got 4: a; b; c; ..."),
    ],
)
def test_the_text_of_a_fault(fault, text):
    assert fault.text() == text


def test_the_error_of_a_reader_reaches_another_process():
    with pytest.raises(DataError) as caught:
        refuse("f.json", "odd things", ["x" * 500, 2, 3, 4])
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value) and str(again).startswith("f.json: 4 odd things, the first: xxx")
    assert (again.problem, again.count, len(again.examples)) == ("odd things", 4, 3)
