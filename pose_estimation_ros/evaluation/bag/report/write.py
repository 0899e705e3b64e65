"""report.html of recordings: one page with all figures, charts and pictures, models side by side."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from pose_estimation_ros.core.atomic_files import write_whole
from pose_estimation_ros.core.errors import PoseError
from pose_estimation_ros.core.poses import UNTRACKED
from pose_estimation_ros.evaluation.bag.metrics.truth import track_of
from pose_estimation_ros.evaluation.bag.report.charts import over_time, reliability, spreads
from pose_estimation_ros.evaluation.bag.report.moment_pictures import moments
from pose_estimation_ros.evaluation.bag.report.saved_run import SavedRun, saved_run
from pose_estimation_ros.evaluation.bag.report.tables import TRUTHS, figures, keypoint_table, value_at
from pose_estimation_ros.evaluation.bag.report.timeline import presences, timeline
from pose_estimation_ros.evaluation.report.html import Html, element, join, note, page, section, table
from pose_estimation_ros.evaluation.report.summary import said, versions

PAGE = "report.html"
PICTURED = 30  # moments on a page, over all recordings
OF_ONE = 6  # moments of one recording at most
OVERVIEW = {
    "people": ("people", "found"),
    "AP": ("truth", "AP"),
    "pseudo-AP": ("pseudo_truth", "AP"),
    "HOTA": ("truth", "tracking", "HOTA"),
    "IDF1": ("truth", "tracking", "IDF1"),
}  # columns by their paths in the results


def write_report(
    folder: str | Path, told: Sequence[dict[str, Any]], paths: dict[str, str], errors: Sequence[str]
) -> Path:
    """Writes folder/report.html of the runs of summary.json.

    paths: name of a bag -> where it is, for pictures out of it; errors: of bags that failed.
    """
    groups: dict[tuple[str, str], list[SavedRun]] = {}
    for entry in told:
        key = entry["results"]["bag"], entry["results"]["topic"]
        groups.setdefault(key, []).append(saved_run(Path(entry["folder"])))
    runs = [run for own in groups.values() for run in own]
    most = min(OF_ONE, max(1, PICTURED // max(len(groups), 1)))
    title = f"Recordings: {', '.join(dict.fromkeys(bag for bag, _ in groups)) or 'none'}"
    body = [*overview(runs, errors), about(runs)]
    for (bag, topic), own in groups.items():
        body += [element("h2", f"{bag}, {topic}", class_="recording"), *recording(own, paths.get(bag), most)]
    path = Path(folder, PAGE)
    write_whole(path, page(title, *body).encode())
    return path


def overview(runs: Sequence[SavedRun], errors: Sequence[str]) -> list[Html]:
    """A line for each run, and for each bag that failed."""
    columns = [(name, [value_at(run.results, path) for run in runs]) for name, path in OVERVIEW.items()]
    shown = [(name, values) for name, values in columns if any(value is not None for value in values)]
    rows = [
        (
            f"{run.results['bag']} {run.results['topic']} {run.name}",
            f"{run.results['frames']['answered']} of {run.results['frames']['in_bag']}",
            *(values[place] for _, values in shown),
            run.timings["frames_per_s"].get("all"),
        )
        for place, run in enumerate(runs)
    ]
    head = ("", "images", *(name for name, _ in shown), "images/s")
    marks = [element("p", element("b", "Partial: "), f"{r.results['bag']}, {r.name}: {r.results['partial_reason']}")
             for r in runs if r.results["partial"]]  # fmt: skip
    failed = [element("p", element("b", "Failed: "), error) for error in errors]
    return [section("Overview", *([table(head, rows)] if rows else []), *marks, *failed)]


def about(runs: Sequence[SavedRun]) -> Html:
    facts = [("date", f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC"), ("versions", versions())]
    models = {run.name: run.results for run in runs}
    rows: list[tuple] = [("sha256", *(r["model_sha256"] for r in models.values()))]
    rows += [("boxes", *(r["boxes"] for r in models.values())), ("clock", *(clock(r) for r in models.values()))]
    options = dict.fromkeys(name for r in models.values() for name in r["options"])
    rows += [(name.replace("_", " "), *(said(r["options"].get(name)) for r in models.values())) for name in options]
    tables = [element("div", table(("", ""), facts), class_="facts")]
    if models:
        tables.append(element("details", element("summary", "Models and options"),
                              element("div", table(("", *models), rows), class_="facts")))  # fmt: skip
    return section("What was evaluated", *tables)


def clock(results: dict[str, Any]) -> str:
    own = results["clock"]
    latency = "as measured" if own["latency_ms"] is None else f"{own['latency_ms']:g} ms"
    return f"realtime, latency {latency}" if own["realtime"] else "every image"


def recording(runs: Sequence[SavedRun], bag: str | None, most: int) -> list[Html]:
    """All of one topic of one bag."""
    length_s, period_s = extent(runs)
    explained = "An id is shown wherever images in a row have somebody with it."
    charts = [*spreads(runs), *(chart for truth in TRUTHS for chart in reliability(runs, truth))]
    near = [part for truth in TRUTHS for part in keypoint_table(runs, truth)]
    parts = [
        section("Who was there", *timelines(runs, period_s, length_s), note(explained)),
        section("Measures", figures(runs), *near),
        section("Distributions", element("div", *charts, class_="charts")),
        section("Latency and drops", element("div", *over_time(runs, length_s), class_="charts")),
    ]
    try:
        return [*parts, moments(runs, bag, most)]
    except PoseError as error:
        return [*parts, section("Worst moments", note(f"No pictures: {error}"))]


def extent(runs: Sequence[SavedRun]) -> tuple[float, float]:
    """Length of the recording and the usual time between answered images, s."""
    period = [float(np.median(np.diff(np.sort(run.seconds)))) for run in runs if len(run.frames) > 1]
    period_s = max(period, default=0.0) or 1.0
    return max((float(run.seconds.max(initial=0)) for run in runs), default=0.0) + period_s, period_s


def timelines(runs: Sequence[SavedRun], period_s: float, length_s: float) -> list[Html]:
    """One of the truth, where its people have ids, and one of each model."""
    charts = []
    content = runs[0].read("truth_annotations.json")
    if content and any(track_of(a) != UNTRACKED for a in content["annotations"]):
        people: dict[int, list[int]] = {image["id"]: [] for image in content["images"]}
        for annotation in content["annotations"]:
            people[annotation["image_id"]] += [track for track in [track_of(annotation)] if track != UNTRACKED]
        first = runs[0].frames[0]["stamp_ns"]
        seconds = 1e-9 * (np.array([image["stamp_ns"] for image in content["images"]]) - first)
        charts.append(timeline("truth", presences(list(people.values()), seconds), period_s, length_s))
    for run in runs:
        ids = [[i for i in poses.track_id.tolist() if i >= 0] for poses in run.poses]
        charts.append(timeline(run.name, presences(ids, run.seconds), period_s, length_s))
    return [join(*charts)]
