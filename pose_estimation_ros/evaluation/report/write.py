"""Write the report of `pose evaluate`: one HTML page that holds all its images and needs neither script nor network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pose_estimation_ros.core.atomic_files import write_whole
from pose_estimation_ros.evaluation.benchmarks import Benchmark, CocoBenchmark, MpiiBenchmark
from pose_estimation_ros.evaluation.metrics.bootstrap import DRAWS
from pose_estimation_ros.evaluation.report import coco as report_coco
from pose_estimation_ros.evaluation.report import mpii as report_mpii
from pose_estimation_ros.evaluation.report.render import render
from pose_estimation_ros.evaluation.report.summary import Source

PAGE = "report.html"


def write_report(
    folder: str | Path,
    benchmark: Benchmark,
    sources: Sequence[Source],
    draws: int = DRAWS,
) -> Path:
    """Write folder/report.html about sources that were evaluated on the same annotations.

    Args:
        folder: where the page is written.
        benchmark: benchmark that judged them; images that are missing beside its annotations are left grey.
        sources: the first is the one that the others are compared with, and whose worst images are shown.
        draws: number of draws of the bootstrap.

    Returns:
        Path of the page.
    """
    if isinstance(benchmark, MpiiBenchmark):
        ordered = [source._replace(results=benchmark.xy(source.results, source.path)) for source in sources]
        template, content = "mpii.html.j2", report_mpii.content(benchmark.truth, benchmark.data, ordered, draws)
    else:
        assert isinstance(benchmark, CocoBenchmark)
        template, content = "coco.html.j2", report_coco.content(benchmark, sources, draws)
    names = [source.name for source in sources]
    page = render(template, title=f"Pose evaluation: {', '.join(names)}", names=names, **content)
    path = Path(folder, PAGE)
    write_whole(path, page.encode())
    return path
