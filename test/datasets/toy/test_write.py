"""A toy set is what trainings and evaluations read without a warning, and the same options write the same files."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.core.skeleton import SKELETONS, get_skeleton
from pose_estimation_ros.datasets import mpii
from pose_estimation_ros.datasets.coco_categories import annotated_skeleton
from pose_estimation_ros.datasets.coco_index import load_ground_truth
from pose_estimation_ros.datasets.toy import write
from pose_estimation_ros.datasets.toy.scene import draw_scene
from pose_estimation_ros.datasets.toy.write import PARTS, ToySet, drawn_skeleton, write_toy_set
from pose_estimation_ros.training.data.check.files import check_path

FITTING = {"coco17", "crowdpose14", "halpe26", "hri18", "mpii16", "openpose18"}


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    return folder, write_toy_set(ToySet(str(folder), images=6, seed=3))


def content(folder, part):
    return json.loads((folder / part / "person_keypoints.json").read_text())


def test_one_image_is_the_smallest_set(tmp_path):
    counts = write_toy_set(ToySet(str(tmp_path / "new"), images=1))
    assert {part: images for part, (images, _people) in counts.items()} == {
        **dict.fromkeys(PARTS, 1),
        "nobody": 1,
        "walk": 2,
    }
    assert [part for part, (_images, people) in counts.items() if not people] == ["nobody"]


def test_counts_and_images(toy):
    folder, counts = toy
    assert {part: images for part, (images, _people) in counts.items()} == {
        "train": 6,
        "holdout": 1,
        "nobody": 1,
        "walk": 2,
    }
    for part, (images, people) in ((part, counts[part]) for part in (*PARTS, "walk")):
        written = content(folder, part)
        assert (len(written["images"]), len(written["annotations"])) == (images, people)
        for image in written["images"]:
            with Image.open(folder / part / "images" / image["file_name"]) as file:
                assert file.size == (image["width"], image["height"])


def test_it_is_read_without_a_warning(toy, capsys):
    truth = load_ground_truth(toy[0] / "train")
    assert len(truth.anns) == toy[1]["train"][1] and capsys.readouterr() == ("", "")


@pytest.mark.parametrize("name", sorted(FITTING))
def test_skeletons(name, tmp_path):
    write_toy_set(ToySet(str(tmp_path), images=1, skeleton=name))
    written = content(tmp_path, "train")
    skeleton = get_skeleton(name)
    assert annotated_skeleton(written, "f.json") == skeleton
    for person in written["annotations"]:
        visible = person["keypoints"][2::3]
        assert len(visible) == skeleton.num_keypoints and person["num_keypoints"] == sum(v > 0 for v in visible) > 0


@pytest.mark.parametrize("name", sorted(set(SKELETONS) - FITTING) + ["none"])
def test_other_skeletons_are_refused(name):
    with pytest.raises(ConfigError, match="expected a skeleton out of .*coco17"):
        drawn_skeleton(name)


def test_options_decide_the_files_and_larger_sets_begin_alike(toy, tmp_path):
    write_toy_set(ToySet(str(tmp_path / "same"), images=3, seed=3))
    write_toy_set(ToySet(str(tmp_path / "other"), images=3, seed=4))
    pixels = [(folder / "train/images/00003.jpg").read_bytes() for folder in (toy[0], tmp_path / "same")]
    assert pixels[0] == pixels[1] != (tmp_path / "other/train/images/00003.jpg").read_bytes()
    assert content(tmp_path / "same", "train")["annotations"] == content(toy[0], "train")["annotations"][: len(
        content(tmp_path / "same", "train")["annotations"])]  # fmt: skip
    train, holdout = (content(toy[0], part)["annotations"][0]["bbox"] for part in PARTS)
    assert train != holdout


def test_a_set_is_never_overwritten(toy):
    with pytest.raises(ConfigError, match="expected a new folder for the toy set, got .*train, which exists"):
        write_toy_set(ToySet(str(toy[0])))


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_set_that_cannot_be_completed_leaves_nothing_behind(tmp_path, monkeypatch, fault):
    scenes = iter([draw_scene(np.random.default_rng(0))])

    def draw(rng):
        for scene in scenes:
            return scene
        raise fault

    (tmp_path / "mine.txt").write_text("x")
    monkeypatch.setattr(write, "draw_scene", draw)
    with pytest.raises((DataError, KeyboardInterrupt)):
        write_toy_set(ToySet(str(tmp_path), images=3))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_of_two_at_once_one_is_refused_and_loses_nothing_of_the_other(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "exists", lambda path: False)  # as before the other one began
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "its.txt").write_text("x")
    with pytest.raises(DataError, match="cannot write .*: File exists"):
        write_toy_set(ToySet(str(tmp_path), images=1))
    assert (tmp_path / "train" / "its.txt").is_file()


def test_people_are_complete_so_that_bottom_up_networks_can_learn_of_them(toy):
    data = pytest.importorskip("pose_estimation_ros.training.data.scenes", reason="trains")
    scenes = data.load_scenes(toy[0] / "train" / "person_keypoints.json", get_skeleton("coco17"))
    assert (len(scenes), sum(len(scene.keypoints) for scene in scenes)) == toy[1]["train"]
    assert not any(scene.ignored or scene.unknown.any() for scene in scenes)


def test_progress_sees_the_images_of_each_part(tmp_path):
    seen = []

    def watch(numbers):
        seen.append(len(numbers))
        return numbers

    assert write_toy_set(ToySet(str(tmp_path / "set"), images=2), watch)["train"][0] == 2 and seen == [2, 1]


def test_images_without_people_come_on_top(tmp_path):
    counts = write_toy_set(ToySet(str(tmp_path), images=10))
    written = content(tmp_path, "train")
    names = [image["file_name"] for image in written["images"]]
    assert counts["train"][0] == 11 and names[:2] == ["00001.jpg", "00002.jpg"] and names[-1] == "nobody_00001.jpg"
    assert written["images"][-1]["id"] not in {a["image_id"] for a in written["annotations"]}
    assert [path.name for path in (tmp_path / "nobody").iterdir()] == ["00001.jpg"]


def test_the_walk_has_tracks(toy):
    written = content(toy[0], "walk")
    assert {a["track_id"] for a in written["annotations"]} >= {1, 2}
    assert [image["id"] for image in written["images"]] == [0, 1]


@pytest.mark.parametrize("skeleton", ["coco17", "crowdpose14", "mpii16"])
def test_nothing_is_wrong_with_any_file(skeleton, tmp_path):
    write_toy_set(ToySet(str(tmp_path), images=3, skeleton=skeleton))
    for part in PARTS:
        files = [tmp_path / part, *(tmp_path / part).glob("mpii.json")]
        reports = [report for file in files for report in check_path(str(file))]
        reports += check_path(str(tmp_path / part / "person_detections.json"), annotations=str(tmp_path / part))
        assert len(reports) == (3 if skeleton == "mpii16" else 2)
        assert [fault.text() for report in reports for fault in report.errors] == []
        assert reports[0].layout.startswith("CrowdPose's" if skeleton == "crowdpose14" else "COCO's")


def test_mpii_has_the_joints_and_boxes_of_coco(tmp_path):
    write_toy_set(ToySet(str(tmp_path), images=3, skeleton="mpii16"))
    persons, annotations = mpii.load_persons(tmp_path / "train/mpii.json"), content(tmp_path, "train")["annotations"]
    for box, keypoints, person in zip(persons.box_xyxy, persons.keypoints, annotations, strict=True):
        own = np.array(person["keypoints"]).reshape(-1, 3)
        np.testing.assert_allclose(keypoints[:, :2], own[:, :2] * (own[:, 2:] > 0), atol=0.02)
        x, y, width, height = person["bbox"]
        np.testing.assert_allclose(box[:2] + box[2:], [2 * x + width, 2 * y + height], atol=0.1)
        assert box[2] - box[0] == pytest.approx(max(width, height), abs=0.1)
