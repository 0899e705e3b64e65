"""The labelling tool on answers whose agreement can be worked out by hand."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="the tool belongs to training")

from pose_estimation_ros.core.poses import make_poses
from pose_estimation_ros.core.skeleton import get_skeleton

WIDTH = 100
NAMES = get_skeleton("coco17").keypoints


@pytest.fixture(scope="module")
def tool(repository):
    sys.path.insert(0, str(repository))
    from tools.training import label_keypoints

    sys.path.pop(0)
    return label_keypoints


def finder(score=0.9, shift=0.0, mirrored_shift=0.0):
    """Finds keypoint k at (20 + k, 30 + k) of the image, and says the same of its mirror image, but for the shifts.

    Images are told apart by their top left pixel, which is bright in the one and dark in the other.
    """

    def find(frame, boxes):
        places = np.stack([20.0 + np.arange(17), 30.0 + np.arange(17)], 1)
        if frame[0, 0, 0]:
            places[:, 0] += shift
        else:  # left and right change places
            places = places[get_skeleton("coco17").flip_index]
            places[:, 0] = WIDTH - 1 - places[:, 0] - mirrored_shift
        scores = np.full((len(boxes), 17), score)
        return make_poses(np.tile(places, (len(boxes), 1, 1)), scores, boxes, scores.mean(1))

    return find


@pytest.mark.parametrize(
    "teacher, other, all_known, x",
    [
        (finder(), finder(), True, 20.0),
        (finder(shift=2.0), finder(), True, 21.0),  # the mean of both looks
        (finder(shift=5.0), finder(), False, None),  # 6 % of 80 px are 4.8
        (finder(mirrored_shift=-5.0), finder(), False, None),
        (finder(), finder(shift=5.0, mirrored_shift=5.0), False, None),
        (finder(), finder(shift=5.0), True, 20.0),  # 2.5 in the mean
        (finder(score=0.29), finder(), False, None),
        (finder(score=0.31), finder(score=0.1), True, 20.0),
    ],
)
def test_agreement(tool, teacher, other, all_known, x):
    frame = np.zeros((100, WIDTH, 3), np.uint8)
    frame[0, 0] = 255
    xy, known = tool.agreed(teacher, other, frame, np.array([[10.0, 15.0, 60.0, 95.0], [0.0, 0.0, 80.0, 40.0]]))
    assert known.shape == (2, 17) and known.all() == all_known and known.any() == all_known
    if all_known:
        assert xy[1, NAMES.index("nose")] == pytest.approx([x, 30.0])
        assert xy[0, NAMES.index("left_wrist")] == pytest.approx([x + 9, 39.0])


@pytest.mark.parametrize("least, count", [(2, 3), (3, 3), (4, 0)])
def test_who_has_too_few_keypoints_has_none(tool, least, count):
    known = np.arange(17) < 3
    item = tool.labelled({"id": 7, "bbox": [1, 2, 3, 4]}, np.full((17, 2), 5.04), known, least)
    assert item["num_keypoints"] == count and item["bbox"] == [1, 2, 3, 4]
    assert item["keypoints"] == ([5.0, 5.0, 2.0] * count + [0.0] * 3 * (17 - count))


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
    files = [f"{shared_data}/reference_models", "images", "boxes.json", "out.json"]
    files[1:] = [str(tmp_path / name) for name in files[1:]]
    subprocess.run(
        [sys.executable, "-m", "tools.training.label_keypoints", *files], check=True, cwd=repository, timeout=300
    )
    found = {a["id"]: a for a in json.loads((tmp_path / "out.json").read_text())["annotations"]}
    assert set(found) == {0, *(a["id"] for a in people)} and "keypoints" not in found[0]
    for person in people:
        known, truth = np.array(found[person["id"]]["keypoints"]).reshape(17, 3), np.array(person["keypoints"])
        both = (known[:, 2] > 0) & (truth.reshape(17, 3)[:, 2] > 0)
        away = np.linalg.norm(known[both, :2] - truth.reshape(17, 3)[both, :2], axis=1)
        assert both.sum() >= 8 and np.median(away) < 0.05 * max(person["bbox"][2:])
