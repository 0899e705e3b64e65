"""Write the tables of docs/reference/recipe-keys.md from the recipe's dataclasses, the losses and the models.

Run: PYTHONPATH=. .venv/bin/python tools/documentation/recipe_doc.py; a test fails where the page differs.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import json
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints
from unittest.mock import patch

from page_parts import described, filled, prose, table

from pose_estimation_ros.core.atomic_files import write_whole
from pose_estimation_ros.core.skeleton import SKELETONS
from pose_estimation_ros.training import recipe as rules
from pose_estimation_ros.training.losses import LOSSES
from pose_estimation_ros.training.recipe import Augmentation, LossOptions, Recipe, Source
from pose_estimation_ros.training.tasks import TASKS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "recipe-keys.md"
EXAMPLE = ROOT / "config" / "training" / "toy.yaml"
# Keys of a recipe by group.
GROUPS = {
    "run": ("name", "out_dir", "seed", "pictures", "log_gradients"),
    "network": ("task", "model", "model_options", "skeleton", "input_size_wh", "padding", "sigma", "init_from")
    + ("grow_from",),
    "data": ("data_root", "train", "holdout", "augmentation", "skip_bad"),
    "losses": ("losses", "loss_options", "teacher"),
    "schedule": ("epochs", "epoch_samples", "batch_size", "accumulate", "lr", "weight_decay", "milestones", "lr_decay")
    + ("warmup_steps", "clip_norm"),
    "machine": ("devices", "workers", "threads", "precision", "channels_last", "compile", "sync_batch_norm"),
}
WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false", Any: "any value"}
LINKS = {Source: "[source](#sources)", Augmentation: "[keys](#augmentation)", LossOptions: "[keys](#loss-options)"}
PROBABILITY = (0, 1)
RECIPE_VALUES = {
    **rules.EXPECTED,
    "task": ", ".join(f"`{name}`" for name in TASKS),
    "model": "[models](#models)",
    "losses": f"[names](#losses): weight; {rules.EXPECTED['losses']}",
    "skeleton": ", ".join(f"`{name}`" for name in sorted(SKELETONS)) + f", `{rules.FROM_ANNOTATIONS}`, or a file",
    "precision": ", ".join(f"`{name}`" for name in rules.PRECISIONS),
}


def word(kind: Any) -> str:
    """Return a type as the page calls it."""
    if isinstance(kind, UnionType):
        return " or ".join(map(word, get_args(kind)))
    if get_origin(kind) is list:
        item = word(get_args(kind)[0])
        return f"list of {item.replace('](', 's](') if '](' in item else item + 's'}"
    if get_origin(kind) is dict:
        return "object" if get_args(kind)[1] is Any else f"name: {word(get_args(kind)[1])}"
    return LINKS.get(kind) or WORDS[kind]


def value(default: Any) -> str:
    """Return a default as YAML has it, "" for one that is described elsewhere."""
    if dataclasses.is_dataclass(default):
        return ""
    return f"`{default}`" if isinstance(default, str) and default else f"`{json.dumps(default)}`"


def between(low: float, high: float) -> str:
    """Return a range in words."""
    return f"{low} or more" if high == math.inf else f"{low} .. {int(high) if high == int(high) else high}"


def rows(kind: type, names: tuple[str, ...], values: Callable[[str], str]) -> Iterator[tuple[str, ...]]:
    """Yield key, type, default, values and meaning of some fields.

    Args:
        kind: a dataclass of the recipe.
        names: names of the fields.
        values: function from a name to the values that it takes, in words.
    """
    types, meanings, defaults = get_type_hints(kind), described(kind), kind()
    for name in names:
        yield f"`{name}`", word(types[name]), value(getattr(defaults, name)), values(name), prose(meanings[name])


HEAD = ("key", "type", "default", "values", "meaning")


def names_of(kind: Any) -> tuple[str, ...]:
    """Return the names of a dataclass' fields."""
    return tuple(field.name for field in dataclasses.fields(kind))


def recipe_values(name: str) -> str:
    """Return the values of a key of the recipe."""
    return RECIPE_VALUES.get(name) or (between(*rules.RANGES[name]) if name in rules.RANGES else "")


def augmentation_values(name: str) -> str:
    """Return the values of a key of the augmentation."""
    if name in rules.AUGMENTATION_CHOICES:
        return ", ".join(f"`{choice}`" for choice in rules.AUGMENTATION_CHOICES[name])
    if isinstance(getattr(Augmentation(), name), list):
        return "[low, high], 0 < low &lt;= high"
    return between(*rules.AUGMENTATION_RANGES.get(name, PROBABILITY))


def loss_option_values(name: str) -> str:
    """Return the values of a key of the losses' options."""
    if name == "reduction":
        return ", ".join(f"`{choice}`" for choice in rules.REDUCTIONS)
    return between(*rules.LOSS_OPTION_RANGES[name]) if name in rules.LOSS_OPTION_RANGES else ""


def source_values(name: str) -> str:
    """Return the values of a key of a source."""
    return between(1, rules.MOST_REPEATS) if name == "repeat" else ""


def with_tasks(cells: Iterator[tuple[str, ...]], tasks: dict[str, tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return rows whose meanings name the tasks that alone may have the key.

    Args:
        cells: rows, with the key first and the meaning last.
        tasks: names of tasks by key.
    """
    only = {f"`{key}`": " Only with " + " or ".join(f"`{task}`" for task in names) for key, names in tasks.items()}
    return [(*row[:-1], row[-1] + (only[row[0]] + "." if row[0] in only else "")) for row in cells]


def loss_rows() -> Iterator[tuple[str, ...]]:
    """Yield name, tasks, needs, options and meaning of each loss."""
    terms = {task: kind.terms(None, LossOptions()) for task, kind in TASKS.items()}  # type: ignore[arg-type]
    for name, about in LOSSES.items():
        tasks = ", ".join(f"`{task}`" for task, names in terms.items() if name in names)
        options = ", ".join(f"`{option}`" for option in about.options)
        yield f"`{name}`", tasks, about.meaning, options, about.needs


def options_of(build: Callable[..., object]) -> dict[str, Any]:
    """Return the defaults of a builder's options that a recipe may give."""
    parameters = inspect.signature(build).parameters
    left_out = ("num_joints", "input_size_wh")
    return {name: p.default for name, p in parameters.items() if name not in left_out and not callable(p.default)}


def builder(build: Any) -> Any:
    """Return the class or function behind a builder, whose docstring explains the options."""
    return builder(build.func) if isinstance(build, functools.partial) else build


def models() -> str:
    """Return the models of each task, then the options of the models that one class or function builds."""
    rows_by_task = [(f"`{task}`", ", ".join(f"`{name}`" for name in kind.models)) for task, kind in TASKS.items()]
    families: dict[Any, dict[str, Any]] = {}
    for kind in TASKS.values():
        for name, build in kind.models.items():
            families.setdefault(builder(build), {})[name] = build
    tables = [family(build, members) for build, members in families.items() if options_of(build)]
    return "\n\n".join([table(("task", "models"), rows_by_task), *tables])


def family(build: Any, members: dict[str, Any]) -> str:
    """Return the table of the options of models that have one builder.

    Args:
        build: the class or function.
        members: builder by the name of the model.
    """
    meanings, defaults = described(build, "Args"), {name: options_of(member) for name, member in members.items()}
    rows = []
    for option in options_of(build):
        models_by_default: dict[str, list[str]] = {}
        for name, values in defaults.items():
            models_by_default.setdefault(value(values[option]), []).append(f"`{name}`")
        first, *others = models_by_default
        text = "".join(f"; {other} for {', '.join(models_by_default[other])}" for other in others)
        rows.append((f"`{option}`", first + text, prose(meanings[option].replace("None", "null"))))
    title = "Options of " + ", ".join(f"`{name}`" for name in members) + ":"
    return title + "\n\n" + table(("option", "default", "meaning"), rows)


def parts() -> dict[str, str]:
    """Return the generated parts of the page by their names."""
    with patch.dict(os.environ, {"POSE_DATA": "$POSE_DATA"}):  # it is the default of data_root
        groups = {title: table(HEAD, rows(Recipe, names, recipe_values)) for title, names in GROUPS.items()}
    sources = with_tasks(rows(Source, names_of(Source), source_values), rules.SOURCE_TASKS)
    changes = with_tasks(rows(Augmentation, names_of(Augmentation), augmentation_values), rules.AUGMENTATION_TASKS)
    return {
        "example": f"```yaml\n{EXAMPLE.read_text().strip()}\n```",
        **groups,
        "sources": table(HEAD, sources),
        "augmentation": table(HEAD, changes),
        "loss terms": table(("loss", "tasks", "meaning", "loss options", "needs"), loss_rows()),
        "loss options": table(HEAD, rows(LossOptions, names_of(LossOptions), loss_option_values)),
        "models": models(),
    }


if __name__ == "__main__":
    write_whole(PAGE, filled(PAGE, parts()).encode())
