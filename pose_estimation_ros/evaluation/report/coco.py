"""What a report says of COCO and CrowdPose: curves, keypoints, kinds of errors, who is found, the worst images."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, Sequence

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pose_estimation_ros.core.skeleton import Skeleton, get_skeleton
from pose_estimation_ros.datasets.coco_faults import size_of
from pose_estimation_ros.datasets.coco_json import annotation_file
from pose_estimation_ros.evaluation.metrics import crowdpose
from pose_estimation_ros.evaluation.metrics import localization_errors as errors
from pose_estimation_ros.evaluation.metrics.bootstrap import average_precision, outcomes, resampled
from pose_estimation_ros.evaluation.metrics.groups import ATTRIBUTES
from pose_estimation_ros.evaluation.metrics.matches import (
    LOCALIZATION_OKS,
    Matches,
    People,
    keypoints_of,
    match,
    people_of,
)
from pose_estimation_ros.evaluation.report.charts import Line, bar, color_key, line_chart, stacked_bar
from pose_estimation_ros.evaluation.report.html import Html, element, note, section, table, titled
from pose_estimation_ros.evaluation.report.pictures import UNMATCHED, WORST, Picture, numbered_poses, pictures
from pose_estimation_ros.evaluation.report.summary import Source, Spread, beginning

KIND_COLORS = ("#8fd0a6", "#f3e08a", "#d3a8dd", "#9cc9ee", "#f0a58c")


class Judged(NamedTuple):
    """A source with pycocotools' evaluation of it, its matches, and the kinds of its keypoints' errors (P, K)."""

    source: Source
    evaluation: COCOeval
    matches: Matches
    kinds: np.ndarray

    @property
    def name(self) -> str:
        return self.source.name


def body(judge: ModuleType, truth: COCO, data: str | Path, sources: Sequence[Source], draws: int) -> list[Html]:
    """All sections of a report."""
    skeleton, people = get_skeleton(judge.SKELETON), people_of(truth)
    judged = [judge_source(source, truth, people, skeleton) for source in sources]
    figures = [partial(average_precision, outcomes(one.evaluation)) for one in judged]
    spread = Spread("AP", resampled(figures, len(truth.imgs), draws), len(truth.imgs))
    metrics = (*judge.METRICS, *(crowdpose.LEVELS if judge is crowdpose else ()))
    return beginning(data, judge.SKELETON, [metrics], sources, spread) + [
        curves(judged),
        keypoints(people, judged, skeleton),
        error_breakdown(people, judged, skeleton),
        attributes(people, judged),
        worst(truth, annotation_file(data).parent / "images", people, judged, skeleton),
    ]


def judge_source(source: Source, truth: COCO, people: People, skeleton: Skeleton) -> Judged:
    evaluation, matches = match(truth, people, source.results, skeleton)
    return Judged(source, evaluation, matches, errors.error_kinds(truth, people, matches, skeleton))


def curves(judged: Sequence[Judged]) -> Html:
    """Precision against recall: of one source all three curves in a chart, of several a chart for each threshold."""
    titles = ("OKS 0.5", "OKS 0.75", "mean of OKS 0.5 to 0.95")
    of_sources = [[curve(one.evaluation, which) for which in ([0], [5], range(10))] for one in judged]
    axes = ("recall", "precision")
    if len(judged) == 1:
        lines = [Line(f"{title}: {ap}", *xy) for title, (ap, *xy) in zip(titles, of_sources[0])]
        charts = [line_chart("Precision against recall", lines, axes)]
    else:
        charts = [
            line_chart(title, [Line(f"{one.name}: {ap}", *xy) for one, (ap, *xy) in zip(judged, own)], axes)
            for title, own in zip(titles, zip(*of_sources))
        ]
    explained = "The area below a curve is the AP at that OKS. Where it ends, no more people were found at any score."
    return section("Precision and recall", element("div", *charts, class_="charts"), note(explained))


def curve(evaluation: COCOeval, thresholds: Sequence[int]) -> tuple[str, np.ndarray, np.ndarray]:
    """AP in words, recall and precision (R,) up to the last recall that is reached; mean over places of thresholds."""
    precision = np.maximum(evaluation.eval["precision"][list(thresholds), :, 0, 0, 0], 0).mean(0)
    reached = np.flatnonzero(precision).max(initial=0) + 1
    ap = round(100 * float(precision.mean()), 2)  # as the figures of the table are
    return f"AP {ap:.1f}", evaluation.params.recThrs[:reached], precision[:reached]


def keypoints(people: People, judged: Sequence[Judged], skeleton: Skeleton) -> Html:
    """How far off each keypoint is, in the unit that OKS has for it, and how many are near."""
    distances = [errors.normalised_errors(people, one.matches, skeleton) for one in judged]
    rows = []
    everything = list(range(skeleton.num_keypoints))
    for name, joint in [*((name, [k]) for name, k in enumerated(skeleton)), ("all", everything)]:
        labelled = people.labelled[:, joint]
        cells = [
            cell
            for place, (one, distance) in enumerate(zip(judged, distances))
            for cell in keypoint_cells(distance[:, joint], one.matches.similarity[:, joint], labelled, place)
        ]
        rows.append((name, int(labelled.sum()), *cells))
    head = [titled(title, one.name) for one in judged for title in ("mean error", "% near")]
    explained = (
        "Mean error: distance in units of 2 sigma x the square root of the person's area, so that joints and sizes"
        f" compare; of people who have a prediction with an OKS of at least {LOCALIZATION_OKS}. % near: labelled"
        f" keypoints with a similarity of at least {errors.NEAR} (error below 1.18), of all people; whoever was not"
        " found counts as not near."
    )
    return section("Keypoints", table(("", "labelled", *head), rows), note(explained))


def keypoint_cells(distance: np.ndarray, similarity: np.ndarray, labelled: np.ndarray, place: int) -> list:
    """Mean error and share near of one source's keypoints, arrays of any one shape."""
    known = distance[np.isfinite(distance)]
    near = int(((similarity >= errors.NEAR) & labelled).sum())
    share = 100 * near / labelled.sum() if labelled.any() else np.nan
    return [f"{known.mean():.2f}" if len(known) else None, bar(share, place)]


def enumerated(skeleton: Skeleton) -> list[tuple[str, int]]:
    """Names of keypoints in words, and their places."""
    return [(name.replace("_", " "), k) for k, name in enumerate(skeleton.keypoints)]


def error_breakdown(people: People, judged: Sequence[Judged], skeleton: Skeleton) -> Html:
    """Good, jitter, inversion, swap and miss: of all keypoints and of each."""
    overall, parts = [], []
    for one in judged:
        matched = np.count_nonzero(one.matches.found_id)
        overall.append((one.name, *(100 * errors.shares(one.kinds)).tolist(), f"{matched} of {len(people.area)}"))
        rows = [
            (name, stacked_bar(errors.KINDS, errors.shares(one.kinds[:, k]).tolist(), KIND_COLORS))
            for name, k in enumerated(skeleton)
        ]
        parts.append(element("div", element("h3", one.name), table(("", "% of the keypoint"), rows, wide=True)))
    explained = (
        f"After Ronchi and Perona (ICCV 2017), by the similarity to annotated keypoints: good from {errors.GOOD},"
        f" jitter from {errors.NEAR}, both to its own; inversion: near the same person's other side; swap: near another"
        " person's; miss: near none. Of labelled keypoints of people who have a prediction with an OKS of at least"
        f" {LOCALIZATION_OKS}."
    )
    summary = table(("% of keypoints", *errors.KINDS, "people"), overall)
    bars = element("div", *parts, class_="charts")
    return section("Kinds of errors", summary, color_key(errors.KINDS, KIND_COLORS), bars, note(explained))


def attributes(people: People, judged: Sequence[Judged]) -> Html:
    """Who is found: by size, visibility and crowding."""
    parts = []
    for attribute in ATTRIBUTES:
        rows = []
        for name, own in attribute.members(people).items():
            recall = [100 * float(one.matches.recall[own].mean()) for one in judged]
            rows.append((name, int(own.sum()), *(bar(value, place) for place, value in enumerate(recall))))
        head = ("", "people", *(titled("AR", one.name) for one in judged))
        parts.append(element("div", element("h3", attribute.title), table(head, rows, wide=True)))
    explained = (
        "AR of a group: how many of its people were found, mean over OKS 0.5 to 0.95; over all people it is the AR"
        " above. Predictions that belong to nobody do not count here."
    )
    layout = "charts" if len(judged) == 1 else ""  # bars of several sources need the page's width
    return section("Size, visibility and crowding", element("div", *parts, class_=layout), note(explained))


def worst(truth: COCO, folder: Path, people: People, judged: Sequence[Judged], skeleton: Skeleton) -> Html:
    """The images of the lowest mean OKS of the first source; among equals those with more labelled keypoints."""
    first = judged[0].matches
    entries = []
    for image_id in np.unique(people.image_id):
        own = np.flatnonzero(people.image_id == image_id)
        entries.append((float(first.oks[own].mean()), -int(people.labelled[own].sum()), image_id, own))
    chosen = [picture(truth, folder, people, own, judged) for *_, own in sorted(entries, key=lambda e: e[:3])[:WORST]]
    explained = (
        f"The {len(chosen)} images with the lowest mean OKS of {judged[0].name}; who was not found counts 0. Left limbs"
        " orange, right limbs blue. Equal numbers: a person and the prediction that was counted for it; a percentage is"
        " the score of a prediction that belongs to nobody. Images that are not at hand are left grey."
    )
    return section("Worst images", note(explained), pictures(chosen, skeleton))


def picture(truth: COCO, folder: Path, people: People, own: np.ndarray, judged: Sequence[Judged]) -> Picture:
    """An image by its people's places."""
    image_id = people.image_id[own[0]]
    panels = [numbered_poses(people.keypoints[own], range(1, len(own) + 1), [1.0] * len(own))]
    captions = [f"annotated: {len(own)} {'person' if len(own) == 1 else 'people'}"]
    for one in judged:
        number = {found: place + 1 for place, found in enumerate(one.matches.found_id[own]) if found}
        found = one.evaluation.cocoDt.imgToAnns[image_id]
        panels.append(
            numbered_poses(
                np.array([keypoints_of(f) for f in found]).reshape(-1, *people.keypoints.shape[1:]),
                [number.get(f["id"], UNMATCHED) for f in found],
                [f["score"] for f in found],
            )
        )
        captions.append(f"{one.name}: mean OKS {one.matches.oks[own].mean():.2f}")
    name = truth.imgs[image_id]["file_name"]
    return Picture(str(name), folder / name, panels, captions, size_of(truth.imgs[image_id]))
