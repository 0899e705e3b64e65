"""Train the rows of an ablation table and collect their scores.

Rows whose recipes say the same share one training, in one table or over several. A run's folder is named after the
content of its recipe, so a row that is trained is known by its folder, and one that was interrupted goes on.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from pose_estimation_ros.core.atomic_files import read_json, write_json
from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.fields import PATH, TEXT, TRUE_OR_FALSE, Rule, check_fields, is_a, list_of, whole
from pose_estimation_ros.training.ablation.score import require_files, score
from pose_estimation_ros.training.ablation.table import Metric, Printed, Row, Table, load_table, row_recipe
from pose_estimation_ros.training.models.counting import CONVENTIONS, count
from pose_estimation_ros.training.recipe import Recipe, check_recipe
from pose_estimation_ros.training.tasks import build_model
from pose_estimation_ros.training.train import train

MOST_SEEDS = 100
SCORE_FILE = "score.json"  # in a run's folder
# Recipe keys that say where or how fast a run is made, and not what comes out.
WITHOUT_EFFECT = ("name", "out_dir", "workers", "threads", "devices", "compile", "pictures")

RULES: dict[str, Rule] = {
    "table": PATH,
    "rows": list_of(TEXT),
    "small": TRUE_OR_FALSE,
    "seeds": whole(0, MOST_SEEDS),
    "out": PATH,
    "changes": list_of(TEXT),
}


@dataclass(frozen=True)
class Ablation:
    """Describe which rows of a table are trained, and how; its fields are checked when it is made.

    Attributes:
        table: name of a table in config/ablations, or path of a YAML file.
        rows: names of the rows to train, none for all.
        small: train at the small size in place of the paper's.
        seeds: trainings per row, each with a seed of its own; 0 to train nothing.
        out: folder of the runs and of the table's files.
        changes: recipe keys to change in all rows, as ``key=value``.

    Raises:
        ConfigError: a field has the wrong type or is out of range.
    """

    table: str
    rows: Sequence[str] = ()
    small: bool = False
    seeds: int = 1
    out: str | Path = "runs/ablations"
    changes: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Check and convert all fields."""
        vars(self).update(check_fields(vars(self), RULES))


@dataclass
class Result:
    """Hold what is known of a row.

    Attributes:
        name: name of the row.
        parameters: number of parameters at the paper's size.
        macs: multiply-adds at the paper's size, in units of the table's convention.
        scores: seed -> score, of the trainings that are finished.
        printed: figures of the paper.
    """

    name: str
    parameters: int
    macs: float
    scores: dict[int, float]
    printed: Printed = field(default_factory=Printed)

    @property
    def mean(self) -> float | None:
        """Return the mean of the scores, None without any."""
        return statistics.fmean(self.scores.values()) if self.scores else None

    @property
    def deviation(self) -> float | None:
        """Return the standard deviation of a score between seeds, None for fewer than two."""
        return statistics.stdev(self.scores.values()) if len(self.scores) > 1 else None


def ablate(
    ablation: Ablation, on_scored: Callable[[str, int, float], None] | None = None
) -> tuple[Table, list[Result], bool]:
    """Train and score the rows of a table that are not yet, seed by seed.

    Args:
        ablation: says which rows.
        on_scored: called with the name of a row, the seed and the score of each training.

    Returns:
        The table; what is known of all its rows, also from earlier calls; and whether the trainings were finished,
        which Ctrl-C or SIGTERM prevents.

    Raises:
        ConfigError, DataError, ModelError: see load_table, train and evaluate.
    """
    table = load_table(ablation.table)
    trained = {row.name: recipes_of(ablation, table, row, ablation.seeds) for row in table.named_rows(ablation.rows)}
    for recipe in itertools.chain(*trained.values()):
        check_recipe(recipe)  # all before the first training, which takes long
    results = [result_of(ablation, table, row) for row in table.rows]  # before any training, as it checks all recipes
    scores = {result.name: result.scores for result in results}
    metric = table.size(ablation.small).metric
    for number in range(ablation.seeds):
        for name, recipes in trained.items():
            recipe = recipes[number]
            found = known_score(recipe, metric)  # that of an equal row, perhaps trained just now
            if found is None:
                found = train_and_score(recipe, metric)
            if found is None:
                return table, results, False
            scores[name][recipe.seed] = found
            if on_scored:
                on_scored(name, recipe.seed, found)
    return table, results, True


def result_of(ablation: Ablation, table: Table, row: Row) -> Result:
    """Count a row's network at the paper's size, and read the scores of the trainings that are finished.

    The user's changes count only where they are changes of the paper's size.

    Args:
        ablation: what is trained.
        table: its table.
        row: one of the table's rows.
    """
    recipe = row_recipe(table, row, False, [] if ablation.small else ablation.changes)
    with torch.device("meta"):  # shapes without values: neither memory nor time for the weights
        model = build_model(recipe)
    counts = count(model, recipe.input_size_wh)
    metric = table.size(ablation.small).metric
    known = {recipe.seed: known_score(recipe, metric) for recipe in recipes_of(ablation, table, row, MOST_SEEDS)}
    scores = {seed: value for seed, value in known.items() if value is not None}
    return Result(row.name, counts.parameters, CONVENTIONS[table.convention](counts), scores, row.printed)


def recipes_of(ablation: Ablation, table: Table, row: Row, seeds: int) -> list[Recipe]:
    """Return the recipes of a row's trainings, with the table's seed and those that follow it.

    Args:
        ablation: what is trained.
        table: its table.
        row: one of the table's rows.
        seeds: number of trainings.

    Raises:
        ConfigError: a key or value does not fit, or the training would start further processes.
    """
    first = row_recipe(table, row, ablation.small, ablation.changes)
    if first.devices != 1:
        raise ConfigError(f"devices: expected 1, as rows can be trained side by side (--rows), got {first.devices}")
    recipes = [
        dataclasses.replace(first, seed=first.seed + number, out_dir=str(ablation.out)) for number in range(seeds)
    ]
    return [dataclasses.replace(recipe, name=run_name(recipe)) for recipe in recipes]


def run_name(recipe: Recipe) -> str:
    """Name a run after its model and the content of its recipe, so that equal recipes have equal names."""
    fields = {key: value for key, value in differences(recipe).items() if key not in WITHOUT_EFFECT}
    digest = hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
    return f"{recipe.model}-{digest[:12]}"


def differences(value: Any) -> Any:
    """Return those fields of a dataclass, and of dataclasses in it, that differ from their defaults.

    So a run keeps its name when recipes get a new key whose default changes nothing.
    """
    if isinstance(value, list):
        return [differences(item) for item in value]
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    default = type(value)()
    names = [field.name for field in dataclasses.fields(value)]
    return {name: differences(getattr(value, name)) for name in names if getattr(value, name) != getattr(default, name)}


def train_and_score(recipe: Recipe, metric: Metric) -> float | None:
    """Train by a recipe and score the run; None if it was interrupted.

    Args:
        recipe: recipe of the run.
        metric: what is measured.

    Raises:
        ConfigError, DataError, ModelError: see require_files, train and score.
    """
    require_files(recipe, metric)
    best = train(recipe)
    if best is None:
        return None
    value = score(recipe, best, metric)
    write_json(recipe.run_dir / SCORE_FILE, {"measured": measured(metric), "score": value}, indent=1)
    return value


def known_score(recipe: Recipe, metric: Metric) -> float | None:
    """Return the score of a run that is finished, None where it is not or its file holds no score by the metric.

    Args:
        recipe: recipe of the run.
        metric: what is measured.
    """
    file = recipe.run_dir / SCORE_FILE
    if not file.is_file():
        return None
    known = read_json(file)
    fits = isinstance(known, dict) and known.get("measured") == measured(metric) and is_a(float, known.get("score"))
    return float(known["score"]) if fits else None


def measured(metric: Metric) -> dict[str, str]:
    """Return what a metric measures: all of it but its name."""
    return {key: value for key, value in dataclasses.asdict(metric).items() if key != "name"}
