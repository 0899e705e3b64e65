"""What docs/explanation/papers.md names exists: networks, their options, recipe keys, losses, files, and ablations."""

import dataclasses
import functools
import importlib
import inspect
import os
import pkgutil
import re

import pytest
import torch
import yaml

from pose_estimation_ros.__main__ import COMMANDS, _parser, options_of
from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.evaluation.metrics.pckh import TORSO_FIGURES
from pose_estimation_ros.training import losses, models
from pose_estimation_ros.training.ablation.table import table_names
from pose_estimation_ros.training.models import el_hrnet, elpn, goatpose, wlitepose
from pose_estimation_ros.training.models.options import check_options
from pose_estimation_ros.training.recipe import Recipe, recipe_from_fields
from pose_estimation_ros.training.tasks import TASKS

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE = os.path.join(ROOT, "docs", "explanation", "papers.md")
FOLDERS = ("", "pose_estimation_ros", "pose_estimation_ros/training/models", "config/training")
SECTIONS = {
    "GoatPose": ("goatpose_bl", [goatpose.goatpose]),
    "ELPN and MAPD": ("elpn_v1", [elpn.elpn]),
    "WLitePose": ("wlitepose_s", [wlitepose.wlitepose]),
    "EL-HRNet": ("el_hrnet_w32", [el_hrnet.el_hrnet]),
}
KEYS = {field.name for field in dataclasses.fields(Recipe)}
OTHERS = {"log.csv", "Mean@0.5", *TORSO_FIGURES}  # a file of a run; figures of `pose evaluate`


def rows_of(text):
    """List the code of each row of a page's tables, as (section, codes)."""
    found, section = [], ""
    for line in text.splitlines():
        section = line[3:] if line.startswith("## ") else section
        codes = re.findall(r"`([^`]+)`", line) if line.startswith("|") else []
        found += [(section, codes)] if codes else []
    return found


@functools.lru_cache(maxsize=None)
def names_of(section):
    """List what a word may be: a network, a recipe key, an option, or a class or function of networks or losses."""
    known = {name for kind in TASKS.values() for name in kind.models} | KEYS
    for package in (models, losses):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            known.update(vars(importlib.import_module(module.name)))
    builders = SECTIONS[section][1] if section in SECTIONS else []
    return known.union(*(inspect.signature(build).parameters for build in builders))


def fails(section, pair, options):
    """Tell whether no recipe of the section's network, or of HRNet-W32, has this key and value beside the options."""
    for model in (SECTIONS[section][0], "hrnet_w32"):
        task = next(task for task, kind in TASKS.items() if model in kind.models)
        try:
            if set(pair) <= KEYS:
                recipe = recipe_from_fields({"task": task, "model": model, **pair}, "page")
                return not set(recipe.losses) <= set(TASKS[task].terms(torch.nn.Identity(), recipe.loss_options))
            build_small(TASKS[task].models[model], {**options, **pair})
        except ConfigError:
            continue
        return False
    return True


def build_small(build, options):
    """Build a network of few parts with these options, without values; raise ConfigError for wrong ones."""
    check_options(build, options)
    small = {"modules": [1, 1, 1], "blocks": 1} if "modules" in inspect.signature(build).parameters else {}
    with torch.device("meta"):
        build(num_joints=17, **{**small, **options})


def command_exists(words):
    """Tell whether a command of `pose`, its options, and the table of an ablation exist."""
    is_table = words[:1] != ["ablation"] or not words[1:] or words[1] in table_names()
    flags = {word for word in words if word.startswith("--")}
    return words[0] in COMMANDS and is_table and flags <= set(options_of(_parser(words[:1])[1]))


def missing(section, codes):
    """List the codes of a row that name nothing in the package."""
    pairs = {code: yaml.safe_load(code) for code in codes if ": " in code}
    options = {key: value for pair in pairs.values() for key, value in pair.items() if key not in KEYS}
    found = []
    for code in codes:
        if code in pairs:
            exists = not fails(section, pairs[code], options)
        elif code.startswith("pose "):
            exists = command_exists(code.split()[1:])
        elif code.startswith("--"):
            exists = any(code in options_of(_parser([command])[1]) for command in ("evaluate", "ablation"))
        elif re.search(r"\.(py|yaml)$", code):
            exists = any(os.path.isfile(os.path.join(ROOT, folder, code)) for folder in FOLDERS)
        else:
            exists = code in OTHERS | set(table_names()) or code in names_of(section)
        found += [] if exists else [code]
    return found


def test_names_that_do_not_exist_are_found():
    assert rows_of("") == [] and missing("GoatPose", []) == []
    assert rows_of("## A\n`b`\n| `c` | d `e: f` |") == [("A", ["c", "e: f"])]
    wrong = ["NoBlock", "no.py", "nam: no", "no: 1", "losses: {no: 1}", "loss_options: {no: 1}", "no_option"]
    wrong += ["pose no", "pose ablation no", "pose ablation --no", "--no", "deconv_groups"]
    assert missing("GoatPose", wrong) == wrong
    assert missing("WLitePose", ["deconv_width: 33", "deconv_groups: 3", "deconv_groups", "LightDeconv"]) == []


@pytest.mark.parametrize("section", [*SECTIONS, ""])
def test_what_the_page_names_exists(section):
    with open(PAGE, encoding="utf-8") as file:
        rows = [row for row in rows_of(file.read()) if row[0] == section or (not section and row[0] not in SECTIONS)]
    assert len(rows) >= 5
    assert [code for row in rows for code in missing(*row)] == []


def test_every_table_of_ablations_is_on_the_page():
    with open(PAGE, encoding="utf-8") as file:
        named = {word for _section, codes in rows_of(file.read()) for code in codes for word in code.split()}
    missed = set(table_names()) - named - {f"wlitepose_table{number}" for number in (7, 8, 9)}  # "6 to 10"
    assert missed == set()
