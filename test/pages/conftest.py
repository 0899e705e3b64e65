"""Provide the folder in which a reader of the pages runs their commands."""

import json
import os
import shutil

import pytest

pytest.importorskip("torch", reason="trains")
yaml = pytest.importorskip("yaml", reason="reads recipes")

import cv2  # noqa: E402
from page_blocks import write_short_clip  # noqa: E402

from pose_estimation_ros.__main__ import main  # noqa: E402
from pose_estimation_ros.datasets.toy.write import ToySet  # noqa: E402

QUICK = {"epochs": 1, "epoch_samples": 32, "warmup_steps": 0, "pictures": 0, "workers": 0, "threads": 1}
SMALL = {**QUICK, "name": "NAME", "data_root": "data/drawn", "input_size_wh": [64, 64], "model_options": {"width": 8}}
IMAGES, FRAMES = 40, 8
LINKED = ("docs", "benchmarks", "tools", "examples", "launch")


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """Make what the pages' commands read, under the names that they have there."""
    repository = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    folder = tmp_path_factory.mktemp("pages")
    for name in LINKED:
        (folder / name).symlink_to(os.path.join(repository, name))
    for name in ("models", "config"):
        shutil.copytree(os.path.join(repository, name), str(folder / name))
    before = os.getcwd()
    os.chdir(str(folder))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ToySet, "images", IMAGES)
        try:
            make_inputs(folder)
        finally:
            os.chdir(before)
    return folder


def make_inputs(folder):
    """Draw people, train a small network on them, and name the results as the pages do."""
    for recipe in ("toy", "fine_tune"):
        path = folder / "config/training" / f"{recipe}.yaml"
        path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **QUICK}))
    assert main(["data", "toy", "data/drawn"]) == 0
    make_videos(folder)
    small = folder / "small.yaml"
    source = [{"annotations": "train/person_keypoints.json", "images": "train/images"}]
    small.write_text(yaml.safe_dump({**SMALL, "train": source, "holdout": source, "batch_size": 8, "milestones": []}))
    assert main(["train", "small.yaml"]) == 0
    people_finder = ["models/lite0_fpn_coco.onnx", "config/training/fine_tune.yaml", "name=elpn_v1_coco"]
    assert main(["import-weights", *people_finder, "data_root=data/drawn"]) == 0
    for place, name in [(".", "a"), (".", "b"), (".", "other"), (".", "my_tool"), (".", "my_hand"), ("models", "NAME")]:
        assert main(["export", "runs/NAME/best.ckpt", "--out", place, "--name", name]) == 0
    for ending in (".onnx", ".json"):  # one that finds people
        shutil.copy(str(folder / f"models/lite0_fpn_coco{ending}"), str(folder / f"my_pose{ending}"))
    for name in ("my_people", "OTHER_PEOPLE", "coco_train"):
        (folder / name).symlink_to("data/drawn/train")
    for name in ("FOLDER", "coco_val"):
        (folder / name).symlink_to("data/drawn/holdout")
    (folder / "data/coco_val97").symlink_to("drawn/holdout")
    (folder / "boxes").mkdir()
    (folder / "boxes/images").symlink_to("../data/drawn/train/images")
    (folder / "boxes/person_boxes_train.json").symlink_to("../data/drawn/train/person_keypoints.json")
    assert main(["make-bag", "clip.mp4", "--out", "recordings/first"]) == 0
    for name in ("nobody", "NOBODY"):
        (folder / name).symlink_to("data/drawn/nobody")
    annotated = json.loads((folder / "data/drawn/holdout/person_keypoints.json").read_text())
    (folder / "images").symlink_to("data/drawn/holdout/images")
    (folder / "image_info.json").write_text(json.dumps({**annotated, "annotations": []}))
    (folder / "boxes.json").symlink_to("data/drawn/holdout/person_detections.json")
    results = [
        {"image_id": a["image_id"], "category_id": 1, "keypoints": a["keypoints"], "score": 0.9}
        for a in annotated["annotations"]
    ]
    for name in ("results.json", "c.json"):
        (folder / name).write_text(json.dumps(results))


def make_videos(folder):
    """Cut the first frames of the demo's clip, as videos and as an image."""
    clip = folder / "test/data/pedestrians.mp4"
    clip.parent.mkdir(parents=True)
    cv2.imwrite(str(folder / "people.jpg"), write_short_clip(clip, FRAMES))
    for name in ("clip.mp4", "video.mp4", "walk.mp4"):
        shutil.copy(str(clip), str(folder / name))


@pytest.fixture
def reader(prepared, tmp_path, monkeypatch):
    """Enter a copy of the prepared folder, in which a page may change everything."""
    folder = tmp_path / "reader"
    shutil.copytree(str(prepared), str(folder), symlinks=True)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(ToySet, "images", IMAGES)
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    return folder
