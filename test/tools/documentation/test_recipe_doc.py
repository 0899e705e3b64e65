"""docs/reference/recipe-keys.md says what the recipe's dataclasses, the losses and the models say."""

import dataclasses
import inspect

import pytest
import torch

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.training.losses import LOSSES
from pose_estimation_ros.training.recipe import RANGES, Augmentation, LossOptions, Recipe, Source, check_recipe
from pose_estimation_ros.training.tasks import TASKS

KINDS = (Recipe, Source, Augmentation, LossOptions)


@pytest.fixture
def tool(documentation):
    return documentation("recipe_doc")


def names(kind):
    return [field.name for field in dataclasses.fields(kind)]


def test_the_page_is_that_of_the_code(tool):
    assert tool.filled(tool.PAGE, tool.parts()) == tool.PAGE.read_text(), "run tools/documentation/recipe_doc.py"


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_has_a_meaning(tool, kind):
    meanings = tool.described(kind)
    assert list(meanings) == names(kind) and all(meanings.values())


def test_every_option_of_a_model_has_a_meaning(tool):
    for kind in TASKS.values():
        for build in kind.models.values():
            meanings = tool.described(tool.builder(build), "Args")
            assert [name for name in tool.options_of(build) if not meanings.get(name)] == []


def test_a_docstring_without_the_section(tool):
    assert tool.described(names) == {}


def test_every_key_is_in_one_group(tool):
    assert sorted(name for group in tool.GROUPS.values() for name in group) == sorted(names(Recipe))


@pytest.mark.parametrize(
    "kind, words",
    [
        (str, "text"),
        (list[int], "list of whole numbers"),
        (dict[str, float], "name: number"),
        (list[Source], "list of"),
    ],
)
def test_types_are_in_words(tool, kind, words):
    assert tool.word(kind).startswith(words) and "class" not in tool.word(kind)


@pytest.mark.parametrize(
    "value, text", [("", '`""`'), ("a", "`a`"), (True, "`true`"), ([1, 2], "`[1, 2]`"), (0.5, "`0.5`")]
)
def test_defaults_are_those_of_yaml(tool, value, text):
    assert tool.value(value) == text


@pytest.mark.parametrize("key", sorted(RANGES))
def test_what_is_below_the_documented_range_is_refused(tool, key):
    recipe = Recipe(train=[Source("a", "b")], holdout=[Source("a", "b")])
    check_recipe(recipe)
    assert tool.recipe_values(key).startswith(str(RANGES[key][0]))
    with pytest.raises(ConfigError, match=key):
        check_recipe(dataclasses.replace(recipe, **{key: RANGES[key][0] - 1}))


def test_losses_are_those_of_the_tasks():
    terms = {name for kind in TASKS.values() for name in kind.terms(None, LossOptions())}
    assert set(LOSSES) == terms


class Reading(LossOptions):
    """Note which of its fields are read."""

    def __getattribute__(self, name):
        value = super().__getattribute__(name)
        if name in Reading.noted["known"]:
            Reading.noted["read"].add(name)
        return value

    noted = {"known": set(names(LossOptions)), "read": set()}


def sample():
    """Return outputs and batch of one image of two people with two keypoints, for the losses of all tasks."""
    maps = {"heatmaps": torch.rand(1, 2, 4, 4), "heatmaps_2x": torch.rand(1, 2, 8, 8)}
    known = {"mask": torch.ones(1, 2, 4, 4), "mask_2x": torch.ones(1, 2, 8, 8), "weight": torch.ones(1, 2)}
    batch = {**maps, **known, "peak": torch.ones(1, 2), "teacher_heatmaps": torch.rand(1, 2, 4, 4)}
    return {**maps, "tags": torch.rand(1, 2, 4, 4)}, {**batch, "cells": torch.zeros(1, 2, 2, dtype=torch.int64)}


@pytest.mark.parametrize("task", ["top_down", "bottom_up"])
def test_losses_read_the_options_that_the_page_names(task):
    outputs, batch = sample()
    terms = TASKS[task].terms(None, Reading())
    for name in set(terms) - {"nam_l1"}:
        Reading.noted["read"].clear()
        terms[name](outputs, batch)
        assert Reading.noted["read"] == set(LOSSES[name].options), name


def test_the_models_that_a_loss_names_have_nam_attention():
    from pose_estimation_ros.training.losses.heatmap import nam_sparsity

    build = TASKS["top_down"].models["goatpose_bl"]
    assert "nam" in inspect.signature(build).parameters and nam_sparsity(build(2)) > 0
