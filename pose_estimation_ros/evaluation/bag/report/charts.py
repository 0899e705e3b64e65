"""Make the charts of a recording: distributions, values over time, and how far scores can be trusted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pose_estimation_ros.evaluation.bag.metrics.steadiness import bone_changes, tracks_of
from pose_estimation_ros.evaluation.bag.report.saved_run import SavedRun
from pose_estimation_ros.evaluation.bag.report.timeline import round_up
from pose_estimation_ros.evaluation.report.parts import Line, LineChart, reliability_chart

STEPS = 120  # points of a line at most
SHARE = "share of images"

Values = Callable[[SavedRun], Sequence[float]]


def distribution(
    title: str, runs: Sequence[SavedRun], values_of: Values, axes: tuple[str, str], limit: float = 0
) -> list[LineChart]:
    """Return the cumulative distribution of a value for each run.

    Args:
        title: heading of the chart.
        runs: one line each.
        values_of: run -> its values.
        axes: names of x and y.
        limit: end of the x axis; 0 takes the 99 % quantile.

    Returns:
        The chart; [] where no run has any value.
    """
    values = [np.sort(np.asarray(values_of(run), float)) for run in runs]
    if not any(len(sample) for sample in values):
        return []
    limit = limit or round_up(max(float(np.quantile(sample, 0.99)) for sample in values if len(sample)))
    x = np.linspace(0, limit, STEPS)
    shares = [np.searchsorted(sample, x, "right") / max(len(sample), 1) for sample in values]
    return [LineChart(title, [Line(run.name, x, y) for run, y in zip(runs, shares)], axes, x_limit=limit)]


def distributions(runs: Sequence[SavedRun]) -> list[LineChart]:
    """Return the distributions of scores, people, bone lengths and times."""
    scores, bones = ("score up to", "share of keypoints"), ("|ln(ratio)| up to", "share of bones")
    return [
        *distribution("Scores of the keypoints found", runs, keypoint_scores, scores, 1.0),
        *distribution("People per image", runs, people_per_image, ("people up to", SHARE)),
        *distribution("Change of bone length between images", runs, length_changes, bones, 1.0),
        *distribution("Network time", runs, network_ms, ("ms up to", SHARE)),
        *distribution("Age of the results", runs, ages_ms, ("ms up to", SHARE)),
    ]


def keypoint_scores(run: SavedRun) -> Sequence[float]:
    """Return the scores of all keypoints that were found."""
    return [score for poses in run.poses for score in poses.score.ravel().tolist() if score > 0]


def people_per_image(run: SavedRun) -> Sequence[float]:
    """Return the number of people in each image."""
    return [poses.count for poses in run.poses]


def length_changes(run: SavedRun) -> Sequence[float]:
    """Return |ln(length / length one image before)| of all bones, where it is known."""
    changes = [np.abs(bone_changes(track, run.skeleton)).ravel() for track in tracks_of(run.poses)]
    return [change for values in changes for change in values[np.isfinite(values)].tolist()]


def network_ms(run: SavedRun) -> Sequence[float]:
    """Return the time of the networks for each image, in ms."""
    times: list[float] = run.timings["estimate_ms"]
    return times


def ages_ms(run: SavedRun) -> Sequence[float]:
    """Return how old each image was when its result was ready, in ms; [] unless a node was simulated."""
    return [frame["age_ms"] for frame in run.frames if "age_ms" in frame]


def over_time(runs: Sequence[SavedRun], length_s: float) -> list[LineChart]:
    """Return the network's time over the recording; for a simulated node also the ages and the dropped images.

    Args:
        runs: the runs of one recording.
        length_s: length of the recording in s.
    """
    charts = [longest("Longest network time", runs, network_ms, length_s)]
    if any(map(ages_ms, runs)):
        charts.append(longest("Largest age of the results", runs, ages_ms, length_s))
        charts.append(drops(runs, length_s))
    return charts


def longest(title: str, runs: Sequence[SavedRun], values_of: Values, length_s: float) -> LineChart:
    """Return the largest value in each of STEPS parts of the recording, in ms.

    Args:
        title: heading of the chart.
        runs: one line each.
        values_of: run -> a value of each of its images, in ms.
        length_s: length of the recording, in s.

    Returns:
        The chart.
    """
    lines = []
    for run in runs:
        part, values = parts_of(run.seconds, length_s), np.asarray(values_of(run), float)
        filled = np.unique(part)
        most = np.array([values[part == p].max() for p in filled])
        lines.append(Line(run.name, (filled + 0.5) * length_s / STEPS, most))
    limit = round_up(max((float(line.y.max(initial=0)) for line in lines), default=0))
    return LineChart(title, lines, ("time, s", "ms"), x_limit=round_up(length_s), y_limit=limit)


def parts_of(seconds: np.ndarray, length_s: float) -> np.ndarray:
    """Return in which of STEPS parts of the recording each time is.

    Args:
        seconds: times since the begin in s.
        length_s: length of the recording in s.
    """
    parts: np.ndarray = np.clip((seconds / length_s * STEPS).astype(int), 0, STEPS - 1)
    return parts


def drops(runs: Sequence[SavedRun], length_s: float) -> LineChart:
    """Return the share of dropped images from the begin of the recording to each image that was answered.

    Args:
        runs: the runs of one recording.
        length_s: length of the recording in s.
    """
    lines = []
    for run in runs:
        place = np.array([frame["image_id"] for frame in run.frames])
        lines.append(Line(run.name, run.seconds, 1 - np.arange(1, len(place) + 1) / (place + 1)))
    axes = ("time, s", "share of images so far")
    return LineChart("Dropped images", lines, axes, x_limit=round_up(length_s))


def reliability(runs: Sequence[SavedRun], truth: str) -> list[LineChart]:
    """Return how many keypoints of each score are near the annotated ones; calibrated scores lie on the diagonal.

    Args:
        runs: one line each; those without such figures are left out.
        truth: "truth" or "pseudo_truth".

    Returns:
        The chart; [] where no run has such figures.
    """
    figures = {run.name: run.results.get(truth, {}).get("calibration") for run in runs}
    title = "Calibration of the scores" + ("" if truth == "truth" else " (pseudo ground truth)")
    chart = reliability_chart(title, figures, "share near")
    return [chart] if len(chart.lines) > 1 else []
