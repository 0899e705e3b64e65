"""Make the content of a report on COCO or CrowdPose: curves, keypoints, kinds of errors, groups, the worst images."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.datasets.coco_faults import size_of
from pose_estimation_ros.evaluation.benchmarks import CocoBenchmark
from pose_estimation_ros.evaluation.metrics import localization_errors as errors
from pose_estimation_ros.evaluation.metrics.bootstrap import average_precision, outcomes, resampled
from pose_estimation_ros.evaluation.metrics.groups import attributes
from pose_estimation_ros.evaluation.metrics.matches import (
    LOCALIZATION_OKS,
    Matches,
    People,
    keypoints_of,
    match,
    people_of,
)
from pose_estimation_ros.evaluation.metrics.reliability import scored_keypoints, scored_people
from pose_estimation_ros.evaluation.report.parts import (
    Bar,
    Cell,
    Line,
    LineChart,
    StackedBar,
    Table,
    reliability_chart,
)
from pose_estimation_ros.evaluation.report.pictures import (
    UNMATCHED,
    WORST,
    Picture,
    annotated,
    numbered_poses,
    picture_rows,
)
from pose_estimation_ros.evaluation.report.summary import Source, Spread, summarize

KIND_COLORS = ("#8fd0a6", "#f3e08a", "#d3a8dd", "#9cc9ee", "#f0a58c")
CURVES = {"OKS 0.5": [0], "OKS 0.75": [5], "mean of OKS 0.5 to 0.95": list(range(10))}  # places of the thresholds
AXES = ("recall", "precision")


class Judged(NamedTuple):
    """Hold a source with pycocotools' evaluation of it, its matches, and the kinds of its keypoints' errors (P, K)."""

    source: Source
    evaluation: COCOeval
    matches: Matches
    kinds: np.ndarray

    @property
    def name(self) -> str:
        """Return the name of the source."""
        return self.source.name


def content(benchmark: CocoBenchmark, sources: Sequence[Source], draws: int) -> dict[str, object]:
    """Return the variables of coco.html.j2.

    Args:
        benchmark: benchmark that judged the sources.
        sources: evaluated models and files of predictions; the first chooses the worst images.
        draws: number of draws of the bootstrap.

    Returns:
        Variable name -> value.
    """
    truth, skeleton = benchmark.truth, benchmark.skeleton
    people = people_of(truth)
    judged = [judge_source(source, truth, people, skeleton) for source in sources]
    figures = [partial(average_precision, outcomes(one.evaluation)) for one in judged]
    spread = Spread("AP", resampled(figures, len(truth.imgs), draws), len(truth.imgs))
    pictures = worst_images(truth, benchmark.path.parent / "images", people, judged)
    return {
        **summarize(benchmark.data, skeleton.name, [benchmark.metrics], sources, spread),
        "curves": curves(judged),
        "reliability": reliability_charts(people, judged),
        "keypoints": keypoint_table(people, judged, skeleton),
        "kinds": kinds_table(people, judged),
        "kinds_by_keypoint": [(one.name, kinds_by_keypoint(one, skeleton)) for one in judged],
        "groups": group_tables(people, judged),
        "worst": picture_rows(pictures, skeleton),
        "key": (errors.KINDS, KIND_COLORS),
        "limits": {"oks": LOCALIZATION_OKS, "near": errors.NEAR, "good": errors.GOOD},
    }


def judge_source(source: Source, truth: COCO, people: People, skeleton: Skeleton) -> Judged:
    """Match the predictions of a source with the annotated people.

    Args:
        source: the source.
        truth: the annotations.
        people: the annotated people.
        skeleton: skeleton of the keypoints.
    """
    evaluation, matches = match(truth, people, source.results, skeleton)
    return Judged(source, evaluation, matches, errors.error_kinds(truth, people, matches, skeleton))


def curves(judged: Sequence[Judged]) -> list[LineChart]:
    """Return precision against recall: one chart of all thresholds for one source, else a chart for each threshold."""
    if len(judged) == 1:
        return [LineChart("Precision against recall", [curve(t, judged[0], p) for t, p in CURVES.items()], AXES)]
    return [LineChart(t, [curve(one.name, one, p) for one in judged], AXES) for t, p in CURVES.items()]


def curve(label: str, one: Judged, thresholds: Sequence[int]) -> Line:
    """Return the mean precision at places of the thresholds up to the last recall that is reached; the label has AP.

    Args:
        label: label of the source.
        one: the judged source.
        thresholds: places of the thresholds.
    """
    precision = np.maximum(one.evaluation.eval["precision"][list(thresholds), :, 0, 0, 0], 0).mean(0)
    reached = np.flatnonzero(precision).max(initial=0) + 1
    ap = round(100 * float(precision.mean()), 2)  # rounded as the figures of the tables are
    return Line(f"{label}: AP {ap:.1f}", one.evaluation.params.recThrs[:reached], precision[:reached])


def reliability_charts(people: People, judged: Sequence[Judged]) -> list[LineChart]:
    """Return how many keypoints and people of each score are right.

    Args:
        people: the annotated people.
        judged: the judged sources.
    """
    keypoints = {j.name: scored_keypoints(j.evaluation.cocoDt, people, j.matches).reliability() for j in judged}
    poses = {one.name: scored_people(one.evaluation).reliability() for one in judged}
    return [
        reliability_chart("Scores of keypoints", keypoints, "share near (OKS from 0.5 on)"),
        reliability_chart("Scores of people", poses, "share right (OKS from 0.5 on)"),
    ]


def keypoint_table(people: People, judged: Sequence[Judged], skeleton: Skeleton) -> Table:
    """Return the mean error of each keypoint in the unit of OKS, and the share of keypoints that are near.

    Args:
        people: the annotated people.
        judged: the judged sources.
        skeleton: skeleton of the keypoints.
    """
    distances = [errors.normalised_errors(people, one.matches, skeleton) for one in judged]
    rows: list[list[Cell]] = []
    for name, joint in [*named(skeleton), ("all", list(range(skeleton.num_keypoints)))]:
        labelled = people.labelled[:, joint]
        row: list[Cell] = [name, int(labelled.sum())]
        for place, (one, distance) in enumerate(zip(judged, distances)):
            row += keypoint_cells(distance[:, joint], one.matches.similarity[:, joint], labelled, place)
        rows.append(row)
    head = [(title, one.name) for one in judged for title in ("mean error", "% near")]
    return Table(("", "labelled", *head), rows)


def keypoint_cells(distance: np.ndarray, similarity: np.ndarray, labelled: np.ndarray, place: int) -> list[Cell]:
    """Return the mean error and the share of near keypoints of the source at a place; arrays of one shape.

    Args:
        distance: errors of the keypoints in the unit of OKS.
        similarity: similarities, 0..1.
        labelled: whether keypoints are labelled.
        place: place of the source, for the colour of its bar.
    """
    known = distance[np.isfinite(distance)]
    near = int(((similarity >= errors.NEAR) & labelled).sum())
    share = 100 * near / labelled.sum() if labelled.any() else np.nan
    return [f"{known.mean():.2f}" if len(known) else None, Bar(share, place)]


def named(skeleton: Skeleton) -> list[tuple[str, list[int]]]:
    """Return the names of keypoints as words, each with its place."""
    return [(name.replace("_", " "), [k]) for k, name in enumerate(skeleton.keypoints)]


def kinds_table(people: People, judged: Sequence[Judged]) -> Table:
    """Return the share of each kind of error among all keypoints, a row for each source.

    Args:
        people: the annotated people.
        judged: the judged sources.
    """
    rows = []
    for one in judged:
        matched = np.count_nonzero(one.matches.predicted_id)
        rows.append((one.name, *(100 * errors.shares(one.kinds)).tolist(), f"{matched} of {len(people.area)}"))
    return Table(("% of keypoints", *errors.KINDS, "people"), rows)


def kinds_by_keypoint(one: Judged, skeleton: Skeleton) -> Table:
    """Return the kinds of errors of each keypoint as stacked bars.

    Args:
        one: the judged source.
        skeleton: skeleton of the keypoints.
    """
    rows = [
        (name, StackedBar(errors.KINDS, errors.shares(one.kinds[:, k]).tolist(), KIND_COLORS))
        for name, k in named(skeleton)
    ]
    return Table(("", "% of the keypoint"), rows)


def group_tables(people: People, judged: Sequence[Judged]) -> list[tuple[str, Table]]:
    """Return the recall by size, visibility and crowding: a title and a table for each.

    Args:
        people: the annotated people.
        judged: the judged sources.
    """
    tables = []
    for attribute in attributes(people.keypoints.shape[1]):
        rows: list[list[Cell]] = []
        for name, members in attribute.members(people).items():
            recall = [100 * float(one.matches.recall[members].mean()) for one in judged]
            rows.append([name, int(members.sum()), *(Bar(value, place) for place, value in enumerate(recall))])
        tables.append((attribute.title, Table(("", "people", *(("AR", one.name) for one in judged)), rows)))
    return tables


def worst_images(truth: COCO, folder: Path, people: People, judged: Sequence[Judged]) -> list[Picture]:
    """Return the images with the lowest mean OKS of the first source; of equal ones first those with more keypoints.

    Args:
        truth: the annotations.
        folder: folder of the images.
        people: the annotated people.
        judged: the judged sources.
    """
    oks = judged[0].matches.oks
    entries = []
    for image_id in np.unique(people.image_id):
        members = np.flatnonzero(people.image_id == image_id)
        entries.append((float(oks[members].mean()), -int(people.labelled[members].sum()), image_id, members))
    entries.sort(key=lambda entry: entry[:3])
    return [picture(truth, folder, people, members, judged) for *_, members in entries[:WORST]]


def picture(truth: COCO, folder: Path, people: People, members: np.ndarray, judged: Sequence[Judged]) -> Picture:
    """Return an image with its annotated people, given by their places, and with the people that each source found.

    Args:
        truth: the annotations.
        folder: folder of the images.
        people: the annotated people.
        members: places of the people of the image.
        judged: the judged sources.
    """
    image_id = people.image_id[members[0]]
    panels = [numbered_poses(people.keypoints[members], range(1, len(members) + 1), [1.0] * len(members))]
    captions = [annotated(len(members))]
    for one in judged:
        number = {result: place + 1 for place, result in enumerate(one.matches.predicted_id[members]) if result}
        results = one.evaluation.cocoDt.imgToAnns[image_id]
        panels.append(
            numbered_poses(
                np.array([keypoints_of(r) for r in results]).reshape(-1, *people.keypoints.shape[1:]),
                [number.get(r["id"], UNMATCHED) for r in results],
                [r["score"] for r in results],
            )
        )
        captions.append(f"{one.name}: mean OKS {one.matches.oks[members].mean():.2f}")
    name = truth.imgs[image_id]["file_name"]
    return Picture(str(name), folder / name, panels, captions, size_of(truth.imgs[image_id]))
