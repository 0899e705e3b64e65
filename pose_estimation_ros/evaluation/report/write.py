"""Write the report of `pose evaluate`: one HTML page that holds all its images and needs neither script nor network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from pycocotools.coco import COCO

from pose_estimation_ros.core.atomic_files import write_whole
from pose_estimation_ros.evaluation import mpii
from pose_estimation_ros.evaluation.metrics.bootstrap import DRAWS
from pose_estimation_ros.evaluation.predictions import one_each
from pose_estimation_ros.evaluation.report import coco as report_coco
from pose_estimation_ros.evaluation.report import mpii as report_mpii
from pose_estimation_ros.evaluation.report.render import render
from pose_estimation_ros.evaluation.report.summary import Source

PAGE = "report.html"


def write_report(
    folder: str | Path,
    data: str | Path,
    judge: ModuleType,
    truth: COCO | mpii.Persons,
    sources: Sequence[Source],
    draws: int = DRAWS,
) -> Path:
    """Write folder/report.html about sources that were evaluated on the same annotations.

    Args:
        folder: where the page is written.
        data: annotation file or its folder; images that are missing beside it are left grey.
        judge: the benchmark's module, as accuracy.ground_truth returns it.
        truth: the annotations, as accuracy.ground_truth returns them.
        sources: the first is the one that the others are compared with, and whose worst images are shown.
        draws: number of draws of the bootstrap.

    Returns:
        Path of the page.
    """
    if isinstance(truth, mpii.Persons):
        ordered = [in_order(source, len(truth.file_name)) for source in sources]
        template, content = "mpii.html.j2", report_mpii.content(truth, data, ordered, draws)
    else:
        template, content = "coco.html.j2", report_coco.content(judge, truth, data, sources, draws)
    names = [source.name for source in sources]
    page = render(template, title=f"Pose evaluation: {', '.join(names)}", names=names, **content)
    path = Path(folder, PAGE)
    write_whole(path, page.encode())
    return path


def in_order(source: Source, persons: int) -> Source:
    """Return the source with MPII's results as (N, 16, 2) px in the order of the annotated persons."""
    if isinstance(source.results, list):
        return source._replace(results=one_each(source.results, source.path, persons))
    return source
