"""What cards say of training agrees with recipes and train_shipped."""

import json
import os

import pytest

from pose_estimation_ros.training.recipe import Recipe


@pytest.fixture
def training(documentation):
    return documentation("card_training")


@pytest.mark.parametrize(
    "fields, words",
    [
        ({}, "random weights"),
        ({"init_from": "runs/before/last.ckpt"}, "`before`"),
        ({"init_from": "./runs/labels/imagenet_start.ckpt"}, "EfficientNet-Lite0"),
        ({"grow_from": "runs/small/best.ckpt"}, "`small`, and random weights for what is new"),
    ],
)
def test_beginnings(training, fields, words):
    assert training.beginning(Recipe(**fields)) == words


TEACHERS = "`pp_tinypose23_256x192` and `pp_tinypose_256x192`"


@pytest.mark.parametrize(
    "model, annotations, words",
    [
        ("elpn_v1", "coco_train/person_keypoints.json", "people"),
        ("lite0_fpn", "./runs/labels/teacher_coco_train.json", f"people, else {TEACHERS}"),
        ("lite0_fpn", "./runs/labels/teacher_boxes.json", f"the mean of {TEACHERS}"),
        ("person_detector", "./runs/labels/crops_boxes.json", "YOLOX-nano"),
        ("person_detector", "./runs/labels/coco_train_boxes.json", "people, and YOLOX-nano for who is not annotated"),
    ],
)  # fmt: skip
def test_labels(training, model, annotations, words):
    assert training.labelled_by(training.SHIPPED[model], annotations) == words


def test_every_recipe_of_a_shipped_model_has_its_row_and_its_data(training):
    for shipped in training.SHIPPED.values():
        recipes = training.recipes_of(shipped)
        rows = training.recipe_table(recipes).splitlines()
        assert [row.split("`")[1] for row in rows[2:]] == list(shipped.recipes)
        assert training.data_table(shipped, recipes).count("\n") >= 3


def test_weights_of_another_run_are_said_to_be(training, spec):
    shipped = training.SHIPPED["elpn_v1"]
    made = spec(training={"model": "elpn_v1", "name": "elsewhere"})
    assert "run `elsewhere`, which is none of these recipes" in training.origin(made, shipped)
    made = spec(training={"model": "elpn_v1", "name": shipped.recipes[-1]})
    assert "come from the last recipe" in training.origin(made, shipped)


def test_a_note_goes_with_its_weights(training, spec, monkeypatch):
    made, shipped = spec(), training.SHIPPED["elpn_v1"]
    monkeypatch.setattr(training, "NOTES", {made.sha256[:8]: "A note."})
    assert training.origin(made, shipped).endswith(" A note.")
    assert "note" not in training.origin(made._replace(sha256="0" * 64), shipped)


def test_every_data_set_has_its_rights(training):
    assert {name for pack in training.PACKS.values() for name in pack.images} == set(training.RIGHTS)


def test_the_numbers_of_images_are_those_of_the_files(training, shared_data):
    files = {"crops/crops_train_*.tar": "crops/person_keypoints_train.json"}
    files["crops_more/crops_*.tar"] = "crops_more/person_keypoints_train.json"
    files["coco_train/images"] = "coco_train/person_keypoints.json"
    files["boxes/images_train.tar"] = "boxes/person_boxes_train.json"
    for images, name in files.items():
        if os.path.exists(os.path.join(shared_data, name)):
            with open(os.path.join(shared_data, name)) as file:
                assert len(json.load(file)["images"]) == sum(training.PACKS[images].images.values()), name
