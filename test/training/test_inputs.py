"""All files of a recipe that are missing are named at once, before a training begins."""

import dataclasses

import pytest

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.training.inputs import inputs, require_inputs
from pose_estimation_ros.training.recipe import Recipe, Source
from pose_estimation_ros.training.train import train

FILES = ("a.json", "images", "tars/a_1.tar", "boxes.json")


@pytest.fixture
def data(tmp_path):
    """Folder with a file, which need not be more, of each kind that a source names."""
    (tmp_path / "tars").mkdir()
    for name in FILES:
        (tmp_path / name).touch()
    return tmp_path


def test_a_recipe_without_sources_needs_no_file():
    assert list(inputs(Recipe())) == []
    require_inputs(Recipe())


def test_files_folders_and_globs_that_are_there(data):
    sources = [Source("a.json", "images", detections="boxes.json"), Source("a.json", "tars/a_*.tar")]
    require_inputs(Recipe(data_root=str(data), train=sources, holdout=sources, init_from=str(data / "a.json")))


@pytest.mark.parametrize("changes, named", [
    ({"train": [Source("b.json", "images")]}, ["b.json (train)"]),
    ({"holdout": [Source("a.json", "photos")]}, ["photos (holdout)"]),
    ({"train": [Source("a.json", "tars/b_*.tar")]}, ["tars/b_*.tar (train)"]),
    ({"train": [Source("a.json", "images", detections="b.json")]}, ["b.json (train)"]),
    ({"train": [Source("a.json", "images", others="b.json")]}, ["b.json (train)"]),
    ({"train": [Source("b.json", "photos")], "holdout": [Source("c.json", "images")]},
     ["b.json (train)", "photos (train)", "c.json (holdout)"]),
    ({"train": [Source("a.json", "photos")], "holdout": [Source("a.json", "photos")]}, ["photos (train)"]),
])  # fmt: skip
def test_missing_data_are_named(data, changes, named):
    with pytest.raises(DataError) as caught:
        require_inputs(Recipe(name="mine", data_root=str(data), **changes))
    places = ", ".join(f"{data}/{place}" for place in named)
    assert str(caught.value) == (
        f"expected the files of recipe mine, got none at {places}; data_root=FOLDER is where the data are"
    )


@pytest.mark.parametrize("key", ["teacher", "init_from", "grow_from"])
def test_a_missing_checkpoint_is_named_before_anything_is_written(recipe, tmp_path, key):
    losses = {"teacher_mse": 1.0} if key == "teacher" else recipe.losses
    with pytest.raises(DataError, match=rf"got none at gone/best.ckpt \({key}\)$"):
        train(dataclasses.replace(recipe, losses=losses, **{key: "gone/best.ckpt"}))
    assert not list(tmp_path.iterdir())
