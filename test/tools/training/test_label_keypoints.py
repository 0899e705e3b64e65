"""The labelling tool on answers whose agreement can be worked out by hand."""

import json
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="the tool belongs to training")

from pose_estimation_ros.core.errors import DataError, ModelError
from pose_estimation_ros.core.poses import make_poses
from pose_estimation_ros.core.skeleton import Skeleton, get_skeleton
from pose_estimation_ros.datasets.coco_categories import annotated_skeleton
from pose_estimation_ros.datasets.coco_json import checked_content

NAMES = get_skeleton("coco17").keypoints
FRAME = np.zeros((100, 100, 3), np.uint8)
BOXES = np.array([[10.0, 15.0, 60.0, 95.0], [0.0, 0.0, 80.0, 40.0]])


@pytest.fixture(scope="module")
def tool(repository):
    sys.path.insert(0, str(repository))
    from tools.training import label_keypoints

    sys.path.pop(0)
    return label_keypoints


def finder(score=0.9, shift=0.0):
    """Finds keypoint k at (20 + k, 30 + k), moved to the right by the shift."""

    def find(frame, boxes):
        places = np.stack([20.0 + shift + np.arange(17), 30.0 + np.arange(17)], 1)
        scores = np.full((len(boxes), 17), score)
        return make_poses(np.tile(places, (len(boxes), 1, 1)), scores, boxes, scores.mean(1))

    return find


@pytest.mark.parametrize(
    "teachers, x, score",
    [
        ([finder()], 20.0, 0.9),
        ([finder(), finder(shift=2.0)], 21.0, 0.9),
        ([finder(), finder(shift=2.0, score=0.3)], 20.5, 0.6),
        ([finder(), finder(shift=4.7)], 22.35, 0.9),  # 6 % of 80 px are 4.8
        ([finder(), finder(shift=4.9, score=0.8)], 20.0, 0.45),
        ([finder(score=0.2), finder(shift=4.9, score=0.8), finder(shift=-9)], 11.0, 0.45),
        ([finder(score=0.0), finder(score=0.0)], 20.0, 0.0),
    ],
)
def test_agreement(tool, teachers, x, score):
    xy, scores = tool.agreed(teachers, FRAME, BOXES)
    if score:
        assert xy[1, NAMES.index("nose")] == pytest.approx([x, 30.0])
        assert xy[0, NAMES.index("left_wrist")] == pytest.approx([x + 9, 39.0])
    assert scores.shape == (2, 17) and scores == pytest.approx(np.full((2, 17), score), abs=1e-6)


@pytest.mark.parametrize(
    "keep, expected",
    [
        (True, [(1.0, 1.0), (1.0, 1.0), (1.0, 1.0), (9.0, 0.2)]),
        (False, [(9.0, 0.3), (1.0, 0.5), (9.0, 0.2), (9.0, 0.05)]),
    ],
)
def test_labels_beside_teachers(tool, keep, expected):
    labels = np.array([[1.0, 9.0, 2.0], [1.0, 9.0, 1.0], [1.0, 7.9, 2.0], [0.0, 0.0, 0.0]])
    score = np.array([0.3, 0.29, 0.05, 0.2 if keep else 0.05])  # 10 % of 80.7 px are 8.07, the distances 8 and 8.08
    xy, score = tool.with_labels(labels, np.full((4, 2), 9.0), score, 80.7, keep)
    assert list(zip(xy[:, 0], score)) == expected


@pytest.mark.parametrize("least, count", [(2, 3), (3, 3), (4, 0)])
def test_who_has_too_few_keypoints_has_none(tool, least, count):
    score = np.where(np.arange(17) < 3, 0.3, 0.2999)
    item = tool.labelled({"id": 7, "bbox": [1, 2, 3, 4]}, np.full((17, 2), 5.04), score, least)
    assert item["num_keypoints"] == count and item["bbox"] == [1, 2, 3, 4]
    assert item["keypoints"] == ([5.0, 5.0, 2.0] * count + [0.0] * 3 * (17 - count))
    assert item.get("keypoint_scores") == ([0.3] * 3 + [0.3] * 14 if count else None)


def people_of(category):
    return {"images": [], "annotations": [], **({} if category is None else {"categories": category})}


@pytest.mark.parametrize(
    "categories, written",
    [
        (None, [1]),
        ([], [1]),
        ([{"id": 1, "name": "person"}], [1]),
        ([{"id": 5, "name": "Person", "keypoints": []}, {"id": 2, "name": "dog"}], [5]),
        ([{"id": 1, "name": "person", "keypoints": list(NAMES)}], [1]),
    ],
)
def test_the_labels_name_their_keypoints(tool, categories, written):
    made = tool.with_names(people_of(categories), get_skeleton("coco17"), "people.json")
    assert [entry["id"] for entry in made["categories"] if entry.get("keypoints") == list(NAMES)] == written
    assert len(made["categories"]) == max(1, len(categories or []))
    assert annotated_skeleton(made, "people.json") == get_skeleton("coco17")
    assert checked_content(made, "people.json", get_skeleton("coco17"))[1].person == written[0]


def test_a_file_without_categories_keeps_its_people(tool):
    people = {"images": [{"id": 1, "file_name": "a"}], "annotations": [{"image_id": 1, "bbox": [1, 2, 3, 4]}]}
    for category_id in (None, 1, 7):
        fields = {} if category_id is None else {"category_id": category_id}
        content = {**people, "annotations": [{**people["annotations"][0], **fields}]}
        made = tool.with_names(content, get_skeleton("coco17"), "people.json")
        assert len(checked_content(made, "people.json", get_skeleton("coco17"))[0]["annotations"]) == 1


@pytest.mark.parametrize("names", [NAMES[:16], NAMES[1:] + NAMES[:1], get_skeleton("mpii16").keypoints])
def test_people_with_other_keypoints_are_refused(tool, names):
    content = people_of([{"id": 1, "name": "person", "keypoints": list(names)}])
    with pytest.raises(DataError, match="people.json.*is not of the skeleton coco17"):
        tool.with_names(content, get_skeleton("coco17"), "people.json")


def test_teachers_of_other_keypoints_are_refused(tool, repository, color_model, save_spec, tmp_path):
    other = shutil.copy(color_model, tmp_path / "other.onnx")
    save_spec(str(other))
    assert tool.common_skeleton([color_model]) == tool.common_skeleton([color_model, str(other)])
    save_spec(str(other), skeleton=Skeleton("mine", NAMES[1:] + NAMES[:1], (), (), None))
    (tmp_path / "people.json").write_text(json.dumps(people_of(None)))
    arguments = [f"--teacher={color_model}", f"--teacher={other}", str(tmp_path), str(tmp_path / "people.json")]
    command = [sys.executable, "-m", "tools.training.label_keypoints", *arguments, str(tmp_path / "out.json")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=repository, timeout=120)
    assert done.returncode == 2 and not (tmp_path / "out.json").exists()
    expected = f"other.onnx: expected the keypoints of {color_model} in their order, got left_eye, "
    assert expected in done.stderr and "Traceback" not in done.stderr


def test_what_is_no_pose_model_is_no_teacher(tool, color_model, save_spec, tmp_path):
    save_spec(color_model, task="person_detector", skeleton=None, decoder="boxes", padding=1.0)
    with pytest.raises(ModelError, match="expected a pose model, got one for person_detector"):
        tool.common_skeleton([color_model])
    alone = shutil.copy(color_model, tmp_path / "alone.onnx")
    with pytest.raises(ModelError, match="alone.json does not exist"):
        tool.common_skeleton([str(alone)])
    with pytest.raises(ModelError, match="no_such_model"):
        tool.common_skeleton(["no_such_model"])


def test_real_people(repository, shared_data, tmp_path):
    (tmp_path / "images").mkdir()
    content = json.loads((repository.parent / "shared/data/coco_val/person_keypoints_official.json").read_text())
    people = [a for a in content["annotations"] if a["num_keypoints"] >= 15 and a["area"] > 128**2][:3]
    names = {image["id"]: image["file_name"] for image in content["images"]}
    for name in {names[person["image_id"]] for person in people}:
        image = cv2.imread(f"{shared_data}/coco_val/images/{name}")
        cv2.imwrite(str(tmp_path / "images" / name), image)
    boxes = [{k: a[k] for k in ("id", "image_id", "bbox")} for a in people]
    boxes.append({**boxes[0], "id": 0, "iscrowd": 1})
    images = [image for image in content["images"] if (tmp_path / "images" / image["file_name"]).exists()]
    (tmp_path / "boxes.json").write_text(json.dumps({"images": images, "annotations": boxes}))
    files = [str(tmp_path / name) for name in ("images", "boxes.json", "out.json")]
    teachers = [f"--teacher={shared_data}/reference_models/pp_tinypose{name}_256x192.onnx" for name in ("23", "")]
    command = [sys.executable, "-m", "tools.training.label_keypoints", *teachers, *files]
    subprocess.run(command, check=True, cwd=repository, timeout=300)
    made = json.loads((tmp_path / "out.json").read_text())
    assert made["categories"][0]["keypoints"] == list(NAMES)
    found = {a["id"]: a for a in made["annotations"]}
    assert set(found) == {0, *(a["id"] for a in people)} and "keypoints" not in found[0]
    for person in people:
        known, truth = np.array(found[person["id"]]["keypoints"]).reshape(17, 3), np.array(person["keypoints"])
        both = (known[:, 2] > 0) & (truth.reshape(17, 3)[:, 2] > 0)
        away = np.linalg.norm(known[both, :2] - truth.reshape(17, 3)[both, :2], axis=1)
        assert both.sum() >= 8 and np.median(away) < 0.05 * max(person["bbox"][2:])
