"""Compute COCO's keypoint AP with pycocotools.

Object keypoint similarity (OKS) and AP are those of the COCO keypoint evaluation,
https://cocodataset.org/#keypoints-eval.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Collection, Iterable, Sequence

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.datasets.coco_ids import Id
from pose_estimation_ros.datasets.coco_index import skeleton_of
from pose_estimation_ros.datasets.predictions import Result
from pose_estimation_ros.evaluation.skeletons import known_sigmas

METRICS = ("AP", "AP50", "AP75", "APM", "APL", "AR")  # COCOeval.stats[:6] for keypoints


def keypoint_ap(truth: COCO, results: Iterable[Result]) -> dict[str, float]:
    """Compute METRICS with pycocotools.

    Args:
        truth: the annotations.
        results: the predictions; those that are not finite count as missed (finite_results).

    Returns:
        0..100 by name; all 0 without results, -1 where nobody is annotated.

    Raises:
        ConfigError: the sigmas of the annotations' skeleton are not known.
    """
    results = finite_results(results)
    if not results:
        return dict.fromkeys(METRICS, 0.0)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = judge(truth, load_results(truth, results), skeleton_of(truth))
        evaluation.summarize()
    return {name: percent(value) for name, value in zip(METRICS, evaluation.stats)}


def people_found(truth: COCO, results: Iterable[Result]) -> dict[str, float]:
    """Count people at the scores that a model is used with: nobody is left out for a low one.

    Args:
        truth: the annotations.
        results: the predictions of a pipeline, after its thresholds; those that are not finite are left out, and of an
            image the best 20 count, as always in COCO's evaluation.

    Returns:
        "people_found", % of the annotated people with a prediction of OKS 0.5 or more, -1 where nobody is annotated;
        and "false_per_image", predictions per image that belong to nobody. Predictions that lie on people without
        keypoints or on crowds are not counted.

    Raises:
        ConfigError: the sigmas of the annotations' skeleton are not known.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        near = judge(truth, load_results(truth, results), skeleton_of(truth), oks_thresholds=[0.5])
    entries = [entry for entry in near.evalImgs[: len(near.params.imgIds)] if entry]  # of people of all sizes
    people = sum(int((np.asarray(entry["gtIgnore"]) == 0).sum()) for entry in entries)
    counted = [(entry["dtMatches"][0] > 0, entry["dtIgnore"][0] == 0) for entry in entries]
    found = sum(int((matched & counts).sum()) for matched, counts in counted)
    false = sum(int((~matched & counts).sum()) for matched, counts in counted)
    return {"people_found": percent(found / people if people else -1), "false_per_image": false / len(truth.imgs)}


def finite_results(results: Iterable[Result]) -> list[Result]:
    """Return the results whose keypoints and score are finite: pycocotools takes an OKS of NaN for a match."""
    return [r for r in results if np.isfinite(r["score"]) and np.isfinite(r["keypoints"]).all()]


def found_people(results: Iterable[Result]) -> list[Result]:
    """Return the results of a model with a keypoint that was found: finite, and not all of them with the score 0.

    A backend gives the score 0 to keypoints that the network computed as NaN or infinite.
    """
    return [result for result in finite_results(results) if any(result["keypoints"][2::3])]


def load_results(truth: COCO, results: Iterable[Result]) -> COCO:
    """Make pycocotools' index of copies of the finite results; of none, too, which its own loadRes refuses.

    Args:
        truth: the annotations.
        results: predictions in COCO's results format.
    """
    fields = ("image_id", "category_id", "keypoints", "score")
    kept = [{field: result[field] for field in fields} for result in finite_results(results)]
    with contextlib.redirect_stdout(io.StringIO()):
        if kept:
            return truth.loadRes(kept)
        nobody = COCO()
        nobody.dataset = {**truth.dataset, "annotations": []}
        nobody.createIndex()
        return nobody


def judge(
    truth: COCO,
    predictions: COCO,
    skeleton: Skeleton,
    image_ids: Collection[Id] | None = None,
    oks_thresholds: Sequence[float] | None = None,
) -> COCOeval:
    """Compare predictions with annotations by pycocotools.

    Args:
        truth: the annotations.
        predictions: as load_results returns them.
        skeleton: its sigmas scale the OKS.
        image_ids: ids of the images to judge, None for all.
        oks_thresholds: None for COCO's ten, 0.5 to 0.95.

    Returns:
        The evaluation, accumulated.

    Raises:
        ConfigError: the sigmas of the skeleton are not known.
    """
    evaluation = COCOeval(truth, predictions, "keypoints")
    evaluation.params.kpt_oks_sigmas = known_sigmas(skeleton)
    if image_ids is not None:
        evaluation.params.imgIds = sorted(image_ids)
    if oks_thresholds is not None:
        evaluation.params.iouThrs = np.array(oks_thresholds)
    evaluation.evaluate()
    evaluation.accumulate()
    return evaluation


def percent(value: float) -> float:
    """Convert 0..1 to 0..100; pycocotools' -1, nobody to find, stays."""
    return 100 * float(value) if value >= 0 else -1.0
