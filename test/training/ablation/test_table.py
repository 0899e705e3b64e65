"""The files in config/ablations, and what is refused in such a file."""

import itertools
import json
from datetime import date

import pytest
import torch
import yaml

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.training.ablation.run import Ablation, recipes_of, result_of
from pose_estimation_ros.training.ablation.table import load_table, row_recipe, table_names
from pose_estimation_ros.training.recipe import check_recipe
from pose_estimation_ros.training.tasks import TASKS, build_model

PRINTED_TO_THE_DIGIT = ("elpn_table4", "elpn_table5", "elpn_table6")


def test_the_tables_of_all_four_papers_are_there():
    assert {name.split("_table")[0] for name in table_names() if "_table" in name} == {"elpn", "goatpose", "wlitepose"}
    assert "el_hrnet_blocks" in table_names()


def test_every_row_builds_at_both_sizes_and_has_its_losses():
    models = {}
    for table in map(load_table, table_names()):
        for row, small in itertools.product(table.rows, (False, True)):
            recipe = row_recipe(table, row, small, [])
            check_recipe(recipe)
            network = json.dumps([recipe.model, recipe.model_options])  # the number of joints changes little
            if network not in models:
                with torch.device("meta"):
                    models[network] = build_model(recipe)
            assert set(recipe.losses) <= set(TASKS[recipe.task].terms(models[network], recipe.loss_options))


@pytest.mark.parametrize("name", table_names())
def test_rows_of_a_table_differ_and_are_trained_equally_long(name):
    """Two rows with one recipe are no comparison, and neither are networks that saw other images or other sizes."""
    table = load_table(name)
    for small in (False, True):
        ablation = Ablation(name, small=small)
        recipes = [recipes_of(ablation, table, row, 1)[0] for row in table.rows]
        assert len({recipe.name for recipe in recipes}) == len(recipes)
        same = [(r.epochs, r.epoch_samples, r.batch_size, r.lr, r.seed, r.input_size_wh, r.train) for r in recipes]
        assert all(item == same[0] for item in same)


@pytest.mark.parametrize("name", PRINTED_TO_THE_DIGIT)
def test_the_counts_are_those_that_the_paper_prints(name):
    table = load_table(name)
    for row in table.rows:
        result = result_of(Ablation(name), table, row)
        assert round(result.parameters / 1e6, 1) == row.printed.parameters_m, row.name
        assert result.macs == pytest.approx(row.printed.macs, abs=0.07), row.name


def fields():
    size = {"recipe": "training/elpn_v1_coco.yaml", "metric": {"name": "AP", "figure": "AP"}}
    return {"title": "t", "source": "s", "paper": size, "small": size, "rows": [{"name": "a"}, {"name": "b"}]}


def loaded(tmp_path, content):
    path = tmp_path / "some_table.yaml"
    path.write_text(yaml.safe_dump(content))
    return load_table(str(path))


def test_a_table_of_its_own_takes_the_name_of_its_file(tmp_path):
    table = loaded(tmp_path, fields())
    assert (table.name, [row.name for row in table.rows]) == ("some_table", ["a", "b"])
    assert table.named_rows(["b"]) == table.rows[1:] and table.named_rows([]) == table.rows


@pytest.mark.parametrize(
    "change, message",
    [
        ({"rows": []}, "expected names that differ"),
        ({"rows": [{"name": "a"}, {"name": "a"}]}, "expected names that differ"),
        ({"rows": [{"nme": "a"}]}, "rows\\[0\\]: unknown key 'nme', did you mean 'name'"),
        ({"rows": [{"name": "a", "printed": {"macs": "5 G"}}]}, "macs: expected float, got '5 G'"),
        ({"rows": {"name": "a"}}, "rows: expected list"),
        ({"convention": "GFLOPs"}, "convention: expected one of Gi"),
        ({"small": {"recipe": "x.yaml"}}, "metric.name"),
        ({"small": "x.yaml"}, "expected keys and values"),
        ({"name": "../../t"}, "name: expected the name of a file, got '../../t'"),
        ({"rows": [{"name": "a\n| b"}]}, "name: expected a text in one line"),
        ({"title": "\x1b[2J"}, "title: expected a text in one line"),
        ({"rows": [{"name": "a", "overrides": {"model_options": {"width": date(2001, 1, 1)}}}]}, "expected texts, num"),
        ({"rows": [{"name": "a", "overrides": {"milestones": {1, 2}}}]}, "overrides: .*expected texts, numbers"),
        ({"rows": [{"name": "a", "overrides": {"name": b"x"}}]}, "overrides: .*expected texts, numbers"),
        ({"rows": [{"name": "a", "overrides": {"losses": {1: 2}}}]}, "overrides: .*expected texts, numbers"),
        ({"big": {}}, "unknown key 'big'"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, change, message):
    with pytest.raises(ConfigError, match=message):
        loaded(tmp_path, {**fields(), **change})


@pytest.mark.parametrize("content", [None, [], "text"])
def test_a_file_of_something_else_is_refused(tmp_path, content):
    with pytest.raises(ConfigError, match="expected keys and values"):
        loaded(tmp_path, content)


def test_unknown_names_are_refused_with_the_nearest(tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'elpn_table6'"):
        load_table("elpn_tabel6")
    with pytest.raises(ConfigError, match="expected a row out of a, b, got 'c'"):
        loaded(tmp_path, fields()).named_rows(["c"])


def test_overrides_come_from_the_row_then_the_size_then_the_user(tmp_path):
    content = fields()
    content["small"] = {**content["small"], "overrides": {"seed": 3, "losses": {"mse": 2.0}}}
    content["rows"] = [{"name": "a", "overrides": {"seed": 2, "sigma": 1.5, "teacher": "", "losses": {"mse": 1.0}}}]
    table = loaded(tmp_path, content)
    small = row_recipe(table, table.rows[0], True, ["sigma=1"])
    paper = row_recipe(table, table.rows[0], False, [])
    assert (small.seed, small.losses, small.sigma) == (3, {"mse": 2.0}, 1.0)
    assert (paper.seed, paper.losses, paper.sigma) == (2, {"mse": 1.0}, 1.5)


def test_a_wrong_key_of_a_row_names_table_and_row(tmp_path):
    content = {**fields(), "rows": [{"name": "a", "overrides": {"epoch": 2}}]}
    table = loaded(tmp_path, content)
    with pytest.raises(ConfigError, match="table some_table, row a: .*unknown key 'epoch', did you mean 'epochs'"):
        row_recipe(table, table.rows[0], False, [])
