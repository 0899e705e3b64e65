"""Score a finished run: by the quick metric in its log, or by `pose evaluate` on images that a table names."""

from __future__ import annotations

import csv
import os
from pathlib import Path

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.evaluation.benchmarks import Figures
from pose_estimation_ros.evaluation.evaluate import Evaluation, evaluate
from pose_estimation_ros.evaluation.protocols import find_protocol
from pose_estimation_ros.training.ablation.table import Metric
from pose_estimation_ros.training.export.model_export import ModelExport, export_model
from pose_estimation_ros.training.recipe import Recipe


def score(recipe: Recipe, checkpoint: Path, metric: Metric) -> float:
    """Return the score of a run in percent.

    Args:
        recipe: recipe of the run.
        checkpoint: its best checkpoint.
        metric: what is measured.

    Raises:
        ConfigError: there is no such figure.
        DataError, ModelError: the checkpoint or the data cannot be used.
    """
    if not metric.annotations:
        return logged(recipe.run_dir / "log.csv", metric.figure)
    figures = evaluated(recipe, checkpoint, metric)
    value = figures.get(metric.figure)
    if not isinstance(value, (int, float)):
        raise ConfigError(f"metric.figure: expected one of {', '.join(figures)}, got {metric.figure!r}")
    return float(value)


def require_files(recipe: Recipe, metric: Metric) -> None:
    """Raise ConfigError if a file or folder that the metric names is not there, as it is wanted behind a long training.

    Args:
        recipe: recipe of the run, whose data_root the paths of the metric start at.
        metric: what is measured.
    """
    for key in ("annotations", "images", "boxes"):
        named = getattr(metric, key)
        if named and not recipe.path(named).exists():
            raise ConfigError(f"metric.{key}: expected {recipe.path(named)}, got no such file or folder")


def logged(log: Path, column: str) -> float:
    """Return 100 times a column of the last row of a log, which is that of the last epoch.

    Args:
        log: path of the CSV file.
        column: name of the column.

    Raises:
        ConfigError: there is no such column.
    """
    with log.open(newline="") as file:
        last = list(csv.DictReader(file))[-1]
    if not last.get(column):
        raise ConfigError(f"metric.figure: expected a column of {log}, {', '.join(last)}, got {column!r}")
    return 100 * float(last[column])


def evaluated(recipe: Recipe, checkpoint: Path, metric: Metric) -> Figures:
    """Export a checkpoint and return its figures of `pose evaluate`.

    Args:
        recipe: recipe of the run, whose data_root the paths of the metric start at.
        checkpoint: the run's best checkpoint.
        metric: names the annotations, their images, and the protocol.
    """
    folder = recipe.run_dir
    free_size = find_protocol(metric.protocol, None).short_side
    model = export_model(ModelExport(checkpoint, folder / "exported", recipe.name, free_size=free_size))
    data = linked(recipe.path(metric.annotations), recipe.path(metric.images), folder / "data")
    boxes = recipe.path(metric.boxes) if metric.boxes else None
    found = evaluate(
        Evaluation(
            data, [model], protocol=metric.protocol, boxes=boxes, out=folder / "evaluation", threads=recipe.threads
        )
    )
    return found.evaluated[0].figures


def linked(annotations: Path, images: Path, folder: Path) -> Path:
    """Link an annotation file and its images into a folder, as `pose evaluate` wants them: the images in "images".

    Args:
        annotations: the annotation file.
        images: folder of the images.
        folder: for the links, which replace older ones.

    Returns:
        The link to the annotation file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    links = {folder / annotations.name: annotations, folder / "images": images}
    for link, target in links.items():
        link.unlink(missing_ok=True)
        link.symlink_to(os.path.abspath(target))
    return folder / annotations.name
