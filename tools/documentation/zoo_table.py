"""Write the tables of models in README.md and models/README.md, and the model cards models/NAME.md.

The specs' figures are those of `pose evaluate --save`, which `make accuracy` runs; parameters and MACs are counted as
by `pose models`; times are those of `make model-speed`.

Run: make zoo; a test fails where a page differs.
"""

from __future__ import annotations

from pathlib import Path

from model_card import cards, speed_table, summary
from page_parts import filled, table
from shipped_models import MODELS, ROOT, alone, cost, end_to_end, megabytes, source, specs, speed

from pose_estimation_ros.core.atomic_files import write_whole
from pose_estimation_ros.core.model_spec import ModelSpec
from tools.training.train_shipped import SHIPPED

IN_BOXES = "AP in ground-truth boxes"


def pages() -> dict[Path, str]:
    """Return path -> text of each page, as it should be."""
    parts = {"zoo": zoo(specs()), "speed": speed_table(), "again": again(specs())}
    readmes = {ROOT / "README.md": {"models": in_short(specs())}, MODELS / "README.md": parts}
    return {**{path: filled(path, parts) for path, parts in readmes.items()}, **cards()}


def in_short(shipped: list[ModelSpec]) -> str:
    """Write README's table of the models."""
    head = ("model", "what it does", "AP end to end", IN_BOXES, "[ms](models/README.md#speed)", "file")
    rows = [
        (f"[`{s.name}`](models/{s.name}.md)", what(s), *measured(s), milliseconds(s), megabytes(s)) for s in shipped
    ]
    return table(head, rows)


def what(spec: ModelSpec) -> str:
    """Say in a row of a table what a model does."""
    return summary(spec).rstrip(".")


def zoo(shipped: list[ModelSpec]) -> str:
    """Write the table of all models."""
    head = (
        "model",
        "task",
        "input, height x width",
        "parameters",
        "MACs",
        "file",
        "ms",
        "AP end to end",
        "finds",
        "false",
        IN_BOXES,
    )
    return table(head, map(zoo_row, shipped))


def zoo_row(spec: ModelSpec) -> tuple[str, ...]:
    """Write the row of a model."""
    counted, whole = cost(spec), end_to_end(spec)
    sizes = (f"{counted['parameters'] / 1e6:.2f} M", f"{counted['macs']:.2f} Gi", megabytes(spec))
    card, height_width = f"[`{spec.name}`]({spec.name}.md)", "{1}x{0}".format(*spec.input_size_wh)
    found = (f"{whole['people_found']:.0f} %", f"{whole['false_per_image']:.1f}") if whole else ("-", "-")
    ap, boxes = measured(spec)
    return card, f"`{spec.task}`", height_width, *sizes, milliseconds(spec), ap, *found, boxes


def measured(spec: ModelSpec) -> tuple[str, str]:
    """Return the AP end to end and in ground-truth boxes, "-" for what was not measured.

    Models that get no boxes have in place of the second what they reach by themselves.
    """
    whole, network = end_to_end(spec), alone(spec)
    ap = f"{whole['AP']:.1f}" if whole else "-"
    if "recall_at_1_fp" in network:
        return ap, f"finds {100 * network['recall_at_1_fp']:.0f} % at 1 false box an image"
    if not network:
        return ap, "-"
    return ap, f"{network['AP']:.1f}" + ("" if network["boxes"] == "ground truth" else " on whole images")


def milliseconds(spec: ModelSpec) -> str:
    """Return the time of a model, "-" where it was not measured for this file."""
    row = speed(spec)
    return f"{row['p50_ms']:.1f} {row['per'].partition(' with')[0]}" if row else "-"


def again(shipped: list[ModelSpec]) -> str:
    """Write the command that makes each trained model again."""
    keys = {made.name: key for key, made in SHIPPED.items()}
    trained = [spec.name for spec in shipped if not source(spec)]
    return table(("model", "command"), [(f"`{name}`", f"`make train-{keys[name]}`") for name in trained])


if __name__ == "__main__":
    for path, text in pages().items():
        write_whole(path, text.encode())
