"""Write the report of `pose evaluate-bag`: one page with all figures, charts and pictures, models side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pose_estimation_ros.core.atomic_files import write_whole
from pose_estimation_ros.core.errors import PoseError
from pose_estimation_ros.core.poses import UNTRACKED
from pose_estimation_ros.evaluation.bag.metrics.ground_truth import track_of
from pose_estimation_ros.evaluation.bag.report.charts import distributions, over_time, reliability
from pose_estimation_ros.evaluation.bag.report.moment_pictures import moment_rows
from pose_estimation_ros.evaluation.bag.report.saved_run import SavedRun, saved_run
from pose_estimation_ros.evaluation.bag.report.tables import TRUTHS, figure_tables, keypoint_table, value_at
from pose_estimation_ros.evaluation.bag.report.timeline import Timeline, presences, timeline
from pose_estimation_ros.evaluation.report.parts import Table
from pose_estimation_ros.evaluation.report.render import render
from pose_estimation_ros.evaluation.report.summary import date_and_versions, fact

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
    folder: str | Path, entries: Sequence[dict[str, Any]], paths: dict[str, str], errors: Sequence[str]
) -> Path:
    """Write folder/report.html about the runs of a summary.json.

    Args:
        folder: where the page is written.
        entries: the summary, {"folder", "results", ...} of each run.
        paths: name of a bag -> its path, from which the pictures are taken.
        errors: messages of the bags that failed.

    Returns:
        Path of the page.
    """
    groups: dict[tuple[str, str], list[SavedRun]] = {}
    for entry in entries:
        key = entry["results"]["bag"], entry["results"]["topic"]
        groups.setdefault(key, []).append(saved_run(Path(entry["folder"])))
    runs = [run for group in groups.values() for run in group]
    most = min(OF_ONE, max(1, PICTURED // max(len(groups), 1)))
    page = render(
        "bag.html.j2",
        title=f"Recordings: {', '.join(dict.fromkeys(bag for bag, _ in groups)) or 'none'}",
        overview=overview(runs),
        partial=[(r.results["bag"], r.name, r.results["partial_reason"]) for r in runs if r.results["partial"]],
        errors=errors,
        run=Table((), date_and_versions()),
        models=models_table(runs),
        recordings=[
            recording(f"{bag}, {topic}", group, paths.get(bag), most) for (bag, topic), group in groups.items()
        ],
    )
    path = Path(folder, PAGE)
    write_whole(path, page.encode())
    return path


def overview(runs: Sequence[SavedRun]) -> Table:
    """Return a row with the main figures of each run; figures that no run has are left out."""
    columns = {name: [value_at(run.results, path) for run in runs] for name, path in OVERVIEW.items()}
    shown = {name: values for name, values in columns.items() if any(value is not None for value in values)}
    rows = [
        (
            f"{run.results['bag']} {run.results['topic']} {run.name}",
            f"{run.results['frames']['answered']} of {run.results['frames']['in_bag']}",
            *(values[place] for values in shown.values()),
            run.timings["frames_per_s"].get("all"),
        )
        for place, run in enumerate(runs)
    ]
    return Table(("", "images", *shown, "images/s"), rows)


def models_table(runs: Sequence[SavedRun]) -> Table:
    """Return the file, the clock and the options of each model."""
    models = {run.name: run.results for run in runs}
    rows = [("sha256", *(results["model_sha256"] for results in models.values()))]
    rows += [("boxes", *(results["boxes"] for results in models.values()))]
    rows += [("clock", *(clock(results["clock"]) for results in models.values()))]
    for name in dict.fromkeys(name for results in models.values() for name in results["options"]):
        rows.append((name.replace("_", " "), *(fact(results["options"].get(name)) for results in models.values())))
    return Table(("", *models), rows)


def clock(settings: dict[str, Any]) -> str:
    """Return the settings of a run's clock as text."""
    if not settings["realtime"]:
        return "every image"
    return "real time, latency " + (
        "as measured" if settings["latency_ms"] is None else f"{settings['latency_ms']:g} ms"
    )


def recording(title: str, runs: Sequence[SavedRun], bag: str | None, most: int) -> dict[str, object]:
    """Return what the page shows of one topic of one bag.

    Args:
        title: its heading.
        runs: the models, of which the first chooses the worst moments.
        bag: path of the bag; None where it is not known.
        most: number of moments at most.

    Returns:
        The fields of a recording in bag.html.j2.
    """
    length_s, period_s = extent(runs)
    try:
        moments, no_pictures = moment_rows(runs, bag, most), ""
    except PoseError as error:
        moments, no_pictures = [], f"There are no pictures: {error}"
    return {
        "title": title,
        "first": runs[0].name,
        "timelines": timelines(runs, period_s, length_s),
        "figures": figure_tables(runs),
        "keypoints": [table for truth in TRUTHS for table in keypoint_table(runs, truth)],
        "distributions": [*distributions(runs), *(chart for truth in TRUTHS for chart in reliability(runs, truth))],
        "over_time": over_time(runs, length_s),
        "moments": moments,
        "no_pictures": no_pictures,
    }


def extent(runs: Sequence[SavedRun]) -> tuple[float, float]:
    """Return the length of the recording and the usual time between answered images, in s."""
    period = [float(np.median(np.diff(np.sort(run.seconds)))) for run in runs if len(run.frames) > 1]
    period_s = max(period, default=0.0) or 1.0
    return max((float(run.seconds.max(initial=0)) for run in runs), default=0.0) + period_s, period_s


def timelines(runs: Sequence[SavedRun], period_s: float, length_s: float) -> list[Timeline]:
    """Return the timeline of the ground truth, where its people have ids, and that of each model.

    Args:
        runs: the models on one topic.
        period_s: usual time between images, in s.
        length_s: length of the recording, in s.

    Returns:
        The drawings.
    """
    charts = []
    truth = runs[0].read("truth_annotations.json")
    if truth and any(track_of(a) != UNTRACKED for a in truth["annotations"]):
        charts.append(truth_timeline(truth, runs[0].frames[0]["stamp_ns"], period_s, length_s))
    for run in runs:
        ids = [[i for i in poses.track_id.tolist() if i >= 0] for poses in run.poses]
        charts.append(timeline(run.name, presences(ids, run.seconds), period_s, length_s))
    return charts


def truth_timeline(truth: dict[str, Any], first_ns: int, period_s: float, length_s: float) -> Timeline:
    """Return the timeline of annotated people; first_ns is the stamp at which the recording begins.

    Args:
        truth: content of the annotation file.
        first_ns: stamp of the first image in ns.
        period_s: usual time between two images in s.
        length_s: length of the recording in s.
    """
    ids: dict[int, list[int]] = {image["id"]: [] for image in truth["images"]}
    for annotation in truth["annotations"]:
        ids[annotation["image_id"]] += [track for track in [track_of(annotation)] if track != UNTRACKED]
    seconds = 1e-9 * (np.array([image["stamp_ns"] for image in truth["images"]]) - first_ns)
    return timeline("ground truth", presences(list(ids.values()), seconds), period_s, length_s)
