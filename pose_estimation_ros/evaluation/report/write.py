"""The report: one HTML page that holds all it shows, images too, and needs neither a script nor a network."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Sequence

from pycocotools.coco import COCO

from pose_estimation_ros.core.atomic_files import write_whole
from pose_estimation_ros.evaluation import mpii
from pose_estimation_ros.evaluation.metrics.bootstrap import DRAWS
from pose_estimation_ros.evaluation.predictions import one_each
from pose_estimation_ros.evaluation.report import coco as report_coco
from pose_estimation_ros.evaluation.report import mpii as report_mpii
from pose_estimation_ros.evaluation.report.html import page
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
    """Writes folder/report.html of sources that were judged by these annotations; draws: of the bootstrap.

    judge, truth: accuracy.ground_truth's of the data. The first source is the one that others are compared with, and
    whose worst images are shown. Images that are missing beside the annotations are left out.
    """
    if isinstance(truth, mpii.Persons):
        body = report_mpii.body(truth, data, [in_order(source, len(truth.file_name)) for source in sources], draws)
    else:
        body = report_coco.body(judge, truth, data, sources, draws)
    title = f"Pose evaluation: {', '.join(source.name for source in sources)}"
    path = Path(folder, PAGE)
    write_whole(path, page(title, *body).encode())
    return path


def in_order(source: Source, persons: int) -> Source:
    """With MPII's results as (N, 16, 2) px in the persons' order."""
    if isinstance(source.results, list):
        return source._replace(results=one_each(source.results, source.path, persons))
    return source
