"""What a report says of MPII: PCKh against its threshold, by joint, for visible and hidden joints, the worst images."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

import numpy as np

from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.datasets.coco_json import annotation_file
from pose_estimation_ros.evaluation.metrics.bootstrap import mean_pckh, resampled
from pose_estimation_ros.evaluation.mpii import GROUPS, IN_MEAN, SKELETON, THRESHOLDS, Persons, head_distance
from pose_estimation_ros.evaluation.report.charts import Line, bar, line_chart
from pose_estimation_ros.evaluation.report.html import Html, element, note, section, table, titled
from pose_estimation_ros.evaluation.report.pictures import WORST, Picture, numbered_poses, pictures
from pose_estimation_ros.evaluation.report.summary import Source, Spread, beginning

NEAR = 0.5  # of the head's size
JOINTS = get_skeleton(SKELETON).keypoints
STEPS = np.linspace(0, NEAR, 51)


def body(truth: Persons, data: str | Path, sources: Sequence[Source], draws: int) -> list[Html]:
    """All sections of a report; results of the sources are (N, 16, 2) px."""
    distances = [head_distance(source.results, truth) for source in sources]
    figures, images = zip(*(mean_pckh(source.results, truth, NEAR) for source in sources))
    spread = Spread(f"Mean@{NEAR}", resampled(figures, images[0], draws), images[0])
    metrics = [[f"{group}@{limit}" for group in (*GROUPS, "Mean")] for limit in THRESHOLDS]
    return beginning(data, SKELETON, metrics, sources, spread) + [
        curves(sources, distances),
        joints(truth, sources, distances),
        worst(truth, annotation_file(data).parent / "images", sources, distances),
    ]


def share_within(distance: np.ndarray, threshold: float) -> float:
    """Per cent of the known distances, of any shape; NaN without any."""
    known = np.isfinite(distance).sum()
    return 100 * float((distance <= threshold).sum() / known) if known else np.nan


def curves(sources: Sequence[Source], distances: Sequence[np.ndarray]) -> Html:
    """PCKh against the threshold: of one source by groups of joints, of several their means."""
    parts = {group: [JOINTS.index(name) for name in names] for group, names in GROUPS.items()}
    if len(sources) == 1:
        kept = {"Mean": IN_MEAN, **parts}
        lines = [Line(group, STEPS, pckh_curve(distances[0][:, places])) for group, places in kept.items()]
    else:
        lines = [Line(s.name, STEPS, pckh_curve(d[:, IN_MEAN])) for s, d in zip(sources, distances)]
    title = "PCKh by group of joints" if len(sources) == 1 else "Mean PCKh"
    chart = line_chart(title, lines, ("threshold, head sizes", "% of joints within"), NEAR, 100.0)
    return section("PCKh against its threshold", element("div", chart, class_="charts"))


def pckh_curve(distance: np.ndarray) -> np.ndarray:
    return np.array([share_within(distance, step) for step in STEPS])


def joints(truth: Persons, sources: Sequence[Source], distances: Sequence[np.ndarray]) -> Html:
    """By joint: PCKh@0.5 and @0.1 and the median distance; all visible joints, all hidden ones."""
    everything = np.ones(truth.keypoints.shape[:2], bool)
    rows = [joint_row(name.replace("_", " "), everything[:, k], [d[:, k] for d in distances])
            for k, name in enumerate(JOINTS)]  # fmt: skip
    for name, visibility in (("all visible", 2), ("all hidden", 1)):
        rows.append(joint_row(name, truth.keypoints[..., 2] == visibility, distances))
    head = [titled(title, source.name) for source in sources for title in ("PCKh@0.5", "PCKh@0.1", "median")]
    explained = (
        "Median: distance in head sizes (0.6 x the head box's diagonal). Pelvis and thorax are out of the papers' mean."
        " Only the stacked hourglass's h5 tells hidden joints from visible ones."
    )
    return section("Joints", table(("", "labelled", *head), rows), note(explained))


def joint_row(name: str, which: np.ndarray, distances: Sequence[np.ndarray]) -> tuple:
    """A row of some joints' figures; which: a mask of each distance array."""
    chosen = [distance[which] for distance in distances]
    cells = []
    for place, own in enumerate(chosen):
        known = own[np.isfinite(own)]
        median = f"{np.median(known):.2f}" if len(known) else None
        cells += [bar(share_within(own, 0.5), place), share_within(own, 0.1), median]
    return name, int(np.isfinite(chosen[0]).sum()), *cells


def worst(truth: Persons, folder: Path, sources: Sequence[Source], distances: Sequence[np.ndarray]) -> Html:
    """The images with the smallest share of joints within half a head of the first source."""
    names = np.array(truth.file_name)
    entries = []
    for name in np.unique(names):
        own = np.flatnonzero(names == name)
        share = share_within(distances[0][own][:, IN_MEAN], NEAR)
        if not np.isnan(share):
            entries.append((share, -int(np.isfinite(distances[0][own]).sum()), str(name), own))
    chosen = [
        picture(truth, folder / name, own, sources, distances)
        for *_, name, own in sorted(entries, key=lambda entry: entry[:3])[:WORST]
    ]
    explained = (
        f"The {len(chosen)} images with the lowest PCKh@0.5 of {sources[0].name}. Left limbs orange, right limbs blue."
        " Equal numbers: a person and its prediction. Images that are not at hand are left grey."
    )
    return section("Worst images", note(explained), pictures(chosen, get_skeleton(SKELETON)))


def picture(
    truth: Persons, path: Path, own: np.ndarray, sources: Sequence[Source], distances: Sequence[np.ndarray]
) -> Picture:
    """An image by its people's places."""
    numbers, scores = range(1, len(own) + 1), [1.0] * len(own)
    panels = [numbered_poses(truth.keypoints[own], numbers, scores)]
    captions = [f"annotated: {len(own)} {'person' if len(own) == 1 else 'people'}"]
    for source, distance in zip(sources, distances):
        found = np.insert(np.asarray(source.results, float)[own], 2, 1, -1)
        panels.append(numbered_poses(found, numbers, scores))
        captions.append(f"{source.name}: {share_within(distance[own][:, IN_MEAN], NEAR):.0f} % within half a head")
    return Picture(path.name, path, panels, captions)
