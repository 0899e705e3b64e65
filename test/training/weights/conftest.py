"""The authors' files of small networks, and the recipes that fit them."""

import dataclasses

import pytest
from published_networks import BOTTOM_UP, OPTIONS, write_file

from pose_estimation_ros.training.recipe import Recipe


@pytest.fixture(scope="session")
def published():
    """A function: name of a model, number of joints -> the authors' tensors, and their network's outputs on IMAGES."""
    made = {}

    def make(model, joints=17):
        if (model, joints) not in made:
            made[model, joints] = write_file(model, joints)
        tensors, outputs = made[model, joints]
        return dict(tensors), outputs

    return make


@pytest.fixture
def recipe_of(tmp_path):
    """A function: name of a model, changes -> its recipe, whose folder is that of the test."""

    def make(model, **changes):
        task, options = "bottom_up" if model in BOTTOM_UP else "top_down", OPTIONS.get(model, {})
        recipe = Recipe("a", task, model, options, input_size_wh=[64, 64], out_dir=str(tmp_path / "runs"))
        return dataclasses.replace(recipe, **changes)

    return make
