"""What every report begins with: what was evaluated, figures beside the papers' and other sources', differences."""

from __future__ import annotations

import platform
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple, Sequence

import numpy as np

from pose_estimation_ros.core.model_spec import file_sha256
from pose_estimation_ros.datasets.coco_json import annotation_file
from pose_estimation_ros.evaluation.metrics.bootstrap import PERCENT, SEED, interval
from pose_estimation_ros.evaluation.report.html import Html, element, join, note, section, table
from pose_estimation_ros.evaluation.report.papers import PaperRow, paper_rows

PACKAGES = ("pose_estimation_ros", "pycocotools", "numpy", "opencv-python-headless", "onnxruntime")


class Source(NamedTuple):
    """A model or a file of predictions as it was judged.

    name: shown, unlike the others'. kind: "model" or "predictions". figures: what its JSON holds, protocol included.
    results: COCO's results format; MPII's may be (N, 16, 2) px, too. training: the spec's, {} of predictions.
    """

    name: str
    kind: str
    path: Path
    figures: dict[str, Any]
    results: Any
    training: dict[str, Any]


class Spread(NamedTuple):
    """The bootstrap of one figure: its name, the draws' values (M, draws) of M sources, the number of images."""

    metric: str
    values: np.ndarray
    images: int


def beginning(data: str | Path, skeleton: str, metrics: Sequence[Sequence[str]], sources: Sequence[Source],
              spread: Spread) -> list[Html]:  # fmt: skip
    """What every report begins with; metrics: names of figures, a table of each list."""
    known = {name for names in metrics for name in names}
    parts = [lead(sources, spread), about(data, known, sources), accuracy(metrics, skeleton, sources, spread)]
    return parts + ([differences(sources, spread)] if len(sources) > 1 else [])


def lead(sources: Sequence[Source], spread: Spread) -> Html:
    lines = [
        element("p", f"{source.name}: {spread.metric} ", element("b", figure(source, spread.metric)),
                f" ({PERCENT} % interval {limits(values)})", class_="lead")
        for source, values in zip(sources, spread.values)
    ]  # fmt: skip
    explained = (
        f"The interval is a bootstrap over the {spread.images} images ({spread.values.shape[1]} draws, seed {SEED}):"
        " how far the figure would move with other images of the same kind. Of images of another kind it says nothing."
    )
    return join(*lines, note(explained))


def figure(source: Source, name: str) -> float | None:
    """A figure of a source; None where there is none or nobody to find (-1)."""
    value = source.figures.get(name)
    return None if value is None or value < 0 else float(value)


def limits(values: np.ndarray) -> str:
    """An interval in words."""
    low, high = interval(values)
    return "unknown" if np.isnan(low) else f"{low:.1f} to {high:.1f}"


def about(data: str | Path, metrics: set[str], sources: Sequence[Source]) -> Html:
    """What was evaluated, on what, how, when and with what."""
    file = annotation_file(data)
    facts = [("data", str(data)), ("sha256 of the annotations", file_sha256(str(file)))]
    facts += [("date", f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC"), ("versions", versions())]
    protocol = list(dict.fromkeys(key for source in sources for key in source.figures if key not in metrics))
    rows = [("file", *(f"{source.kind} {source.path.name}" for source in sources))]
    rows += [("sha256", *(file_sha256(str(source.path)) for source in sources))]
    rows += [(key.replace("_", " "), *(said(source.figures.get(key)) for source in sources)) for key in protocol]
    for key in ("model", "data"):
        rows += [(f"training: {key}", *(said(s.training.get(key)) for s in sources))] if any_has(sources, key) else []
    tables = [element("div", table(("", ""), facts), class_="facts"),
              element("div", table(("", *(source.name for source in sources)), rows), class_="facts")]  # fmt: skip
    return section("What was evaluated", *tables)


def any_has(sources: Sequence[Source], key: str) -> bool:
    return any(key in source.training for source in sources)


def said(value: Any) -> str:
    """A fact of a protocol in words."""
    if value is None or isinstance(value, bool):
        return {None: "–", True: "yes", False: "no"}[value]
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def versions() -> str:
    """Of Python and of the packages that make the figures, as far as they are installed."""
    found = [f"Python {platform.python_version()}"]
    for name in PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def accuracy(metrics: Sequence[Sequence[str]], skeleton: str, sources: Sequence[Source], spread: Spread) -> Html:
    """The figures of all sources, and the rows of their papers."""
    builders = dict.fromkeys(str(source.training.get("model")) for source in sources)
    papers = [row for builder in builders for row in paper_rows(builder, skeleton)]
    tables = []
    for names in metrics:
        ranges = [limits(values) for values in spread.values] if spread.metric in names else []
        measured = [
            (source.name, *(figure(source, name) for name in names), *ranges[place : place + 1])
            for place, source in enumerate(sources)
        ]
        printed = [
            (f"paper: {row.label}", *(row.figures.get(name) for name in names), *([""] if ranges else []))
            for row in papers
            if set(names) & set(row.figures)
        ]
        head = ("", *names, *([f"{PERCENT} % of {spread.metric}"] if ranges else []))
        tables.append(table(head, measured + printed))
    return section("Accuracy", *tables, *papers_note(papers, spread.images))


def papers_note(papers: Sequence[PaperRow], images: int) -> list[Html]:
    """In what the papers' rows differ from those measured here."""
    if not papers:
        return []
    differ = f"The papers' rows are not of the same data or protocol: measured here are {images} images, as said above."
    kinds = dict.fromkeys((row.data, row.protocol, row.source) for row in papers)
    origins = [f"{', '.join(r.label for r in papers if r[4:] == kind)}: {'; '.join(kind)}." for kind in kinds]
    return [note(" ".join([differ, *origins]))]


def differences(sources: Sequence[Source], spread: Spread) -> Html:
    """Each source less the first, with its paired interval."""
    first = sources[0]
    rows = []
    for source, values in zip(sources[1:], spread.values[1:]):
        own, base = figure(source, spread.metric), figure(first, spread.metric)
        gap = np.nan if own is None or base is None else own - base
        low, high = interval(values - spread.values[0])
        verdict = "0 lies within" if low <= 0 <= high else "0 lies outside" if low == low else "unknown"
        rows.append((f"{source.name} less {first.name}", f"{gap:+.1f}", f"{low:+.1f} to {high:+.1f}", verdict))
    explained = (
        f"Paired bootstrap: in each of the {spread.values.shape[1]} draws all sources are judged on the same images."
        " Where 0 lies within the interval, these images do not tell which source is better."
    )
    return section("Differences", table(("", spread.metric, f"{PERCENT} % interval", ""), rows), note(explained))
