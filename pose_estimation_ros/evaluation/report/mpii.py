"""Make the content of a report on MPII: PCKh against its threshold, each joint, and the worst images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.datasets.coco_json import annotation_file
from pose_estimation_ros.datasets.mpii import SKELETON, Persons, head_distance
from pose_estimation_ros.evaluation.metrics.bootstrap import mean_pckh, resampled
from pose_estimation_ros.evaluation.metrics.pckh import GROUPS, IN_MEAN, THRESHOLDS, TORSO_FIGURES
from pose_estimation_ros.evaluation.report.parts import Bar, Cell, Line, LineChart, Table
from pose_estimation_ros.evaluation.report.pictures import WORST, Picture, annotated, numbered_poses, picture_rows
from pose_estimation_ros.evaluation.report.summary import Source, Spread, summarize

NEAR = 0.5  # head sizes
JOINTS = get_skeleton(SKELETON).keypoints
STEPS = np.linspace(0, NEAR, 51)
AXES = ("threshold, head sizes", "% of joints within")
VISIBILITIES = {"all visible": 2, "all hidden": 1}


def content(truth: Persons, data: str | Path, sources: Sequence[Source], draws: int) -> dict[str, object]:
    """Return the variables of mpii.html.j2.

    Args:
        truth: the annotations.
        data: their file or its folder.
        sources: evaluated models and files, with results (N, 16, 2) px; the first chooses the worst images.
        draws: number of draws of the bootstrap.

    Returns:
        Variable name -> value.
    """
    distances = [head_distance(source.results, truth) for source in sources]
    figures, images = zip(*(mean_pckh(source.results, truth, NEAR) for source in sources))
    spread = Spread(f"Mean@{NEAR}", resampled(figures, images[0], draws), images[0])
    metrics = [*([f"{group}@{limit}" for group in (*GROUPS, "Mean")] for limit in THRESHOLDS), TORSO_FIGURES]
    pictures = worst_images(truth, annotation_file(data).parent / "images", sources, distances)
    return {
        **summarize(data, SKELETON, metrics, sources, spread),
        "curves": curves(sources, distances),
        "joints": joint_table(truth, sources, distances),
        "worst": picture_rows(pictures, get_skeleton(SKELETON)),
    }


def share_within(distance: np.ndarray, threshold: float) -> float:
    """Return how many of the known distances, of any shape, are within the threshold, in percent; NaN without any.

    Args:
        distance: distances in head sizes, NaN where unknown.
        threshold: the threshold in head sizes.
    """
    known = np.isfinite(distance).sum()
    return 100 * float((distance <= threshold).sum() / known) if known else np.nan


def curves(sources: Sequence[Source], distances: Sequence[np.ndarray]) -> LineChart:
    """Return PCKh against its threshold: groups of joints for one source, else the mean of each source.

    Args:
        sources: the sources.
        distances: (N, 16) distances of each source in head sizes.
    """
    if len(sources) == 1:
        groups = {"Mean": IN_MEAN, **{group: [JOINTS.index(n) for n in names] for group, names in GROUPS.items()}}
        lines = [Line(group, STEPS, pckh_curve(distances[0][:, places])) for group, places in groups.items()]
        return LineChart("PCKh by group of joints", lines, AXES, NEAR, 100.0)
    lines = [Line(source.name, STEPS, pckh_curve(d[:, IN_MEAN])) for source, d in zip(sources, distances)]
    return LineChart("Mean PCKh", lines, AXES, NEAR, 100.0)


def pckh_curve(distance: np.ndarray) -> np.ndarray:
    """Return the percentage of the distances within each of STEPS."""
    return np.array([share_within(distance, step) for step in STEPS])


def joint_table(truth: Persons, sources: Sequence[Source], distances: Sequence[np.ndarray]) -> Table:
    """Return PCKh@0.5, PCKh@0.1 and the median distance of each joint, of all visible joints and of all hidden ones.

    Args:
        truth: the annotations.
        sources: the sources.
        distances: (N, 16) distances of each source in head sizes.
    """
    rows = [joint_row(name.replace("_", " "), [d[:, k] for d in distances]) for k, name in enumerate(JOINTS)]
    for name, visibility in VISIBILITIES.items():
        chosen = truth.keypoints[..., 2] == visibility
        rows.append(joint_row(name, [distance[chosen] for distance in distances]))
    head = [(title, source.name) for source in sources for title in ("PCKh@0.5", "PCKh@0.1", "median")]
    return Table(("", "labelled", *head), rows)


def joint_row(name: str, distances: Sequence[np.ndarray]) -> list[Cell]:
    """Return a row with the figures of each source's distances to the same joints.

    Args:
        name: name of the row.
        distances: distances of each source in head sizes.
    """
    row: list[Cell] = [name, int(np.isfinite(distances[0]).sum())]
    for place, distance in enumerate(distances):
        known = distance[np.isfinite(distance)]
        median = f"{np.median(known):.2f}" if len(known) else None
        row += [Bar(share_within(distance, 0.5), place), share_within(distance, 0.1), median]
    return row


def worst_images(
    truth: Persons, folder: Path, sources: Sequence[Source], distances: Sequence[np.ndarray]
) -> list[Picture]:
    """Return the images with the lowest PCKh@0.5 of the first source; of equal ones first those with more joints.

    Args:
        truth: the annotations.
        folder: folder of the images.
        sources: the sources.
        distances: (N, 16) distances of each source in head sizes.
    """
    names = np.array(truth.file_name)
    entries = []
    for name in np.unique(names):
        members = np.flatnonzero(names == name)
        share = share_within(distances[0][members][:, IN_MEAN], NEAR)
        if not np.isnan(share):
            entries.append((share, -int(np.isfinite(distances[0][members]).sum()), str(name), members))
    entries.sort(key=lambda entry: entry[:3])
    return [picture(truth, folder / name, members, sources, distances) for *_, name, members in entries[:WORST]]


def picture(
    truth: Persons, path: Path, members: np.ndarray, sources: Sequence[Source], distances: Sequence[np.ndarray]
) -> Picture:
    """Return an image with its annotated people, given by their places, and with what each source predicts for them.

    Args:
        truth: the annotations.
        path: path of the image.
        members: places of the people of the image.
        sources: the sources.
        distances: (N, 16) distances of each source in head sizes.
    """
    numbers, scores = range(1, len(members) + 1), [1.0] * len(members)
    panels = [numbered_poses(truth.keypoints[members], numbers, scores)]
    captions = [annotated(len(members))]
    for source, distance in zip(sources, distances):
        predicted = np.insert(np.asarray(source.results, float)[members], 2, 1, -1)
        panels.append(numbered_poses(predicted, numbers, scores))
        captions.append(f"{source.name}: {share_within(distance[members][:, IN_MEAN], NEAR):.0f} % within half a head")
    return Picture(path.name, path, panels, captions)
