"""Every layout is recognised and counted, and everything that is wrong with a file is named in one line each."""

import copy
import json
import math

import cv2
import h5py
import numpy as np
import pytest
from coco_folder import make_content

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.datasets.toy.write import ToySet, write_toy_set
from pose_estimation_ros.evaluation.bag.make_bag import BagConversion, make_bag
from pose_estimation_ros.training.data.check.files import check_path
from pose_estimation_ros.training.data.check.report import json_of, text_of

PERSON = {"image": "1.png", "center": [50, 50], "scale": 0.5, "joints": [[9, 9]] * 16, "joints_vis": [1] * 16}


def save(folder, content, name="person_keypoints.json"):
    """Write a content, and two images of its size."""
    (folder / "images").mkdir(exist_ok=True)
    for number in (1, 2):
        cv2.imwrite(str(folder / "images" / f"{number}.png"), np.full((200, 200, 3), 90, np.uint8))
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return str(folder / name)


def problems(reports):
    return [fault.text() for report in reports for fault in report.errors]


def test_a_sound_folder(tmp_path):
    save(tmp_path, make_content())
    (report,) = check_path(str(tmp_path))
    assert report.layout == "COCO's person keypoints" and report.errors == []
    assert report.facts == {
        "images": 2,
        "people": "5, 1 of them crowds",
        "with_keypoints": 4,
        "skeleton": "coco17, 17 keypoints",
        "keypoints": "68 visible, 0 occluded, 17 not labelled",
        "images_in": str(tmp_path / "images"),
    }


def changed(change):
    content = json.loads(json.dumps(make_content()))  # people of their own keypoints
    change(content)
    return content


def of_person(place, **fields):
    return lambda content: content["annotations"][place].update(fields)


def of_image(**fields):
    return lambda content: content["images"][0].update(fields)


def keypoints(place, value, number=0):
    def change(content):
        content["annotations"][number]["keypoints"][place] = value

    return change


FAULTS = {
    "box": (of_person(0, bbox=[0, 0, 0, 5]), "persons whose box has no width or height, got 1: annotation 1"),
    "NaN in a box": (of_person(1, bbox=[0, 0, math.nan, 5]), "annotations without a bbox of 4 finite numbers, got 1"),
    "NaN": (keypoints(0, math.nan), "persons without the 51 finite numbers of coco17, got 1: annotation 1"),
    "too few": (of_person(0, keypoints=[1, 2, 2]), "persons without the 51 finite numbers of coco17, got 1"),
    "flag": (keypoints(2, 3), "persons with a visibility other than 0, 1 and 2, got 1"),
    "count": (of_person(0, num_keypoints=4), "persons whose num_keypoints contradicts their labels, got 1"),
    "same id": (of_person(1, id=1), "annotation ids that occur twice, got 1: 1"),
    "image id": (of_person(1, image_id=7), "annotations without a known image_id, got 1: annotation 2"),
    "category": (of_person(1, category_id=5), "annotations of a category that the file does not list, got 1"),
    "area": (of_person(1, area=-1), "persons whose area is no number above 0, got 1"),
    "outside": (of_person(1, bbox=[900, 0, 9, 9]), "persons whose box or keypoints lie outside of their image, got 1"),
    "size": (of_image(width=120), "images whose size differs from the annotated one, got 1: 1.png: expected"),
    "missing": (of_image(file_name="x.png"), "images that are missing, got 1: x.png"),
    "climbing": (of_image(file_name="../x.png"), "images whose file_name is not a name within the folder"),
    "no name": (lambda content: content["images"][0].pop("file_name"), "images without id and file_name, got 1"),
    "outline": (of_person(4, segmentation={"size": [1, 1], "counts": "x"}), "annotations whose segmentation does not"),
    "score": (of_person(0, keypoint_scores=[2] * 17), "persons whose keypoint_scores are not a number from 0 to 1"),
    "box score": (of_person(0, score="high"), "a finite number (stops the training of person detectors), got 1"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_each_fault(kind, tmp_path):
    change, text = FAULTS[kind]
    save(tmp_path, changed(change))
    found = problems(check_path(str(tmp_path)))
    assert [one for one in found if text in one and one.startswith("expected no ")] == found and len(found) == 1, found


def test_several_faults_at_once(tmp_path):
    content = make_content()
    content["annotations"] += [{**copy.deepcopy(content["annotations"][0]), "id": n} for n in (6, 7, 8, 9, 10)]
    for change in (of_person(5, bbox=[0, 0, 0, 1]), of_person(6, bbox=[0, 0, 1, 0]), of_person(7, image_id=9),
                   keypoints(2, 9, 8), of_person(9, num_keypoints=1), of_image(file_name="gone.png")):  # fmt: skip
        change(content)
    save(tmp_path, content)
    (tmp_path / "images" / "2.png").write_bytes(b"no image")
    found = problems(check_path(str(tmp_path)))
    kinds = ["a known image_id, got 1", "a visibility other", "num_keypoints contradicts", "no width or height, got 2",
             "images that are missing, got 1: gone.png", "images that cannot be read, got 1: 2.png"]  # fmt: skip
    assert len(found) == len(kinds) and all(kind in text for kind, text in zip(kinds, found)), found


@pytest.mark.parametrize("value, problem", [(3, "persons whose score"), ("x", "")])
def test_what_stops_one_kind_of_training_is_said(value, problem, tmp_path):
    content = changed(of_person(0, keypoint_scores=value))
    save(tmp_path, content)
    (text,) = problems(check_path(str(tmp_path), with_images=False))
    assert "(stops top-down training)" in text


LAYOUTS = {
    "COCO": (make_content(), "COCO's person keypoints"),
    "boxes": (changed(lambda c: [a.pop("keypoints") for a in c["annotations"]]), "boxes of persons, in COCO's layout"),
    "test set": ({"images": make_content()["images"], "categories": []}, "images of a test set"),
    "MPII": ([PERSON], "MPII's persons, HRNet's JSON"),
    "MPII test": ([{k: PERSON[k] for k in ("image", "center", "scale")}], "HRNet's JSON, a test set without joints"),
    "detections": ([{"image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9], "score": 1}], "boxes of a detector"),
    "results": ([{"image_id": 1, "category_id": 1, "keypoints": [5, 5, 1] * 16 + [9, 9, 1], "score": 1}],
                "predicted keypoints"),
}  # fmt: skip


@pytest.mark.parametrize("kind", LAYOUTS)
def test_layouts(kind, tmp_path):
    content, layout = LAYOUTS[kind]
    (report,) = check_path(save(tmp_path, content, "a.json"))
    assert layout in report.layout and report.errors == [] and report.facts["images"] in (1, 2)
    assert json.loads(json.dumps(json_of(report)))["layout"] == report.layout
    assert text_of(report).splitlines()[1].endswith(report.layout)


def test_crowdpose(tmp_path):
    content = changed(lambda c: [image.update(crowdIndex=0.2) for image in c["images"]])
    for annotation in content["annotations"]:
        annotation.update(keypoints=annotation["keypoints"][:42], num_keypoints=0 if annotation["id"] == 4 else 12)
    (report,) = check_path(save(tmp_path, content, "crowdpose_val.json"))
    assert report.layout == "CrowdPose's person keypoints" and report.facts["skeleton"].startswith("crowdpose14")
    assert report.errors == []


@pytest.mark.parametrize("joints, faults", [([[5.0, 5.0]] * 16, 0), ([[math.nan, 5.0]] * 16, 1)])
def test_the_h5_of_mpii(joints, faults, tmp_path):
    with h5py.File(tmp_path / "valid.h5", "w") as file:
        file.update({"imgname": [b"1.png"], "center": [[50, 50]], "scale": [0.5], "part": [joints]})
        file["visible"] = np.ones((1, 16))
    (report,) = check_path(str(tmp_path / "valid.h5"), with_images=False)
    assert "the stacked hourglass's h5" in report.layout and len(report.errors) == faults


def test_predicted_joints_of_mpii(tmp_path):
    with h5py.File(tmp_path / "p.h5", "w") as file:
        file["preds"] = np.zeros((3, 16, 2))
    (report,) = check_path(str(tmp_path / "p.h5"))
    assert report.facts == {"shape": "3x16x2"} and not report.errors


@pytest.mark.parametrize(
    "entries, expected",
    [
        ([{"bbox": [0, 0, 9, 9]}, {"image_id": 9}, {}], ["boxes of unknown images, got 1: 9"]),
        ([{"bbox": [0, 0, 0, 9]}, {"score": 3}, {"bbox": [0, 0, -1, 9]}],
         ["boxes without width or height, got 2: entry 0", "no number from 0 to 1, got 1: entry 1"]),
        ([{"score": None}, {"category_id": 1}], ["no number from 0 to 1, got 1: entry 0"]),
    ],
)  # fmt: skip
def test_boxes_beside_their_annotations(entries, expected, tmp_path):
    save(tmp_path, make_content())
    usual = {"image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9], "score": 0.5}
    (tmp_path / "boxes.json").write_text(json.dumps([{**usual, **entry} for entry in entries]))
    found = problems(check_path(str(tmp_path / "boxes.json"), annotations=str(tmp_path)))
    assert len(found) == len(expected) and all(part in text for part, text in zip(expected, found)), found


def test_a_toy_set_and_its_recipe_are_sound(tmp_path):
    write_toy_set(ToySet(str(tmp_path), images=2))
    reports = check_path(str(tmp_path))
    assert len(reports) == 3 and problems(reports) == []
    sources = {part: [{"annotations": f"{part}/person_keypoints.json", "images": f"{part}/images"}]
               for part in ("train", "holdout")}  # fmt: skip
    recipe = {"data_root": str(tmp_path), **sources}
    (tmp_path / "toy.yaml").write_text(json.dumps(recipe))
    assert problems(check_path(str(tmp_path / "toy.yaml"))) == []
    (tmp_path / "toy.yaml").write_text(json.dumps({**recipe, "skeleton": "crowdpose14"}))
    found = problems(check_path(str(tmp_path / "toy.yaml")))
    assert len(found) == 2 and "is not of the skeleton crowdpose14" in found[0]


@pytest.mark.parametrize("cut", [False, True])
def test_a_rosbag(cut, tmp_path):
    save(tmp_path, make_content())
    make_bag(BagConversion(str(tmp_path / "images"), str(tmp_path / "bag"), "mcap", compressed=True))
    (file,) = (tmp_path / "bag").glob("*.mcap")
    if cut:
        file.write_bytes(file.read_bytes()[:-400])
    (report,) = check_path(str(tmp_path / "bag"))
    assert report.layout == "rosbag" and bool(report.errors) == cut
    assert report.facts["/camera/image_raw/compressed"].startswith("2 messages" if not cut else "")


@pytest.mark.parametrize(
    "content, text",
    [
        ("", "expected a JSON file"),
        ("[" * 100_000, "expected a JSON file"),
        ("3", "or a list of persons, boxes or predictions, got 3"),
        ("[]", "got []"),
        ("{}", "got an object of []"),
        ({"images": 3, "annotations": 4}, "expected"),
        ({"images": [3, None, []], "annotations": [[], 7, None]}, "images that are no objects, got 3"),
        ({"images": [{"id": {}, "file_name": []}], "annotations": [{"id": [], "image_id": {}}]}, "images"),
        ({"images": [{"id": 10**40, "file_name": "a"}], "annotations": [{"keypoints": 1e999, "bbox": "x"}]}, "images"),
        ({"images": [{"id": 1, "file_name": "a\0b"}], "annotations": [{"image_id": 1, "keypoints": {}}]}, "images"),
        ([[1], {"joints": 3}], "entries that are not MPII's, got 2"),
        ([{"image_id": [], "bbox": {}}, 3], "expected no boxes"),
        ([{"image_id": {}, "keypoints": 3}], "expected no predictions"),
    ],
)
def test_hostile_files(content, text, tmp_path):
    (report,) = check_path(save(tmp_path, content, "a.json"))
    assert text in report.errors[0].text() and text_of(report).isprintable() is False  # several lines


@pytest.mark.parametrize("name", ["none", "empty", "models", "broken.h5", "a.yaml"])
def test_what_is_no_data(name, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "a.onnx").write_bytes(b"x")
    (tmp_path / "broken.h5").write_bytes(b"x")
    (tmp_path / "a.yaml").write_text("[1, 2]")
    try:
        found = problems(check_path(str(tmp_path / name)))
    except DataError as error:
        found = [str(error)]
    assert len(found) == 1 and "expected" in found[0]
