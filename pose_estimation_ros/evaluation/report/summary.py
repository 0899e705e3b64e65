"""Make the first part of every accuracy report: what was evaluated, the figures and the differences between models."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pose_estimation_ros.core.atomic_files import file_sha256
from pose_estimation_ros.core.model_spec import END_TO_END
from pose_estimation_ros.datasets.coco_json import annotation_file
from pose_estimation_ros.evaluation.metrics.bootstrap import PERCENT, SEED, interval
from pose_estimation_ros.evaluation.report.papers import COST, PaperRow, paper_rows, rows_of_skeleton
from pose_estimation_ros.evaluation.report.parts import Cell, Table
from pose_estimation_ros.evaluation.report.render import MISSING

AT_THRESHOLDS = ("people_found", "false_per_image")  # figures of a pipeline beside the benchmark's
GROUND_TRUTH = "ground truth"  # boxes of figures
PACKAGES = ("pose_estimation_ros", "pycocotools", "numpy", "opencv-python-headless", "onnxruntime")


class Source(NamedTuple):
    """Hold a model or a file of predictions with its results and figures.

    name: differs from those of the other sources. kind: "model" or "predictions". figures: content of its JSON file,
    protocol included. results: COCO's results format; MPII's may also be (N, 16, 2) px. training: that of the model's
    spec, {} for predictions. sha256: that of the file. other_way: figures of the same model end to end, where the
    figures are of given boxes, and the other way round; {} where there are none.
    """

    name: str
    kind: str
    path: Path
    figures: dict[str, Any]
    results: Any
    training: dict[str, Any]
    sha256: str
    other_way: dict[str, Any] = {}  # noqa: RUF012 (a NamedTuple's default)


class Spread(NamedTuple):
    """Hold the bootstrap of one figure: its name, the values (M, draws) of M sources, and the number of images."""

    metric: str
    values: np.ndarray
    images: int


def summarize(
    data: str | Path, skeleton: str, metrics: Sequence[Sequence[str]], sources: Sequence[Source], spread: Spread
) -> dict[str, object]:
    """Return the first part of a report.

    Args:
        data: annotation file or its folder.
        skeleton: name of the skeleton of the annotations.
        metrics: names of figures; each list makes a table.
        sources: evaluated models and files of predictions.
        spread: bootstrap of the main figure.

    Returns:
        The variables of accuracy.html.j2 about the first part.
    """
    builders = dict.fromkeys(str(source.training.get("model")) for source in sources)
    papers = [row for builder in builders for row in paper_rows(builder, skeleton)]
    intervals = [in_words(values) for values in spread.values]
    return {
        "spread": spread,
        "bootstrap": {"draws": spread.values.shape[1], "seed": SEED, "percent": PERCENT},
        "leads": [(s.name, led_by(s, spread.metric, text)) for s, text in zip(sources, intervals)],
        "run": run_table(data),
        "files": files_table({*AT_THRESHOLDS, *(name for names in metrics for name in names)}, sources),
        "accuracy": [accuracy_table(names, sources, papers, spread.metric, intervals) for names in metrics],
        "both_ways": both_ways(sources, spread.metric),
        "papers": paper_origins(papers),
        "printed": printed_table(metrics[0], sources, skeleton, spread.metric),
        "citations": citations(rows_of_skeleton(skeleton)),
        "differences": differences(sources, spread) if len(sources) > 1 else None,
    }


def figure(source: Source, name: str) -> float | None:
    """Return a figure of a source; None where there is none, or where nobody was to be found (-1).

    Args:
        source: the source.
        name: name of the figure.
    """
    value = source.figures.get(name)
    return None if value is None or value < 0 else float(value)


def led_by(source: Source, metric: str, interval_text: str) -> list[tuple[float | None, str, str]]:
    """Return what stands at the top of the page: the figures of both ways, end to end first.

    Args:
        source: the source.
        metric: name of the figure.
        interval_text: interval of the figure that all else on the page belongs to.

    Returns:
        Figure, how it was measured, and its interval, "" for the other way.
    """
    leads = [(figure(source, metric), way(source.figures), interval_text)]
    if not source.other_way:
        return leads
    other = (figure(source._replace(figures=source.other_way), metric), way(source.other_way), "")
    return [other, *leads] if source.other_way["protocol"] == END_TO_END else [*leads, other]


def way(figures: dict[str, Any]) -> str:
    """Tell in words how the people came about whom a model was judged by; "" for MPII and for predictions."""
    if figures.get("protocol") == END_TO_END:
        return "end to end" + ("" if figures["detector"] == "none" else f" with {Path(figures['detector']).name}")
    boxes = str(figures.get("boxes", ""))
    if "protocol" not in figures or "AP" not in figures:
        return ""
    if boxes.startswith("none"):
        return "without thresholds"
    return "in annotated boxes" if boxes == GROUND_TRUTH else f"in boxes of {Path(boxes).name}"


def both_ways(sources: Sequence[Source], metric: str) -> Table | None:
    """Return the figures end to end beside those in given boxes, None where no source has both.

    Args:
        sources: evaluated models and files of predictions.
        metric: name of the main figure.
    """
    rows: list[Sequence[Cell]] = []
    for source in sources:
        if source.other_way:
            pair = source.figures, source.other_way
            whole, given = pair if pair[0]["protocol"] == END_TO_END else pair[::-1]
            numbers = whole[metric], whole["people_found"], f"{whole['false_per_image']:.2f}"
            facts = [fact(whole[name]) for name in ("detector", "score_threshold", "person_threshold")]
            rows.append((source.name, *numbers, *facts, given[metric], given["boxes"], fact(given["flip"])))
    head_whole = (f"{metric} end to end", "people found, %", "false people an image")
    head_facts = ("detector", "score threshold", "person threshold")
    head = ("", *head_whole, *head_facts, f"{metric} in given boxes", "boxes", "flip test")
    return Table(head, rows) if rows else None


def in_words(values: np.ndarray) -> str:
    """Return the interval of a bootstrap's values as text."""
    low, high = interval(values)
    return "unknown" if np.isnan(low) else f"{low:.1f} to {high:.1f}"


def run_table(data: str | Path) -> Table:
    """Return the data, the date and the versions."""
    sha256 = file_sha256(str(annotation_file(data)))
    return Table((), [("data", str(data)), ("sha256 of the annotations", sha256), *date_and_versions()])


def date_and_versions() -> list[tuple[str, str]]:
    """Return the rows that say when a report was made, and with what."""
    return [("date", f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC"), ("versions", versions())]


def versions() -> str:
    """Return the versions of Python and of the packages that make the figures, as far as they are installed."""
    names = [f"Python {platform.python_version()}"]
    for name in PACKAGES:
        try:
            names.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join(names)


def files_table(metrics: set[str], sources: Sequence[Source]) -> Table:
    """Return the file, the protocol and the training of each source; metrics are figures, not protocol.

    Args:
        metrics: names of the figures.
        sources: the sources.
    """
    protocol = dict.fromkeys(key for source in sources for key in source.figures if key not in metrics)
    rows = [("file", *(f"{source.kind} {source.path.name}" for source in sources))]
    rows += [("sha256", *(source.sha256 for source in sources))]
    rows += [(key.replace("_", " "), *(fact(source.figures.get(key)) for source in sources)) for key in protocol]
    for key in ("model", "data"):
        if any(key in source.training for source in sources):
            rows.append((f"training: {key}", *(fact(source.training.get(key)) for source in sources)))
    return Table(("", *(source.name for source in sources)), rows)


def fact(value: Any) -> str:
    """Return a setting of a protocol as text."""
    if value is None or isinstance(value, bool):
        return {None: MISSING, True: "yes", False: "no"}[value]
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def accuracy_table(
    names: Sequence[str], sources: Sequence[Source], papers: Sequence[PaperRow], metric: str, intervals: Sequence[str]
) -> Table:
    """Return the figures of all sources, and the rows of the papers below.

    Args:
        names: the figures.
        sources: evaluated models and files of predictions.
        papers: rows of papers; those without any of the figures are left out.
        metric: the figure that has an interval.
        intervals: the interval of each source.

    Returns:
        A table with a column of intervals where the metric is among the names.
    """
    with_interval = metric in names
    rows: list[Sequence[Cell]] = [
        (source.name, *(figure(source, name) for name in names), *([text] if with_interval else []))
        for source, text in zip(sources, intervals)
    ]
    rows += [
        (
            f"printed: {row.label}, {row.table.data.name}",
            *(row.figures.get(name) for name in names),
            *([""] if with_interval else []),
        )
        for row in papers
        if set(names) & set(row.figures)
    ]
    return Table(("", *names, *([f"{PERCENT} % interval of {metric}"] if with_interval else [])), rows)


def paper_origins(papers: Sequence[PaperRow]) -> list[str]:
    """Return a line about each group of rows: their data, protocol and paper."""
    groups: dict[str, list[str]] = {}
    for row in papers:
        table = row.table
        origin = f"{table.data.persons}; {table.protocol}; {table.paper.citation}, Table {table.number}"
        groups.setdefault(origin, []).append(row.label)
    return [f"{'; '.join(labels)}: {origin}" for origin, labels in groups.items()]


def printed_table(names: Sequence[str], sources: Sequence[Source], skeleton: str, metric: str) -> Table | None:
    """Return the printed rows of a skeleton's data sets with the sources among them, the best first.

    Args:
        names: the figures; those that no row has are left out.
        sources: evaluated models and files of predictions.
        skeleton: name of the skeleton.
        metric: the figure that orders the rows.

    Returns:
        A table whose marked rows are the sources; None where no paper has such a row.
    """
    printed = rows_of_skeleton(skeleton)
    names = [name for name in names if any(name in row.figures for row in printed)]
    rows: list[tuple[float, bool, Sequence[Cell]]] = []
    for source in sources:
        figures = {name: figure(source, name) for name in names}
        cells = (f"measured here: {source.name}", MISSING, None, None, *figures.values(), MISSING)
        rows.append((figures.get(metric) or 0.0, True, cells))
    for row in printed:
        costs = map(row.cells.get, COST)
        cells = (row.label, row.table.data.name, *costs, *map(row.figures.get, names), row.table.source)
        rows.append((row.main, False, cells))
    rows.sort(key=lambda entry: -entry[0])
    head = ("", "data", "parameters", "MACs", *names, "printed in")
    marked = [place for place, (_, own, _) in enumerate(rows) if own]
    return Table(head, [cells for *_, cells in rows], marked) if printed else None


def citations(rows: Sequence[PaperRow]) -> list[str]:
    """Return the name of each paper that has one of the rows, and where it is found."""
    papers = dict.fromkeys(row.table.paper for row in rows)
    return [f"{paper.name}: {paper.citation}" for paper in papers]


def differences(sources: Sequence[Source], spread: Spread) -> Table:
    """Return the difference of each source from the first, with its paired interval.

    Args:
        sources: the sources.
        spread: bootstrap of the main figure.
    """
    base = figure(sources[0], spread.metric)
    rows = []
    for source, values in zip(sources[1:], spread.values[1:]):
        value = figure(source, spread.metric)
        gap = np.nan if value is None or base is None else value - base
        low, high = interval(values - spread.values[0])
        verdict = "unknown" if np.isnan(low) else "0 lies within" if low <= 0 <= high else "0 lies outside"
        rows.append((f"{source.name} minus {sources[0].name}", f"{gap:+.1f}", f"{low:+.1f} to {high:+.1f}", verdict))
    return Table(("", spread.metric, f"{PERCENT} % interval", ""), rows)
