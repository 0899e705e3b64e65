"""A report's charts of runs side by side: how values are spread, how they went over time, what scores are worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pose_estimation_ros.evaluation.bag.metrics.steadiness import bone_changes, tracks_of
from pose_estimation_ros.evaluation.bag.report.saved_run import SavedRun
from pose_estimation_ros.evaluation.bag.report.timeline import round_up
from pose_estimation_ros.evaluation.report.charts import Line, line_chart
from pose_estimation_ros.evaluation.report.html import Html

STEPS = 120  # points of a line at most
SHARE = "share of images"


def spread(
    title: str, runs: Sequence[SavedRun], values_of: Callable[[SavedRun], Any], axes: tuple[str, str], limit: float = 0
) -> list[Html]:
    """How many values are not above x, of each run; nothing where no run has any. limit: of x, 0: the 99 % quantile."""
    values = [np.sort(np.asarray(values_of(run), float).ravel()) for run in runs]
    if not any(len(own) for own in values):
        return []
    limit = limit or round_up(max(float(np.quantile(own, 0.99)) for own in values if len(own)))
    x = np.linspace(0, limit, STEPS)
    lines = [Line(run.name, x, np.searchsorted(own, x, "right") / max(len(own), 1)) for run, own in zip(runs, values)]
    return [line_chart(title, lines, axes, x_limit=limit)]


def spreads(runs: Sequence[SavedRun]) -> list[Html]:
    return [
        *spread("Scores of found keypoints", runs, keypoint_scores, ("score up to", "share of keypoints"), 1.0),
        *spread("People in an image", runs, lambda run: [p.count for p in run.poses], ("people up to", SHARE)),
        *spread(
            "Change of a bone's length from image to image", runs, length_changes, ("|ln| up to", "share of bones"), 1.0
        ),
        *spread("Time of the network", runs, lambda run: run.timings["estimate_ms"], ("ms up to", SHARE)),
        *spread("Age of answers", runs, ages, ("ms up to", SHARE)),
    ]


def keypoint_scores(run: SavedRun) -> np.ndarray:
    scores = np.concatenate([poses.score.ravel() for poses in run.poses] or [np.zeros(0)])
    return scores[scores > 0]


def length_changes(run: SavedRun) -> np.ndarray:
    changes = [np.abs(bone_changes(track, run.skeleton)).ravel() for track in tracks_of(run.poses)]
    together = np.concatenate([np.zeros(0), *changes])
    return together[np.isfinite(together)]


def ages(run: SavedRun) -> list[float]:
    return [frame["age_ms"] for frame in run.frames if "age_ms" in frame]


def over_time(runs: Sequence[SavedRun], length_s: float) -> list[Html]:
    """The network's time, and in realtime age and drops, from the recording's begin to its end."""
    charts = [course("Time of the network", runs, lambda run: run.timings["estimate_ms"], length_s)]
    if any(map(ages, runs)):
        charts.append(course("Age of answers", runs, ages, length_s))
        charts.append(drops(runs, length_s))
    return charts


def course(title: str, runs: Sequence[SavedRun], values_of: Callable[[SavedRun], Any], length_s: float) -> Html:
    """The largest value in each of STEPS parts of the time."""
    lines = []
    for run in runs:
        place, values = parts(run.seconds, length_s), np.asarray(values_of(run), float)
        own = np.unique(place)
        most = np.array([values[place == p].max() for p in own])
        lines.append(Line(run.name, (own + 0.5) * length_s / STEPS, most))
    limit = round_up(max((float(line.y.max(initial=0)) for line in lines), default=0))
    return line_chart(f"{title}, the longest", lines, ("s", "ms"), x_limit=round_up(length_s), y_limit=limit)


def parts(seconds: np.ndarray, length_s: float) -> np.ndarray:
    return np.clip((seconds / length_s * STEPS).astype(int), 0, STEPS - 1)


def drops(runs: Sequence[SavedRun], length_s: float) -> Html:
    """How many images went unanswered until then, by the places of those that were answered."""
    lines = []
    for run in runs:
        place = np.array([frame["image_id"] for frame in run.frames])
        unanswered = 1 - np.arange(1, len(place) + 1) / (place + 1)
        lines.append(Line(run.name, run.seconds, unanswered))
    return line_chart("Images without an answer until then", lines, ("s", "share"), x_limit=round_up(length_s))


def reliability(runs: Sequence[SavedRun], truth: str) -> list[Html]:
    """Of keypoints with a score, how many are near: calibrated where the line is the diagonal."""
    lines = [Line("calibrated", np.array([0.0, 1.0]), np.array([0.0, 1.0]))]
    for run in runs:
        figures = run.results.get(truth, {}).get("calibration")
        bins = [b for b in figures["bins"] if b["count"]] if figures else []
        if bins:
            x, y = (np.array([b[key] for b in bins]) for key in ("mean_score", "share_near"))
            lines.append(Line(f"{run.name}: ECE {figures['ECE']:.3f}", x, y))
    title = "Scores of keypoints" + (" (pseudo-truth)" if truth != "truth" else "")
    return [line_chart(title, lines, ("score", "share near"))] if len(lines) > 1 else []
