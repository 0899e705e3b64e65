"""A report's figures of runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pose_estimation_ros.evaluation.bag.report.saved_run import SavedRun
from pose_estimation_ros.evaluation.metrics import coco
from pose_estimation_ros.evaluation.metrics import localization_errors as errors
from pose_estimation_ros.evaluation.report.charts import bar
from pose_estimation_ros.evaluation.report.html import Html, element, table, titled

TRUTHS = {"truth": "", "pseudo_truth": "pseudo-"}  # what figures begin with that are no more than agreement
TRACKING = ("HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDP", "IDR")
TRACK_COUNTS = ("true_tracks", "found_tracks", "id_switches", "fragmentations", "misses", "false_positives")
STAGES = {"read": "reading", "decode": "decoding", "estimate": "network", "write": "writing", "all": "all"}

Row = tuple[str, tuple[str, ...], str]  # title, path in the results, format of the value


def figures(runs: Sequence[SavedRun]) -> Html:
    """All measures, a table of each kind; rows that no run has a value for are left out."""
    kinds = [("Images and people", COUNTS), ("Age of answers", AGES)]
    kinds += [(f"Against the {truth.replace('_', '-')}", against(truth)) for truth in TRUTHS]
    kinds += [("Steadiness, told without a truth", STEADINESS)]
    parts = []
    for title, rows in kinds:
        cells = [(name, *(said(value_at(run.results, path), form) for run in runs)) for name, path, form in rows]
        if known := [row for row in cells if any(cell is not None for cell in row[1:])]:
            own = table(("", *(run.name for run in runs)), known)
            parts.append(element("div", element("h3", title), own))
    return element("div", *parts, throughput(runs), class_="charts")


COUNTS: list[Row] = [
    ("images in the bag", ("frames", "in_bag"), "d"),
    ("answered", ("frames", "answered"), "d"),
    ("dropped", ("frames", "dropped"), "d"),
    ("people found, all images", ("people", "found"), "d"),
    ("images with nobody", ("people", "frames_with_nobody"), "d"),
    ("ids", ("reference_free", "tracks"), "d"),
]
AGES: list[Row] = [(f"{name}, ms", ("age_ms", name), ".0f") for name in ("p50", "p90", "p99", "max")]
STEADINESS: list[Row] = [
    ("jitter at rest, px", ("reference_free", "jitter_at_rest", "px"), ".2f"),
    ("jitter at rest, % of size", ("reference_free", "jitter_at_rest", "of_size"), ".2%"),
    ("change of bones, median", ("reference_free", "bone_length_change", "p50"), ".1%"),
    ("change of bones, 90 %", ("reference_free", "bone_length_change", "p90"), ".1%"),
    ("left and right exchanged", ("reference_free", "left_right_swaps", "swaps"), "d"),
    ("of pairs", ("reference_free", "left_right_swaps", "samples"), "d"),
    ("detection gaps", ("reference_free", "detection_gaps", "gaps"), "d"),
    ("images in gaps", ("reference_free", "detection_gaps", "frames_missing"), "d"),
    ("longest gap, images", ("reference_free", "detection_gaps", "longest"), "d"),
]


def against(truth: str) -> list[Row]:
    before = TRUTHS[truth]
    rows: list[Row] = [("images judged", (truth, "judged"), "d")]
    rows += [(before + name, (truth, name), ".1f") for name in coco.METRICS]
    rows += [("keypoints near, %", (truth, "keypoints", "all", "near"), ".1f")]
    rows += [("mean distance, px", (truth, "keypoints", "all", "mean_px"), ".1f")]
    rows += [(f"{kind}, % of keypoints", (truth, "errors", kind), ".1f") for kind in errors.KINDS]
    rows += [("calibration error (ECE)", (truth, "calibration", "ECE"), ".3f")]
    rows += [(name, (truth, "tracking", name), ".1f") for name in TRACKING]
    return rows + [(name.replace("_", " "), (truth, "tracking", name), "d") for name in TRACK_COUNTS]


def value_at(content: Any, path: Sequence[str]) -> Any:
    for key in path:
        content = content.get(key) if isinstance(content, dict) else None
    return content


def said(value: Any, form: str) -> str | None:
    """A figure in words; COCO's -1, nobody to find, is none."""
    return None if value is None or (form == ".1f" and value == -1) else format(value, form)


def throughput(runs: Sequence[SavedRun]) -> Html:
    """Images per second of each stage by itself, and how long the network had to wait."""
    rows: list[tuple] = []
    for stage, title in STAGES.items():
        rates = [run.timings["frames_per_s"].get(stage) for run in runs]
        rows.append((title, *(None if rate is None else f"{rate:.1f}" for rate in rates)))
    for key, title in (("wait_for_frames", "network waited, s"), ("wait_for_room", "reading waited, s")):
        rows.append((title, *(f"{run.timings['seconds'].get(key, 0):.2f}" for run in runs)))
    head = ("images per second", *(run.name for run in runs))
    return element("div", element("h3", "Speed, stage by stage"), table(head, rows))


def keypoint_table(runs: Sequence[SavedRun], truth: str) -> list[Html]:
    """How many of each keypoint are near; nothing where nobody was to be found."""
    own = [(place, run) for place, run in enumerate(runs) if "keypoints" in run.results.get(truth, {})]
    if not own:
        return []
    rows = []
    for name, first in own[0][1].results[truth]["keypoints"].items():
        cells = [run.results[truth]["keypoints"][name]["near"] for _, run in own]
        bars = [bar(float("nan") if near is None else near, place) for (place, _), near in zip(own, cells)]
        rows.append((name.replace("_", " "), first["labelled"], *bars))
    return [table(("", "labelled", *(titled("% near", run.name) for _, run in own)), rows, wide=True)]
