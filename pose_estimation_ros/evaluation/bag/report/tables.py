"""Make the tables of a recording: all figures, with the runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pose_estimation_ros.evaluation.bag.report.saved_run import SavedRun
from pose_estimation_ros.evaluation.metrics import coco
from pose_estimation_ros.evaluation.metrics import localization_errors as errors
from pose_estimation_ros.evaluation.report.parts import Bar, Cell, Table

# Key of the results -> how its figures begin: those of a pseudo ground truth measure agreement, not accuracy.
TRUTHS = {"truth": "", "pseudo_truth": "pseudo-"}
TRUTH_NAMES = {"truth": "ground truth", "pseudo_truth": "pseudo ground truth"}
TRACKING = ("HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDP", "IDR")
TRACK_COUNTS = {
    "true_tracks": "tracks in the ground truth",
    "found_tracks": "tracks found",
    "id_switches": "id switches",
    "fragmentations": "fragmentations",
    "misses": "misses",
    "false_positives": "false positives",
}
STAGES = {"read": "reading", "decode": "decoding", "estimate": "networks", "write": "writing", "all": "all together"}
WAITS = {"wait_for_frames": "networks waited, s", "wait_for_room": "reading waited, s"}

Row = tuple[str, tuple[str, ...], str]  # title, path in the results, format of the value

COUNTS: list[Row] = [
    ("images in the bag", ("frames", "in_bag"), "d"),
    ("answered", ("frames", "answered"), "d"),
    ("dropped", ("frames", "dropped"), "d"),
    ("people found, sum over images", ("people", "found"), "d"),
    ("images without people", ("people", "frames_with_nobody"), "d"),
    ("track ids", ("reference_free", "tracks"), "d"),
]
AGES: list[Row] = [
    ("median, ms", ("age_ms", "p50"), ".0f"),
    ("90 % quantile, ms", ("age_ms", "p90"), ".0f"),
    ("99 % quantile, ms", ("age_ms", "p99"), ".0f"),
    ("maximum, ms", ("age_ms", "max"), ".0f"),
]
STABILITY: list[Row] = [
    ("jitter at rest, px", ("reference_free", "jitter_at_rest", "px"), ".2f"),
    ("jitter at rest, % of person size", ("reference_free", "jitter_at_rest", "of_size"), ".2%"),
    ("bone length change, median", ("reference_free", "bone_length_change", "p50"), ".1%"),
    ("bone length change, 90 % quantile", ("reference_free", "bone_length_change", "p90"), ".1%"),
    ("left-right swaps", ("reference_free", "left_right_swaps", "swaps"), "d"),
    ("left-right pairs checked", ("reference_free", "left_right_swaps", "samples"), "d"),
    ("detection gaps", ("reference_free", "detection_gaps", "gaps"), "d"),
    ("images in gaps", ("reference_free", "detection_gaps", "frames_missing"), "d"),
    ("longest gap, images", ("reference_free", "detection_gaps", "longest"), "d"),
]


def accuracy(truth: str) -> list[Row]:
    """Return the rows of the figures that compare with a ground truth, given by its key of TRUTHS."""
    rows: list[Row] = [("images judged", (truth, "judged"), "d"), ("OKS sigma of all keypoints", (truth, "sigma"), "g")]
    rows += [(TRUTHS[truth] + name, (truth, name), ".1f") for name in coco.METRICS]
    rows += [("keypoints near, %", (truth, "keypoints", "all", "near"), ".1f")]
    rows += [("mean distance, px", (truth, "keypoints", "all", "mean_px"), ".1f")]
    rows += [(f"{kind}, % of keypoints", (truth, "errors", kind), ".1f") for kind in errors.KINDS]
    rows += [("calibration error (ECE)", (truth, "calibration", "ECE"), ".3f")]
    rows += [(name, (truth, "tracking", name), ".1f") for name in TRACKING]
    return rows + [(title, (truth, "tracking", name), "d") for name, title in TRACK_COUNTS.items()]


def figure_tables(runs: Sequence[SavedRun]) -> list[tuple[str, Table]]:
    """Return a title and a table for each kind of figures; rows without any value are left out."""
    kinds = [("Images and people", COUNTS), ("Age of the results", AGES)]
    kinds += [(f"Comparison with the {name}", accuracy(truth)) for truth, name in TRUTH_NAMES.items()]
    kinds += [("Stability (without ground truth)", STABILITY)]
    tables = []
    for title, rows in kinds:
        cells = [(name, *(in_words(value_at(run.results, path), form) for run in runs)) for name, path, form in rows]
        if known := [row for row in cells if any(cell is not None for cell in row[1:])]:
            tables.append((title, Table(("", *(run.name for run in runs)), known)))
    return [*tables, ("Speed of each stage", speed(runs))]


def value_at(content: Any, path: Sequence[str]) -> Any:
    """Return the value at a path of keys in nested dicts; None where there is none.

    Args:
        content: the outermost dict.
        path: keys from the outside to the inside.
    """
    for key in path:
        content = content.get(key) if isinstance(content, dict) else None
    return content


def in_words(value: Any, form: str) -> str | None:
    """Return a figure as text; None where there is none, or where nobody was to be found (COCO's -1).

    Args:
        value: the figure.
        form: format of a number, such as "%.1f".
    """
    return None if value is None or (form == ".1f" and value == -1) else format(value, form)


def speed(runs: Sequence[SavedRun]) -> Table:
    """Return the images per second of each stage alone, and how long the stages waited for each other."""
    rows: list[list[Cell]] = []
    for stage, title in STAGES.items():
        rows.append([title, *(run.timings["frames_per_s"].get(stage) for run in runs)])
    for key, title in WAITS.items():
        rows.append([title, *(f"{run.timings['seconds'].get(key, 0):.2f}" for run in runs)])
    return Table(("images per second", *(run.name for run in runs)), rows)


def keypoint_table(runs: Sequence[SavedRun], truth: str) -> list[Table]:
    """Return how many of each keypoint are near the annotated ones.

    Args:
        runs: those without such figures are left out.
        truth: key of TRUTHS.

    Returns:
        The table; [] where no run has such figures.
    """
    judged = [
        (place, run.name, run.results[truth]["keypoints"])
        for place, run in enumerate(runs)
        if "keypoints" in run.results.get(truth, {})
    ]
    if not judged:
        return []
    rows: list[list[Cell]] = []
    for name, first in judged[0][2].items():
        near = [(place, keypoints[name]["near"]) for place, _, keypoints in judged]
        shares = [Bar(float("nan") if share is None else share, place) for place, share in near]
        rows.append([name.replace("_", " "), first["labelled"], *shares])
    return [Table(("", "labelled", *(("% near", name) for _, name, _ in judged)), rows)]
