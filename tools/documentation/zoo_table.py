"""Write the tables of models in README.md, models/README.md and the cards models/<name>.md, from models/<name>.json.

The specs' figures are those of `pose evaluate --save`, which `make accuracy` runs; parameters and MACs are counted as
by `pose models`.

Run: .venv/bin/python tools/documentation/zoo_table.py; a test fails where a page differs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from page_parts import filled, table

from pose_estimation_ros.core.atomic_files import write_whole
from pose_estimation_ros.core.model_spec import END_TO_END, ModelSpec, load_model_spec
from pose_estimation_ros.evaluation.metrics.groups import attributes
from pose_estimation_ros.evaluation.splits import HALVES
from pose_estimation_ros.training.model_table import Printed, measure

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "models"
# Key of the figures -> what it is called, and the factor that makes percent of it.
HEADLINES = {"AP": ("AP", 1), "recall_at_1_fp": ("recall at 1 false positive per image", 100)}
POSE_FIGURES = ("AP", "AP50", "AP75", "APM", "APL", "AR")
BOX_FIGURES = {"AP": "box_AP", "AP50": "box_AP50"}
# What README says of each model.
ABOUT = {
    "lite0_fpn_coco": "the default: 17 keypoints, 256x192, top-down (EfficientNet-Lite0 and a feature pyramid)",
    "lite0_fpn_coco_int8_cpu": "the same in 8-bit integers: 0.56 of the time on CPUs with VNNI",
    "elpn_v1_coco": "17 keypoints, 256x192, top-down: ELPN-V1"
    " ([multi-angle distillation](https://doi.org/10.1088/1742-6596/2224/1/012025)), trained from scratch:"
    " 2.2 times the time",
    "elpn_v1_coco_int8_cpu": "ELPN-V1 in 8-bit integers",
    "higher_lite0_fpn_coco": "several people at once without a detector, bottom-up"
    " (HigherHRNet's head on the first), 640x480",
    "person_detector": "persons, 384x320, anchor-free",
    "person_detector_int8_cpu": "the same in 8-bit integers: half the time",
}
WHOLE = "**AP {AP:.1f}**, finds {people_found:.0f} % of the people, {false_per_image:.1f} false ones an image"
TITLES = {attribute.name: attribute.title for attribute in attributes(17)}

Figures = dict[str, Any]  # what `pose evaluate` measured


def specs() -> list[ModelSpec]:
    """Read the specs of the shipped models, in the order of their names."""
    return [load_model_spec(str(path)) for path in sorted(MODELS.glob("*.onnx"))]


def pages() -> dict[Path, str]:
    """Return path -> text of each page, as it should be."""
    shipped = specs()
    cards = {MODELS / f"{spec.name}.md": filled(MODELS / f"{spec.name}.md", card_parts(spec)) for spec in shipped}
    readmes = {ROOT / "README.md": {"models": in_short(shipped)}, MODELS / "README.md": {"zoo": zoo(shipped)}}
    return {**{path: filled(path, parts) for path, parts in readmes.items()}, **cards}


def in_short(shipped: list[ModelSpec]) -> str:
    """Write README's table of the models, in the order of ABOUT."""
    named = {spec.name: spec for spec in shipped}
    head = ("model", "task", "parameters, MACs, file", "end to end", "in ground-truth boxes, flip test")
    return table(head, [row_in_short(named[name], about) for name, about in ABOUT.items()])


def row_in_short(spec: ModelSpec, about: str) -> tuple[str, ...]:
    """Write the row of a model in README's table.

    Args:
        spec: spec of the model.
        about: what README says of it.
    """
    counted, size = cost(spec), (MODELS / f"{spec.name}.onnx").stat().st_size
    sizes = f"{counted['parameters'] / 1e6:.3f} M, {counted['macs']:.2f} Gi, {size / 1e6:.1f} MB"
    figures = main_run(spec)[1]
    if "AP" not in figures:
        return (
            f"`{spec.name}`",
            about,
            sizes,
            "",
            f"recall {figures['recall_at_1_fp']:.2f} at 1 false positive per image",
        )
    alone = "" if figures["boxes"] == "ground truth" else " (without a detector and thresholds)"
    accuracy = f"AP {figures['AP']:.1f}, AP50 {figures['AP50']:.1f}{alone}"
    return f"`{spec.name}`", about, sizes, whole(spec, WHOLE), accuracy


def zoo(shipped: list[ModelSpec]) -> str:
    """Write the table of all models."""
    sizes = ("input", "parameters", "MACs", "file")
    head = ("model", "task", *sizes, "AP end to end", "measure", "all images", *HALVES)
    return table(head, map(zoo_row, shipped))


def zoo_row(spec: ModelSpec) -> tuple[str, ...]:
    """Write the row of a model."""
    counted, size = cost(spec), (MODELS / f"{spec.name}.onnx").stat().st_size
    sizes = (f"{counted['parameters']:,}", f"{counted['macs']:.4f} Gi", f"{size / 1e6:.1f} MB")
    card, height_width = f"[`{spec.name}`]({spec.name}.md)", "{1}x{0}".format(*spec.input_size_wh)
    return card, spec.task, height_width, *sizes, whole(spec, "{AP:.1f}"), *headline(spec)


def cost(spec: ModelSpec) -> dict[str, Any]:
    """Count a model as `pose models` does, with the options that it was trained with."""
    joints, training = spec.skeleton.num_keypoints if spec.skeleton else None, spec.training
    row = Printed(training["model"], spec.input_size_wh, None, None, "Gi", joints)
    return measure(row, training.get("model_options"))


def headline(spec: ModelSpec) -> tuple[str, ...]:
    """Return what the spec's main evaluation measured, and its value on all images and on each half."""
    name, figures = main_run(spec)
    key = next(key for key in HEADLINES if key in figures)
    words, factor = HEADLINES[key]
    evaluations = [figures, *(runs(spec).get(f"{name}_{half}", {}) for half in HALVES)]
    return words, *(f"{factor * run[key]:.1f}" if key in run else "-" for run in evaluations)


def main_run(spec: ModelSpec) -> tuple[str, Figures]:
    """Return name and figures of the spec's first evaluation that is not end to end."""
    return next((name, run) for name, run in runs(spec).items() if run.get("protocol") != END_TO_END)


def whole(spec: ModelSpec, text: str) -> str:
    """Return a text that holds figures of a pose model end to end on all images, "-" where it was not measured.

    Args:
        spec: spec of the model.
        text: names of the figures in braces, with their formats.
    """
    measured = [run for run in runs(spec).values() if run.get("protocol") == END_TO_END and "half" not in run]
    return text.format(**measured[0]) if measured else "-"


def runs(spec: ModelSpec) -> dict[str, Figures]:
    """Return name -> figures of each evaluation that the spec has."""
    named = {name: run for name, run in spec.accuracy.items() if isinstance(run, dict)}
    return {name: run for name, run in named.items() if any(key in run for key in HEADLINES)}


def card_parts(spec: ModelSpec) -> dict[str, str]:
    """Return the tables of a model's card by name."""
    accuracy = boxes_accuracy(spec) if spec.task == "person_detector" else pose_accuracy(spec)
    return {"accuracy": accuracy, "groups": groups(spec)}


def pose_accuracy(spec: ModelSpec) -> str:
    """Write the accuracy of a pose network."""
    head = ("`accuracy` in the spec", "boxes of", "flip test", "half", "images", *POSE_FIGURES)
    return table(head, [(f"`{name}`", *pose_cells(run)) for name, run in runs(spec).items()])


def pose_cells(run: Figures) -> tuple[Any, ...]:
    """Return the cells of one evaluation of a pose network."""
    boxes = run["detector"] if run["protocol"] == END_TO_END else run["boxes"]
    boxes = boxes if "/" not in boxes else f"`{Path(boxes).name}`"
    figures = (f"{run[figure]:.2f}" for figure in POSE_FIGURES)
    return (boxes, "yes" if run["flip"] else "no", run.get("half", "both"), run["images"], *figures)


def boxes_accuracy(spec: ModelSpec) -> str:
    """Write the accuracy of a person detector."""
    at = f"at {spec.accuracy['score_threshold']}, its threshold"
    head = (
        "`accuracy` in the spec",
        "half",
        "images",
        "recall at 0.2 false positives per image",
        "at 1",
        at,
        *BOX_FIGURES,
    )
    return table(head, [(f"`{name}`", *boxes_cells(run)) for name, run in runs(spec).items()])


def boxes_cells(run: Figures) -> tuple[Any, ...]:
    """Return the cells of one evaluation of a person detector."""
    recalls = (f"{run[key]:.3f}" for key in ("recall_at_0.2_fp", "recall_at_1_fp"))
    at = "-"
    if "recall_at_threshold" in run:
        at = f"{run['recall_at_threshold']:.3f}, {run['false_per_image_at_threshold']:.2f} false positives per image"
    return (run.get("half", "both"), run["images"], *recalls, at, *(f"{run[key]:.1f}" for key in BOX_FIGURES.values()))


def groups(spec: ModelSpec) -> str:
    """Write the accuracy by groups of people, from the first evaluation that was made with --groups."""
    run = next(run for run in runs(spec).values() if "by_group" in run)
    metric = "recall" if spec.task == "person_detector" else "AR"
    rows = [
        ("" if place else TITLES[attribute], group, figures["people"], f"{figures[metric]:.1f}")
        for attribute, figures_by_group in run["by_group"].items()
        for place, (group, figures) in enumerate(figures_by_group.items())
    ]
    tables = [table(("people by", "group", "people", metric), rows)]
    if "kinds_of_errors" in run:
        kinds = run["kinds_of_errors"]
        tables.append(table(("% of the keypoints", *kinds), [("", *kinds.values())]))
    return "\n\n".join(tables)


if __name__ == "__main__":
    for path, text in pages().items():
        write_whole(path, text.encode())
